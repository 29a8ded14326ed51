//! Which fields of the schema the meshes have that Envoy is asked of.

use meshform_model::kind::Kind;
use meshform_model::schema::{self, SchemaNode, Shape};
use serde_json::Value;
use std::collections::BTreeSet;

/// The fields of all meshes so far, by their way from the kind, lists without positions.
#[derive(Default)]
pub(crate) struct Reached(BTreeSet<String>);

impl Reached {
    /// Takes the fields of a resource in.
    pub(crate) fn take(&mut self, kind: Kind, value: &Value) {
        self.fields(kind.name(), value);
    }

    fn fields(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let path = format!("{path}/{name}");
                    self.fields(&path, field);
                    self.0.insert(path);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.fields(path, item)),
            _ => {}
        }
    }

    /// The fields of specs and extensions that none had.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let root = schema::kind(kind).root.object().unwrap();
            for part in ["spec", "extensions"] {
                if let Some(field) = root.field(part) {
                    let path = format!("{}/{part}", kind.name());
                    walk(field.node, &path, &mut all);
                }
            }
        }
        all.retain(|path| !self.0.contains(path));
        all
    }
}

fn walk(node: &SchemaNode, path: &str, out: &mut Vec<String>) {
    match &node.shape {
        Shape::Object(shape) | Shape::Union(shape) => {
            for field in shape.fields.iter().filter(|field| !field.computed) {
                let path = format!("{path}/{}", field.name);
                walk(field.node, &path, out);
                out.push(path);
            }
        }
        Shape::List(list) => walk(list.items, path, out),
        _ => {}
    }
}
