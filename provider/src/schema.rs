//! Terraform's schema of a kind, from the model's.
//!
//! There is no list of fields here: `meshform_model::schema::terraform` says what a resource looks like, and this
//! says it in the SDK's words.

use meshform_model::kind::Kind;
use meshform_model::schema::terraform::{self, Body, Type as ModelType};
use tfplugin::Value;
use tfplugin::schema::{Attribute, IdentityAttribute, IdentitySchema, NestedBlock, Schema};
use tfplugin::value::Type;

/// Ours begin here, so that a state that hashicorp/aws wrote (0 or 1) is recognised under the same type name.
pub(crate) const SCHEMA_VERSION: i64 = 1000;

/// The schema of a kind's resource.
pub(crate) fn resource(kind: Kind) -> Schema {
    let model = terraform::resource(kind);
    let mut schema = Schema::new().version(SCHEMA_VERSION).description(model.doc);
    let (attributes, blocks) = parts(&model.body);
    for attribute in attributes {
        schema = schema.attribute(attribute);
    }
    for block in blocks {
        schema = schema.block(block);
    }
    schema
}

/// What tells one resource of a kind from all others: the names in its import id.
pub(crate) fn identity(kind: Kind) -> IdentitySchema {
    let mut identity = IdentitySchema::new();
    for name in crate::key::attributes(kind) {
        identity = identity.attribute(IdentityAttribute::required(name, Type::String));
    }
    identity
}

/// Attributes that every write of the resource sets anew.
pub(crate) fn moving(kind: Kind) -> Vec<String> {
    let attributes = terraform::resource(kind).body.attributes.into_iter();
    attributes.filter(moves).map(|one| one.name).collect()
}

fn moves(model: &terraform::Attribute) -> bool {
    model.field.is_some_and(|field| field.moves)
}

fn parts(body: &Body) -> (Vec<Attribute>, Vec<NestedBlock>) {
    (
        body.attributes.iter().map(attribute).collect(),
        body.blocks.iter().map(block).collect(),
    )
}

fn attribute(model: &terraform::Attribute) -> Attribute {
    let mut attribute = Attribute::new(model.name.as_str(), ty(model.kind)).description(model.doc.clone());
    if model.required {
        attribute = attribute.required();
    }
    if model.optional {
        attribute = attribute.optional();
    }
    if model.computed {
        attribute = attribute.computed();
        if model.default.is_none() && !moves(model) {
            attribute = attribute.use_state_for_unknown();
        }
    }
    if model.sensitive {
        attribute = attribute.sensitive();
    }
    if model.replaces {
        attribute = attribute.requires_replace();
    }
    if let Some(text) = &model.deprecated {
        attribute = attribute.deprecated(text.clone());
    }
    if let Some(default) = &model.default {
        attribute = attribute.default(scalar(default));
    }
    attribute
}

fn block(model: &terraform::Block) -> NestedBlock {
    let mut block = NestedBlock::list(model.name.as_str())
        .description(model.doc.clone())
        .min_items(model.min);
    if let Some(max) = model.max {
        block = block.max_items(max);
    }
    let (attributes, blocks) = parts(&model.body);
    for attribute in attributes {
        block = block.attribute(attribute);
    }
    for inner in blocks {
        block = block.block(inner);
    }
    // A key that lies deeper than the block's own attributes is of no use to the SDK.
    let own = |name: &String| {
        model
            .body
            .attributes
            .iter()
            .any(|attribute| attribute.name == *name)
    };
    match (model.unordered, model.key.iter().all(own)) {
        (false, _) => block,
        (true, true) => block.unordered_by(model.key.iter().map(String::as_str)),
        (true, false) => block.unordered(),
    }
}

pub(crate) fn ty(model: ModelType) -> Type {
    match model {
        ModelType::String => Type::String,
        ModelType::Number => Type::Number,
        ModelType::Bool => Type::Bool,
        ModelType::ListString => Type::list(Type::String),
        ModelType::ListNumber => Type::list(Type::Number),
        ModelType::SetString => Type::set(Type::String),
        ModelType::SetNumber => Type::set(Type::Number),
        ModelType::MapString => Type::map(Type::String),
    }
}

/// A default of the schema's. Only scalars are sent.
fn scalar(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => n.to_string().parse().map_or(Value::Null, Value::Number),
        serde_json::Value::String(s) => Value::String(s.clone()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_finds_nothing_wrong_with_any_schema() {
        for kind in Kind::ALL {
            assert_eq!(resource(kind).problems(kind.name()), Vec::<String>::new());
        }
    }
}
