//! From a dialect to the canonical form.

use super::Dialect;
use crate::diag::{Diagnostic, ProblemLocation};
use crate::pointer::{Pointer, Segment};
use crate::schema::{Field, FieldForm, ObjectShape, SchemaNode, Shape};
use crate::validate::{codes, suggest};
use crate::value::{Field as ValueField, Node, Number, Object, Value};

pub(super) fn convert(schema: &SchemaNode, dialect: Dialect, node: &Node) -> (Node, Vec<Diagnostic>) {
    let mut reader = Reader {
        dialect,
        at: Pointer::root(),
        problems: Vec::new(),
    };
    let node = reader.node(schema, node);
    (node, reader.problems)
}

struct Reader {
    dialect: Dialect,
    at: Pointer,
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn node(&mut self, schema: &SchemaNode, node: &Node) -> Node {
        let value = match (&schema.shape, &node.value) {
            (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => {
                Value::Object(self.object(shape, object))
            }
            (Shape::List(list), Value::List(nodes)) => {
                let mut out = Vec::with_capacity(nodes.len());
                for (index, node) in nodes.iter().enumerate() {
                    self.at.push(Segment::Index(index));
                    out.push(match (&node.value, list.items.object()) {
                        // Terraform's old SDK writes an empty block as null.
                        (Value::Null, Some(_)) if self.dialect.rules().blocks => empty(node),
                        _ => self.node(list.items, node),
                    });
                    self.at.pop();
                }
                Value::List(out)
            }
            (shape, value) if self.dialect.rules().loose => {
                return match coerced(shape, value) {
                    Some(value) => Node {
                        value,
                        span: node.span,
                    },
                    None => node.clone(),
                };
            }
            _ => return node.clone(),
        };
        Node {
            value,
            span: node.span,
        }
    }

    fn object(&mut self, shape: &ObjectShape, object: &Object) -> Object {
        let mut out = Object::new();
        for given in object {
            let field = shape.field_in(self.dialect, &given.name);
            if let Some(field) = field.filter(|field| self.form(field) != FieldForm::Flatten) {
                self.at.push(Segment::Field(field.name.clone()));
                self.field(field, given, &mut out);
                self.at.pop();
                continue;
            }
            if self.flattened(shape, given, &mut out) {
                continue;
            }
            let rules = self.dialect.rules();
            if rules.keeps_unknown {
                out.push(given.clone());
            } else if !(rules.blocks && shape.terraform_only.iter().any(|o| o.name == given.name)) {
                self.unknown(shape, given);
            }
        }
        out
    }

    fn form(&self, field: &Field) -> FieldForm {
        field.named(self.dialect).form
    }

    /// A member of an object whose members lie beside it.
    fn flattened(&mut self, shape: &ObjectShape, given: &ValueField, out: &mut Object) -> bool {
        for outer in &shape.fields {
            if self.form(outer) != FieldForm::Flatten {
                continue;
            }
            let Some(field) = outer
                .node
                .object()
                .and_then(|inner| inner.field_in(self.dialect, &given.name))
            else {
                continue;
            };
            self.at.push(Segment::Field(outer.name.clone()));
            self.at.push(Segment::Field(field.name.clone()));
            let mut members = Object::new();
            self.field(field, given, &mut members);
            self.at.pop();
            self.at.pop();
            if members.is_empty() {
                return true;
            }
            if out.get(&outer.name).is_none() {
                out.set(outer.name.clone(), Node::new(Value::Object(Object::new())));
            }
            if let Some(Value::Object(into)) = out.get_mut(&outer.name).map(|node| &mut node.value) {
                members.into_iter().for_each(|member| into.push(member));
            }
            return true;
        }
        false
    }

    fn field(&mut self, field: &Field, given: &ValueField, out: &mut Object) {
        let node = if self.dialect.rules().blocks {
            self.block(field, &given.node)
        } else {
            Some(self.node(field.node, &given.node))
        };
        if let Some(node) = node {
            out.push(ValueField {
                name: field.name.clone(),
                name_span: given.name_span,
                node,
            });
        }
    }

    /// The canonical node of an attribute or of a block; `None` when it is absent.
    fn block(&mut self, field: &Field, node: &Node) -> Option<Node> {
        match (&field.node.shape, &node.value, self.form(field)) {
            (_, Value::Null, _) => None,
            (Shape::List(_), Value::Object(map), FieldForm::Map) => Some(Node {
                value: Value::List(map.iter().map(pair).collect()),
                span: node.span,
            }),
            (Shape::Object(_) | Shape::Union(_), Value::List(blocks), _) => {
                if blocks.len() > 1 {
                    self.too_many(field, blocks.len(), node);
                }
                let block = blocks.first()?;
                let node = match block.value {
                    Value::Null => empty(block),
                    _ => self.node(field.node, block),
                };
                // A choice of nothing says nothing: hashicorp/aws left such a block out of its requests.
                let chosen = !matches!(&field.node.shape, Shape::Union(_)) || !is_empty(&node);
                (chosen || field.required).then_some(node)
            }
            (Shape::List(list), Value::List(blocks), _)
                if blocks.is_empty() && list.items.object().is_some() =>
            {
                None
            }
            // A single block that was not written as a list (Terraform's JSON syntax).
            (Shape::List(list), Value::Object(_), FieldForm::Usual) if list.items.object().is_some() => {
                self.at.push(Segment::Index(0));
                let block = self.node(list.items, node);
                self.at.pop();
                Some(Node {
                    value: Value::List(vec![block]),
                    span: node.span,
                })
            }
            _ => Some(self.node(field.node, node)),
        }
    }

    fn too_many(&mut self, field: &Field, count: usize, node: &Node) {
        let name = self.name(field);
        self.problems.push(
            Diagnostic::error(codes::TOO_MANY_BLOCKS, format!("`{name}` is given {count} times"))
                .help("give the block once")
                .at(ProblemLocation::at(&self.at, node.span)),
        );
    }

    fn unknown(&mut self, shape: &ObjectShape, given: &ValueField) {
        let mut names: Vec<&str> = Vec::new();
        for field in &shape.fields {
            match (self.form(field), field.node.object()) {
                (FieldForm::Absent, _) => {}
                (FieldForm::Flatten, Some(inner)) => {
                    names.extend(inner.fields.iter().map(|f| self.name(f)));
                }
                _ => names.push(self.name(field)),
            }
        }
        let diagnostic = suggest::unknown_field(&given.name, &names);
        let place = ProblemLocation::at(
            &self.at.field(given.name.as_str()),
            given.name_span.or(given.node.span),
        );
        self.problems.push(diagnostic.at(place));
    }

    fn name<'f>(&self, field: &'f Field) -> &'f str {
        &field.named(self.dialect).name
    }
}

/// The block that stands for an absent object, with the span of what stood in its place.
fn empty(node: &Node) -> Node {
    Node {
        value: Value::Object(Object::new()),
        span: node.span,
    }
}

fn is_empty(node: &Node) -> bool {
    node.as_object().is_some_and(Object::is_empty)
}

/// An entry of a map as `{key, value}`.
fn pair(entry: &ValueField) -> Node {
    let mut pair = Object::new();
    pair.push(ValueField {
        name: "key".to_owned(),
        name_span: entry.name_span,
        node: Node {
            value: Value::String(entry.name.clone()),
            span: entry.name_span,
        },
    });
    pair.push(ValueField {
        name: "value".to_owned(),
        name_span: entry.name_span,
        node: entry.node.clone(),
    });
    Node {
        value: Value::Object(pair),
        span: entry.node.span,
    }
}

/// What a scalar becomes where another type is wanted: CloudFormation takes `"80"` for 80, `"true"` for true, and 123 for
/// `"123"`. None where it fits as it is, or nothing fits.
pub fn coerced(shape: &Shape, value: &Value) -> Option<Value> {
    match (shape, value) {
        (Shape::Int(_) | Shape::Number(_), Value::String(text)) => {
            Number::parse(text.trim()).map(Value::Number)
        }
        (Shape::Bool, Value::String(text)) => match text.as_str() {
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        (Shape::Text(_), Value::Number(number)) => Some(Value::String(number.as_text().to_owned())),
        (Shape::Text(_), Value::Bool(b)) => Some(Value::String(b.to_string())),
        _ => None,
    }
}
