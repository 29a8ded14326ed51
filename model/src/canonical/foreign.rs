//! States that hashicorp/aws wrote.

use super::{at, same};
use crate::kind::Kind;
use crate::schema::{self, SchemaNode, Shape};
use crate::value::{Field, Node, Object, Value};

/// A resource as hashicorp/aws keeps it in a state, without what was only filled in: zeros, empty texts and empty
/// lists of fields that were never set, and what App Mesh derived from another field (`x-derived`). `node` is in
/// canonical names.
///
/// Its SDK has no null for optional scalars, so nothing is lost: it could not send those zeros either. A derived
/// value that somebody did write down is the same to every proxy. An optional `spec` (a mesh's) stands in every state,
/// empty where nobody wrote one.
pub fn foreign(kind: Kind, node: &Node) -> Node {
    let root = schema::kind(kind).root;
    let mut node = cleaned(root, node);
    if let (Some(shape), Value::Object(object)) = (root.object(), &mut node.value) {
        let empty = |field: &&schema::Field| {
            let given = object.get(&field.name).and_then(Node::as_object);
            !field.required && !field.terraform_required && given.is_some_and(Object::is_empty)
        };
        let names: Vec<&str> = shape
            .fields
            .iter()
            .filter(empty)
            .map(|field| field.name.as_str())
            .collect();
        for name in names {
            object.remove(name);
        }
    }
    node
}

fn cleaned(schema: &SchemaNode, node: &Node) -> Node {
    let value = match (&schema.shape, &node.value) {
        (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => {
            let mut out = Object::new();
            for given in object {
                let field = shape.field(&given.name);
                if field.is_some_and(|field| !field.required && is_zero(&given.node)) {
                    continue;
                }
                out.push(Field {
                    name: given.name.clone(),
                    name_span: given.name_span,
                    node: field.map_or_else(|| given.node.clone(), |field| cleaned(field.node, &given.node)),
                });
            }
            for (path, origin) in &shape.derived {
                forget(&mut out, path, origin);
            }
            Value::Object(out)
        }
        (Shape::List(list), Value::List(nodes)) => {
            Value::List(nodes.iter().map(|node| cleaned(list.items, node)).collect())
        }
        _ => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}

/// Takes the member at `path` out, if it is what `origin` is.
fn forget(object: &mut Object, path: &str, origin: &str) {
    let whole = Node::new(Value::Object(object.clone()));
    let derived = matches!((at(&whole, path), at(&whole, origin)), (Some(a), Some(b)) if same(a, b));
    let Some((outer, inner)) = path.rsplit_once('.').filter(|_| derived) else {
        return;
    };
    let mut steps = outer.split('.');
    let first = steps.next().and_then(|name| object.get_mut(name));
    let node = steps.fold(first, |node, name| match &mut node?.value {
        Value::Object(object) => object.get_mut(name),
        _ => None,
    });
    if let Some(Value::Object(object)) = node.map(|node| &mut node.value) {
        object.remove(inner);
    }
}

fn is_zero(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::List(list) => list.is_empty(),
        _ => false,
    }
}
