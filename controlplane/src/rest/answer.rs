//! Records as the API answers them.

use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::Node;
use meshform_store::{Record, Timestamp};
use serde_json::{Map, Value as Json, json};

/// A resource as create, describe, update and delete answer it. `status` is `ACTIVE`, or `DELETED`.
pub(crate) fn data(record: &Record, status: &str) -> Json {
    let kind = record.key.kind;
    let mut document = names(&record.key);
    let spec = record.body.get("spec").filter(|spec| !spec.is_null());
    document.insert("spec".to_owned(), spec.cloned().unwrap_or_else(|| json!({})));
    // What the canonical form leaves out and the API wants, even empty.
    let whole = dialect::from_canonical(kind, Dialect::Api, &Node::from_json(&Json::Object(document)));
    let mut answer = match whole.to_json() {
        Some(Json::Object(answer)) => answer,
        _ => Map::new(),
    };
    answer.insert("metadata".to_owned(), Json::Object(metadata(record)));
    answer.insert("status".to_owned(), json!({ "status": status }));
    Json::Object(answer)
}

/// A resource as lists have it.
fn reference(record: &Record) -> Json {
    let mut answer = names(&record.key);
    let mut metadata = metadata(record);
    metadata.remove("uid");
    answer.append(&mut metadata);
    Json::Object(answer)
}

/// The answer to a list.
pub(crate) fn list(kind: Kind, records: &[Record], next: Option<String>) -> Json {
    let items = records.iter().map(reference).collect();
    page(&kind.plural(), items, next)
}

/// A page of a list under its name.
pub(crate) fn page(name: &str, items: Vec<Json>, next: Option<String>) -> Json {
    let mut answer = Map::new();
    answer.insert(name.to_owned(), Json::Array(items));
    if let Some(next) = next {
        answer.insert("nextToken".to_owned(), Json::String(next));
    }
    Json::Object(answer)
}

/// The names that identify a resource, by the fields that the schema says.
pub(crate) fn names(key: &ResourceKey) -> Map<String, Json> {
    let fields = &schema::kind(key.kind).key;
    let named = fields.iter().zip(key.names());
    named
        .map(|(field, value)| (field.clone(), Json::from(value)))
        .collect()
}

fn metadata(record: &Record) -> Map<String, Json> {
    let identity = &record.identity;
    let all = json!({
        "arn": identity.arn,
        "createdAt": seconds(record.created_at),
        "lastUpdatedAt": seconds(record.last_updated_at),
        "meshOwner": identity.mesh_owner,
        "resourceOwner": identity.resource_owner,
        "uid": identity.uid,
        "version": record.version,
    });
    match all {
        Json::Object(all) => all,
        _ => Map::new(),
    }
}

/// Seconds since 1970 as a number, which is how this API writes times.
fn seconds(at: Timestamp) -> Json {
    match at.0 % 1000 {
        0 => json!(at.0 / 1000),
        // Three decimals of a double are exact far beyond any date.
        _ => json!(at.0 as f64 / 1000.0),
    }
}
