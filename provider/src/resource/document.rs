//! A Terraform value of a resource, its canonical document, and its record in the store.
//!
//! The canonical document is the whole resource with the API's names: identity, `spec`, `tags`, `metadata`. A
//! record's body is the part of it that the user decides: `spec`, `tags`, `extensions`.

use crate::problem;
use crate::resource::{key, region};
use crate::value;
use meshform_model::diag::{Diagnostic as Problem, Severity};
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema::terraform::{self, Body};
use meshform_model::value::{Node, Object, Value as Inner};
use meshform_model::{canonical, rules, validate};
use meshform_store::{Record, Seed};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use tfplugin::Value;
use tfplugin::schema::Schema;
use tfplugin::value::Misfit;

/// The canonical document of a value, and what is wrong with it.
pub(crate) fn of_value(kind: Kind, value: &Value) -> (Node, Vec<Problem>) {
    let (document, mut problems) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value));
    problems.extend(validate::resource_in(kind, Dialect::Terraform, &document));
    (document, problems)
}

/// What is wrong with a configured resource whatever else its mesh has; nothing while a part of it is not known.
///
/// These are warnings: App Mesh took some of it, and what it took must still plan and apply. A mesh with it is not
/// whole, so proxies keep what they have.
///
/// `document` is the canonical document of the value.
pub(crate) fn judged_alone(kind: Kind, value: &Value, mut document: Node) -> Vec<Problem> {
    let Some(key) = key::of_value(kind, value) else {
        return Vec::new();
    };
    // Tags break no rule, and may be unknown.
    if let Inner::Object(object) = &mut document.value {
        object.remove("tags");
    }
    let Some(body) = canonical::body(kind, &document) else {
        return Vec::new();
    };
    let mut found = match Resource::from_body(key, &body) {
        Ok(resource) => rules::check_alone(resource),
        Err(problem) => vec![problem],
    };
    let errors = found.iter_mut().filter(|one| one.severity == Severity::Error);
    errors.for_each(problem::until_mended);
    found
}

/// A configured or planned resource by itself, without tags. `None` while a part of it is not known.
pub(crate) fn resource(kind: Kind, value: &Value) -> Option<Resource> {
    let key = key::of_value(kind, value)?;
    let (mut document, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value));
    if let Inner::Object(object) = &mut document.value {
        object.remove("tags");
    }
    Resource::from_body(key, &canonical::body(kind, &document)?).ok()
}

/// What a record of a value would keep. `None` while a part of it is not known.
pub(crate) fn body(kind: Kind, value: &Value) -> Option<serde_json::Value> {
    let (document, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value));
    canonical::body(kind, &document)
}

/// The canonical document of a record, with its names and what the store knows of it.
pub(crate) fn of_record(record: &Record) -> Node {
    let body = match Node::from_json(&record.body).value {
        Inner::Object(object) => object,
        _ => Object::new(),
    };
    around(body, record)
}

/// The canonical document of a body, with the names of its record and what the store knows of it.
fn around(mut document: Object, record: &Record) -> Node {
    for (name, value) in key::canonical_names(record.key.kind).zip(key::names(&record.key)) {
        document.set(name, Node::new(Inner::from(value)));
    }
    if record.key.kind != Kind::Mesh {
        document.set(
            "meshOwner",
            Node::new(Inner::from(record.identity.mesh_owner.as_str())),
        );
    }
    let metadata = [
        ("arn", record.identity.arn.clone()),
        ("uid", record.identity.uid.clone()),
        ("meshOwner", record.identity.mesh_owner.clone()),
        ("resourceOwner", record.identity.resource_owner.clone()),
        ("createdAt", record.created_at.to_string()),
        ("lastUpdatedAt", record.last_updated_at.to_string()),
    ];
    let metadata = metadata
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Node::new(Inner::from(text))));
    document.set("metadata", Node::new(Inner::Object(metadata.collect())));
    // Whoever wrote it (another version, `meshform adopt`) may have left defaults out.
    canonical::canonicalise(record.key.kind, &Node::new(Inner::Object(document)))
}

/// An argument in a block that only Terraform has, and no record keeps.
struct TerraformsOwn {
    /// The blocks around it, outermost first.
    blocks: Vec<String>,
    name: String,
}

impl TerraformsOwn {
    /// Those of a kind, collected once.
    fn all(kind: Kind) -> &'static [Self] {
        static ALL: OnceLock<BTreeMap<Kind, Vec<TerraformsOwn>>> = OnceLock::new();
        let all = ALL.get_or_init(|| {
            let of_kind = |kind| {
                let mut found = Vec::new();
                Self::collect(&terraform::resource(kind).body, &[], &mut found);
                (kind, found)
            };
            Kind::ALL.into_iter().map(of_kind).collect()
        });
        all.get(&kind).map(Vec::as_slice).unwrap_or_default()
    }

    fn collect(body: &Body, around: &[String], found: &mut Vec<Self>) {
        for block in &body.blocks {
            let mut blocks = around.to_vec();
            blocks.push(block.name.clone());
            let own = block.body.attributes.iter().filter(|one| one.field.is_none());
            found.extend(own.map(|one| Self {
                blocks: blocks.clone(),
                name: one.name.clone(),
            }));
            Self::collect(&block.body, &blocks, found);
        }
    }

    /// Leaves it as the state had it: else it would be planned for ever.
    fn keep(&self, prior: &Value, state: &mut Value) {
        fn at(blocks: &[String], name: &str, prior: &Value, state: &mut Value) {
            let Some((block, inner)) = blocks.split_first() else {
                return state.set_attr(name, prior.get(name).clone());
            };
            let new = state.entries_mut().and_then(|all| all.get_mut(block.as_str()));
            let new = new.and_then(Value::items_mut).into_iter().flatten();
            for (item, old) in new.zip(prior.get(block).items()) {
                at(inner, name, old, item);
            }
        }
        at(&self.blocks, &self.name, prior, state);
    }
}

/// A record as a state, in the order in which `prior` has what has no order of its own.
pub(crate) fn to_state(schema: &Schema, record: &Record, prior: &Value) -> Result<Value, Misfit> {
    let kind = record.key.kind;
    let mut document = of_record(record);
    if !prior.is_null() {
        let (prior, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(prior));
        document = canonical::align(kind, &document, &prior);
    }
    shown(schema, record, &document, prior)
}

/// What a state shows of a record beside its body: names, and what the store knows of it. The rest is null.
pub(crate) fn beside_body(schema: &Schema, record: &Record) -> Result<Value, Misfit> {
    shown(schema, record, &around(Object::new(), record), &Value::Null)
}

fn shown(schema: &Schema, record: &Record, document: &Node, prior: &Value) -> Result<Value, Misfit> {
    let kind = record.key.kind;
    let state = dialect::from_canonical(kind, Dialect::Terraform, document);
    let mut state = value::from_node(&state);
    for own in TerraformsOwn::all(kind) {
        own.keep(prior, &mut state);
    }
    let mut state = schema.conform(state)?;
    if kind == Kind::Mesh {
        state.set_attr("id", record.key.name.as_str());
    }
    if let Some(seed) = Seed::from_arn(&record.identity.arn) {
        region::show(schema, &mut state, seed.region());
    }
    Ok(state)
}
