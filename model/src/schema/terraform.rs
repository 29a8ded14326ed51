//! The schema as Terraform needs it, in a neutral form that a provider turns into its SDK's with a loop.
//!
//! Names and nesting are those of `aws_appmesh_*`, with the fields that it lacks. Objects are blocks with at
//! most one element; lists of objects are list blocks, also where hashicorp/aws has sets: their order has no
//! meaning then ([`Block::unordered`]). Scalar lists without order are sets.

use super::{Dialect, Field, FieldForm, ObjectShape, SchemaNode, Shape, TextShape, kind};
use crate::kind::Kind;

#[derive(Debug, Clone)]
pub struct Resource {
    /// The type in configurations: `appmesh_virtual_node`.
    pub type_name: String,
    pub doc: String,
    pub body: Body,
}

/// Attributes and nested blocks, each in the order of their names.
#[derive(Debug, Clone, Default)]
pub struct Body {
    pub attributes: Vec<Attribute>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub struct Attribute {
    pub name: String,
    pub kind: Type,
    pub required: bool,
    pub optional: bool,
    /// The provider may fill it in.
    pub computed: bool,
    /// Terraform shows `(sensitive value)` in its place.
    pub sensitive: bool,
    /// A change replaces the resource.
    pub replaces: bool,
    /// Why it should not be used.
    pub deprecated: Option<String>,
    /// What it means, as Markdown, with default and bounds.
    pub doc: String,
    /// What the provider plans when it is null (only defaults that are sent).
    pub default: Option<serde_json::Value>,
    /// The canonical field; `None` where only Terraform has the attribute.
    pub field: Option<&'static Field>,
}

/// A nested block; in values always a list of objects.
#[derive(Debug, Clone)]
pub struct Block {
    pub name: String,
    pub min: usize,
    /// `None`: any number.
    pub max: Option<usize>,
    /// One object of the canonical form, not a list.
    pub single: bool,
    /// One object that is one of several and may be left out: written without any of them it says nothing.
    pub optional_choice: bool,
    /// The order of the blocks means nothing.
    pub unordered: bool,
    /// Terraform paths (`a.b`) of what tells the blocks apart, where the order means nothing.
    pub key: Vec<String>,
    pub doc: String,
    /// Which of its arguments exclude each other, as a sentence.
    pub rule: Option<String>,
    pub body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    String,
    Number,
    Bool,
    ListString,
    ListNumber,
    SetString,
    SetNumber,
    MapString,
}

/// The resource type of a kind.
pub fn resource(of: Kind) -> Resource {
    let schema = kind(of);
    Resource {
        type_name: schema.type_in(Dialect::Terraform).to_owned(),
        doc: schema.doc.clone(),
        body: schema.root.object().map(body).unwrap_or_default(),
    }
}

fn body(object: &'static ObjectShape) -> Body {
    let mut body = Body::default();
    collect(object, false, &mut body);
    for only in &object.terraform_only {
        body.attributes.push(Attribute {
            name: only.name.clone(),
            kind: only.kind,
            required: false,
            optional: only.optional,
            computed: only.computed,
            sensitive: false,
            replaces: false,
            deprecated: only.deprecated.clone(),
            doc: only.doc.clone(),
            default: None,
            field: None,
        });
    }
    body.attributes.sort_by(|a, b| a.name.cmp(&b.name));
    body.blocks.sort_by(|a, b| a.name.cmp(&b.name));
    body
}

fn collect(object: &'static ObjectShape, computed: bool, into: &mut Body) {
    for field in &object.fields {
        match (field.named(Dialect::Terraform).form, &field.node.shape) {
            (FieldForm::Absent, _) => {}
            (FieldForm::Flatten, _) => {
                if let Some(inner) = field.node.object() {
                    collect(inner, computed || field.computed, into);
                }
            }
            (FieldForm::Map, _) => into.attributes.push(attribute(field, Type::MapString, computed)),
            (FieldForm::Usual, Shape::Object(inner) | Shape::Union(inner)) => into.blocks.push(Block {
                name: name_of(field).to_owned(),
                min: usize::from(field.terraform_required),
                max: Some(1),
                single: true,
                optional_choice: matches!(field.node.shape, Shape::Union(_)) && !field.required,
                unordered: false,
                key: Vec::new(),
                doc: field.doc.clone(),
                rule: rule(&field.node.shape),
                body: body(inner),
            }),
            (FieldForm::Usual, Shape::List(list)) => match list.items.object() {
                Some(inner) => into.blocks.push(Block {
                    name: name_of(field).to_owned(),
                    min: if field.terraform_required {
                        list.min.max(1)
                    } else {
                        0
                    },
                    max: list.max,
                    single: false,
                    optional_choice: false,
                    unordered: list.unordered,
                    key: list.key.iter().map(|path| key_path(inner, path)).collect(),
                    doc: field.doc.clone(),
                    rule: rule(&list.items.shape),
                    body: body(inner),
                }),
                None => {
                    let kind = match (list.unordered, is_numeric(list.items)) {
                        (true, true) => Type::SetNumber,
                        (true, false) => Type::SetString,
                        (false, true) => Type::ListNumber,
                        (false, false) => Type::ListString,
                    };
                    into.attributes.push(attribute(field, kind, computed));
                }
            },
            (FieldForm::Usual, Shape::Bool) => into.attributes.push(attribute(field, Type::Bool, computed)),
            (FieldForm::Usual, Shape::Int(_) | Shape::Number(_)) => {
                into.attributes.push(attribute(field, Type::Number, computed));
            }
            (FieldForm::Usual, Shape::Text(_) | Shape::Any) => {
                into.attributes.push(attribute(field, Type::String, computed));
            }
        }
    }
}

fn name_of(field: &Field) -> &str {
    &field.named(Dialect::Terraform).name
}

/// `computed`: the whole surrounding object is filled in by the store alone.
fn attribute(field: &'static Field, kind: Type, computed: bool) -> Attribute {
    let default = field.default.clone().filter(|_| field.sent);
    Attribute {
        name: name_of(field).to_owned(),
        kind,
        required: field.terraform_required && !computed,
        optional: !field.terraform_required && !computed,
        computed: computed || field.computed || default.is_some(),
        sensitive: field.secret,
        replaces: field.identity,
        deprecated: field
            .deprecated
            .then(|| format!("`{}` is deprecated", name_of(field))),
        doc: describe(field),
        default,
        field: Some(field),
    }
}

/// The description with what the shape allows: choices, bounds, default.
pub fn describe(field: &Field) -> String {
    let mut doc = field.doc.clone();
    let list = field.node.list();
    let node = list.map_or(field.node, |list| list.items);
    match &node.shape {
        Shape::Text(TextShape { choices, .. }) if !choices.is_empty() => {
            let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            doc.push_str(&format!(" One of {}.", choices.join(", ")));
        }
        Shape::Int(bounds) | Shape::Number(bounds) => match (bounds.min, bounds.max) {
            (Some(min), Some(max)) => doc.push_str(&format!(" From {min} to {max}.")),
            (Some(min), None) => doc.push_str(&format!(" At least {min}.")),
            (None, Some(max)) => doc.push_str(&format!(" At most {max}.")),
            (None, None) => {}
        },
        _ => {}
    }
    if let Some(max) = list.and_then(|list| list.max) {
        doc.push_str(&format!(" At most {max} elements."));
    }
    match &field.default {
        Some(serde_json::Value::String(text)) => doc.push_str(&format!(" Default: `{text}`.")),
        Some(value) if !value.is_object() => doc.push_str(&format!(" Default: `{value}`.")),
        _ => {}
    }
    doc
}

/// "Exactly one of `file` and `sds` must be given."
fn rule(shape: &Shape) -> Option<String> {
    let named = |object: &ObjectShape, group: &[String]| {
        let names: Vec<String> = group
            .iter()
            .filter_map(|name| object.field(name))
            .map(|field| format!("`{}`", name_of(field)))
            .collect();
        names.join(", ")
    };
    let (object, exactly) = match shape {
        Shape::Union(object) if object.fields.len() > 1 => {
            let all: Vec<String> = object.fields.iter().map(|field| field.name.clone()).collect();
            (object, vec![all])
        }
        Shape::Object(object) => (object, object.one_of.clone()),
        _ => return None,
    };
    let exactly = exactly
        .iter()
        .map(|group| format!("Exactly one of {} must be given.", named(object, group)));
    let at_most = object
        .at_most_one
        .iter()
        .map(|group| format!("At most one of {} may be given.", named(object, group)));
    let sentences: Vec<String> = exactly.chain(at_most).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn key_path(object: &ObjectShape, path: &str) -> String {
    let (head, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let Some(field) = object.field(head) else {
        return path.to_owned();
    };
    match (rest, field.node.object()) {
        (Some(rest), Some(inner)) => format!("{}.{}", name_of(field), key_path(inner, rest)),
        _ => name_of(field).to_owned(),
    }
}

fn is_numeric(node: &SchemaNode) -> bool {
    matches!(node.shape, Shape::Int(_) | Shape::Number(_))
}

// === impl Type ===

impl Type {
    /// The type of that text, as Terraform writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "string" => Type::String,
            "number" => Type::Number,
            "bool" => Type::Bool,
            "list(string)" => Type::ListString,
            "list(number)" => Type::ListNumber,
            "set(string)" => Type::SetString,
            "set(number)" => Type::SetNumber,
            "map(string)" => Type::MapString,
            _ => return None,
        })
    }

    /// The type as a Terraform configuration writes it: `list(string)`.
    pub fn text(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Number => "number",
            Type::Bool => "bool",
            Type::ListString => "list(string)",
            Type::ListNumber => "list(number)",
            Type::SetString => "set(string)",
            Type::SetNumber => "set(number)",
            Type::MapString => "map(string)",
        }
    }
}
