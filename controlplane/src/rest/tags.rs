//! Tags, by the ARN of what has them.

use super::Answer;
use super::answer;
use super::page;
use super::request::{Input, check};
use super::resources::{self, ChangeResult, RecordChange};
use crate::auth::Caller;
use crate::codes;
use crate::fault::{Fault, FaultKind};
use crate::plane::ControlPlane;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, SchemaNode};
use meshform_model::tags::{self, Tags};
use meshform_store::{ImportedIdentity, Record, RecordDraft};
use serde_json::{Map, Value as Json, json};

/// How many tags a resource may have, as in the API of App Mesh.
const MOST: usize = 50;

pub(super) async fn list(plane: &ControlPlane, caller: &Caller, input: &Input) -> Result<Answer, Fault> {
    let record = tagged(plane, caller, input).await?;
    let limit = page::limit(input.query("limit"), MOST)?;
    let name = format!("tags {}", record.identity.arn);
    let sealer = plane.sealer().await?;
    let after = page::after(&sealer, &name, input.query("nextToken"))?;
    let all = of(&record);
    let mut rest = all
        .iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next = match (page.last(), rest.next()) {
        (Some((last, _)), Some(_)) => Some(page::token(&sealer, &name, last)?),
        _ => None,
    };
    let items = match tags::write(page) {
        Json::Array(items) => items,
        _ => Vec::new(),
    };
    Ok(Answer::read(answer::page("tags", items, next)))
}

pub(super) async fn tag(plane: &ControlPlane, caller: &Caller, input: &Input) -> Result<Answer, Fault> {
    input.only(&["tags"])?;
    let Some(given) = input.member("tags") else {
        return Err(Fault::bad(codes::BAD_REQUEST, "tags: it is missing"));
    };
    change(plane, caller, input, |record, tags| {
        // The schema says what a tag is.
        let body = resources::body(&record.key, record.body.get("spec"), Some(given))?;
        tags.extend(of_body(&body));
        match tags.len() > MOST {
            false => Ok(()),
            true => {
                let message = format!("tags: the resource would have {}; {MOST} are allowed", tags.len());
                Err(Fault::new(FaultKind::TooManyTags, codes::TAGS, message))
            }
        }
    })
    .await
}

pub(super) async fn untag(plane: &ControlPlane, caller: &Caller, input: &Input) -> Result<Answer, Fault> {
    input.only(&["tagKeys"])?;
    let Some(Json::Array(keys)) = input.member("tagKeys") else {
        return Err(Fault::bad(
            codes::BAD_REQUEST,
            "tagKeys: a list of strings is expected",
        ));
    };
    if keys.len() > MOST {
        let message = format!("tagKeys: there are {}; {MOST} are allowed", keys.len());
        return Err(Fault::bad(codes::BAD_REQUEST, message));
    }
    for (at, key) in keys.iter().enumerate() {
        let name = format!("tagKeys[{at}]");
        match key {
            Json::String(key) => check(&name, key_of_tags(), key)?,
            _ => {
                let message = format!("{name}: a string is expected");
                return Err(Fault::bad(codes::BAD_REQUEST, message));
            }
        }
    }
    change(plane, caller, input, |_, tags| {
        keys.iter()
            .filter_map(Json::as_str)
            .for_each(|key| drop(tags.remove(key)));
        Ok(())
    })
    .await
}

/// Writes other tags. Version and time stay: tags are no part of what the resource says.
async fn change(
    plane: &ControlPlane,
    caller: &Caller,
    input: &Input,
    alter: impl Fn(&Record, &mut Tags) -> Result<(), Fault>,
) -> Result<Answer, Fault> {
    let (arn, key) = meant(input)?;
    let is_meant = |record: &Record| {
        is_of(record, arn)?;
        caller.may_write(&record.key.mesh)
    };
    let done = resources::change(plane, caller, &key, is_meant, |record| {
        let before = of(record);
        let mut tags = before.clone();
        alter(record, &mut tags)?;
        if tags == before {
            return Ok(RecordChange::None(Answer::read(json!({}))));
        }
        let mut body = record.body.as_object().cloned().unwrap_or_else(Map::new);
        body.remove("tags");
        if !tags.is_empty() {
            body.insert("tags".to_owned(), tags::write(&tags));
        }
        let mut draft = RecordDraft::new(record.key.clone(), Json::Object(body));
        draft.request.clone_from(&record.request);
        draft.imported = ImportedIdentity {
            version: Some(record.version),
            last_updated_at: Some(record.last_updated_at),
            ..ImportedIdentity::default()
        };
        Ok(RecordChange::To(draft))
    });
    match done.await? {
        ChangeResult::Not(answer) => Ok(answer),
        ChangeResult::Written(record) => {
            plane.releases.note_by(&record.key.mesh, &record.author.actor);
            let mut answer = Answer::read(json!({}));
            answer.written = Some((record.key.mesh.clone(), record.revision));
            Ok(answer)
        }
    }
}

fn of(record: &Record) -> Tags {
    of_body(&record.body)
}

/// The tags of a body that was validated.
fn of_body(body: &Json) -> Tags {
    tags::read(body.get("tags").cloned().unwrap_or_default()).unwrap_or_default()
}

/// What the schema says of the key of a tag, which is the same for every kind.
fn key_of_tags() -> Option<&'static SchemaNode> {
    let tags = schema::kind(Kind::Mesh).root.object()?.field("tags")?;
    let tag = tags.node.list()?.items.object()?;
    tag.field("key").map(|key| key.node)
}

/// The resource that `resourceArn` names.
async fn tagged(plane: &ControlPlane, caller: &Caller, input: &Input) -> Result<Record, Fault> {
    let (arn, key) = meant(input)?;
    let record = resources::found(plane, caller, &key).await?;
    is_of(&record, arn)?;
    Ok(record)
}

/// The ARN that a request names, and whose it would be.
fn meant(input: &Input) -> Result<(&str, ResourceKey), Fault> {
    let Some(arn) = input.query("resourceArn") else {
        return Err(Fault::bad(codes::BAD_REQUEST, "resourceArn: it is missing"));
    };
    let Some(key) = ResourceKey::from_arn(arn) else {
        let message = format!("resourceArn: `{arn}` is not the ARN of a resource of App Mesh");
        return Err(Fault::bad(codes::BAD_REQUEST, message));
    };
    Ok((arn, key))
}

/// Whether a record is of that ARN, and not of another account's or region's.
fn is_of(record: &Record, arn: &str) -> Result<(), Fault> {
    match record.identity.arn == arn {
        true => Ok(()),
        false => Err(resources::absent(&record.key)),
    }
}
