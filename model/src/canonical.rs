//! The one place that decides about null, empty, default and order.
//!
//! - *Null* means absent.
//! - An *empty list* means absent, unless the field is required. An *empty object* stays: `logging {}` was
//!   written by somebody.
//! - A *default that is sent* (`x-sent`) is written out, because App Mesh's tools send it; a default that only
//!   holds is not.
//! - *Order*: fields as the schema has them; lists whose order means nothing sorted, so that equal resources have
//!   equal bytes.
//!
//! Whoever shows a record to somebody who wrote it in another order [`align`]s it to what was written.

mod align;
mod foreign;

pub use align::align;
pub use foreign::foreign;

use crate::kind::Kind;
use crate::schema::{self, ListShape, ObjectShape, SchemaNode, Shape};
use crate::value::{Field as ValueField, Node, Number, Object, Value};
use std::cmp::Ordering;

/// The canonical form of a resource that is written with the API's names.
pub fn canonicalise(kind: Kind, node: &Node) -> Node {
    canonical(schema::kind(kind).root, node)
}

/// The fields of a resource's document that its user decides, and that a store keeps as the body of its record.
pub const BODY: [&str; 3] = ["spec", "tags", "extensions"];

/// What a store keeps of a resource's document: the canonical `spec`, `tags` and `extensions`. `None` while
/// something in them is not known.
pub fn body(kind: Kind, document: &Node) -> Option<serde_json::Value> {
    let canonical = canonicalise(kind, document);
    let fields = canonical.as_object()?.iter();
    let kept = fields.filter(|field| BODY.contains(&field.name.as_str()));
    let kept: Object = kept
        .map(|field| (field.name.clone(), field.node.clone()))
        .collect();
    Node::new(Value::Object(kept)).to_json()
}

/// Whether two resources mean the same.
pub fn equal(kind: Kind, a: &Node, b: &Node) -> bool {
    same(&canonicalise(kind, a), &canonicalise(kind, b))
}

fn canonical(schema: &SchemaNode, node: &Node) -> Node {
    let value = match (&schema.shape, &node.value) {
        (Shape::Object(shape), Value::Object(given)) => Value::Object(object(shape, given, false)),
        // The one member says what was chosen, even when it is empty.
        (Shape::Union(shape), Value::Object(given)) => Value::Object(object(shape, given, true)),
        (Shape::List(shape), Value::List(nodes)) => Value::List(list(shape, nodes)),
        (Shape::Int(_), Value::Number(number)) => match number.as_i64() {
            Some(n) => Value::Number(Number::from(n)),
            None => return node.clone(),
        },
        _ => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}

fn object(shape: &ObjectShape, object: &Object, keep_empty: bool) -> Object {
    let mut out = Object::new();
    for field in &shape.fields {
        match object.field(&field.name) {
            Some(given) if !given.node.is_null() => {
                let node = canonical(field.node, &given.node);
                if field.required || keep_empty || node.as_list() != Some(&[]) {
                    out.push(ValueField {
                        name: given.name.clone(),
                        name_span: given.name_span,
                        node,
                    });
                }
            }
            _ => {
                if let Some(default) = field.default.as_ref().filter(|_| field.sent) {
                    out.set(field.name.clone(), Node::from_json(default));
                }
            }
        }
    }
    // What the schema does not know is kept, for validation to report.
    let unknown = object.iter().filter(|given| shape.field(&given.name).is_none());
    unknown.for_each(|given| out.push(given.clone()));
    out
}

fn list(shape: &ListShape, nodes: &[Node]) -> Vec<Node> {
    let mut out: Vec<Node> = nodes.iter().map(|node| canonical(shape.items, node)).collect();
    if shape.unordered {
        // By key first, so that a changed weight does not move its target.
        out.sort_by(|a, b| by_key(&shape.key, a, b).then_with(|| compare(a, b)));
    }
    out
}

fn by_key(key: &[String], a: &Node, b: &Node) -> Ordering {
    key.iter()
        .map(|path| match (at(a, path), at(b, path)) {
            (Some(a), Some(b)) => compare(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// The node at a path `a.b`.
fn at<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.').try_fold(node, |node, name| node.get(name))
}

/// A total order of trees that does not look at places.
fn compare(a: &Node, b: &Node) -> Ordering {
    match (&a.value, &b.value) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a
                .as_f64()
                .total_cmp(&b.as_f64())
                .then_with(|| a.as_text().cmp(b.as_text())),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::List(a), Value::List(b)) => sequence(a.iter(), b.iter(), compare),
        (Value::Object(a), Value::Object(b)) => sequence(a.iter(), b.iter(), |a, b| {
            a.name.cmp(&b.name).then_with(|| compare(&a.node, &b.node))
        }),
        (Value::Symbol(a), Value::Symbol(b)) => a
            .function
            .cmp(&b.function)
            .then_with(|| compare(&a.argument, &b.argument)),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn sequence<T>(
    mut a: impl Iterator<Item = T>,
    mut b: impl Iterator<Item = T>,
    compare: impl Fn(T, T) -> Ordering,
) -> Ordering {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match compare(a, b) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::List(_) => 4,
        Value::Object(_) => 5,
        Value::Symbol(_) => 6,
        Value::Unknown => 7,
    }
}

/// Equality without places; fields in any order.
pub(crate) fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|field| b.get(&field.name).is_some_and(|other| same(&field.node, other)))
        }
        (Value::Symbol(a), Value::Symbol(b)) => a.function == b.function && same(&a.argument, &b.argument),
        (a, b) => a == b,
    }
}
