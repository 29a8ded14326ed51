//! From the canonical form to a dialect.

use super::Dialect;
use crate::schema::{DialectField, Field, FieldForm, ObjectShape, SchemaNode, Shape};
use crate::value::{Field as ValueField, Node, Object, Value};

pub(super) fn convert(schema: &SchemaNode, dialect: Dialect, node: &Node) -> Node {
    if dialect.rules().blocks {
        blocks(schema, dialect, node)
    } else {
        renamed(schema, dialect, node)
    }
}

// === What is there, under its name ===

fn renamed(schema: &SchemaNode, dialect: Dialect, node: &Node) -> Node {
    let value = match (&schema.shape, &node.value) {
        (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => {
            let mut out = Object::new();
            renamed_fields(shape, dialect, object, &mut out);
            Value::Object(out)
        }
        (Shape::List(list), Value::List(nodes)) => Value::List(
            nodes
                .iter()
                .map(|node| renamed(list.items, dialect, node))
                .collect(),
        ),
        _ => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}

fn renamed_fields(shape: &ObjectShape, dialect: Dialect, object: &Object, out: &mut Object) {
    for given in object {
        let Some(field) = shape.field(&given.name) else {
            out.push(given.clone());
            continue;
        };
        let DialectField { name, form } = field.named(dialect);
        match (*form, field.node.object(), given.node.as_object()) {
            (FieldForm::Absent, ..) => {}
            (FieldForm::Flatten, Some(inner), Some(object)) => renamed_fields(inner, dialect, object, out),
            _ => out.push(ValueField {
                name: name.clone(),
                name_span: given.name_span,
                node: renamed(field.node, dialect, &given.node),
            }),
        }
    }
    if dialect.rules().fills_empty {
        for field in &shape.fields {
            if field.absent_is_empty && out.get(&field.name).is_none() {
                out.set(field.name.clone(), Node::new(Value::Object(Object::new())));
            }
        }
    }
}

// === Every attribute and every block ===

fn blocks(schema: &SchemaNode, dialect: Dialect, node: &Node) -> Node {
    let value = match (&schema.shape, &node.value) {
        (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => {
            let mut out = Object::new();
            attributes(shape, dialect, Some(object), &mut out);
            Value::Object(out)
        }
        (Shape::List(list), Value::List(nodes)) => Value::List(
            nodes
                .iter()
                .map(|node| blocks(list.items, dialect, node))
                .collect(),
        ),
        _ => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}

fn attributes(shape: &ObjectShape, dialect: Dialect, object: Option<&Object>, out: &mut Object) {
    for field in &shape.fields {
        let given = object.and_then(|object| object.field(&field.name));
        let DialectField { name, form } = field.named(dialect);
        match (form, field.node.object()) {
            (FieldForm::Absent, _) => {}
            (FieldForm::Flatten, Some(inner)) => {
                attributes(
                    inner,
                    dialect,
                    given.and_then(|given| given.node.as_object()),
                    out,
                );
            }
            _ => out.push(ValueField {
                name: name.clone(),
                name_span: given.and_then(|given| given.name_span),
                node: attribute(field, dialect, given.map(|given| &given.node)),
            }),
        }
    }
    for only in &shape.terraform_only {
        out.push(ValueField {
            name: only.name.clone(),
            name_span: None,
            node: Node::null(),
        });
    }
}

fn attribute(field: &Field, dialect: Dialect, node: Option<&Node>) -> Node {
    let form = field.named(dialect).form;
    let is_block = match &field.node.shape {
        Shape::Object(_) | Shape::Union(_) => true,
        Shape::List(list) => form == FieldForm::Usual && list.items.object().is_some(),
        _ => false,
    };
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return Node::new(if is_block {
            Value::List(Vec::new())
        } else {
            Value::Null
        });
    };
    match (&node.value, form) {
        (Value::List(pairs), FieldForm::Map) => Node {
            value: map(pairs),
            span: node.span,
        },
        (Value::Object(_), FieldForm::Usual) if is_block => Node {
            value: Value::List(vec![blocks(field.node, dialect, node)]),
            span: node.span,
        },
        _ => blocks(field.node, dialect, node),
    }
}

/// `[{key, value}]` as a map. A pair that is not wholly known makes the whole map unknown.
fn map(pairs: &[Node]) -> Value {
    let mut out = Object::new();
    for pair in pairs {
        match (pair.get("key").map(|key| &key.value), pair.get("value")) {
            (Some(Value::String(key)), Some(value)) => drop(out.set(key.clone(), value.clone())),
            (Some(Value::String(key)), None) => drop(out.set(key.clone(), Node::new(Value::from("")))),
            _ => return Value::Unknown,
        }
    }
    Value::Object(out)
}
