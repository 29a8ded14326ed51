//! `Ref` and `Fn::GetAtt` where the name of a resource belongs: both are easily taken for what they do not give.

use super::at;
use crate::frontend::tags;
use crate::frontend::text::shorten;
use meshform_model::codes;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, Field, FieldForm, ObjectShape, SchemaNode};
use meshform_model::value::{Node, Object, Value};
use std::borrow::Cow;

/// The properties of a resource, with names instead of ARNs of resources that the template has. Each is an error:
/// the service would have refused it.
pub(super) fn by_name<'n, 't>(
    kind: Kind,
    properties: &'n Node,
    resource: &dyn Fn(&str) -> Option<&'t Node>,
    problems: &mut Vec<Diagnostic>,
) -> Cow<'n, Node> {
    // Most templates have none, and a copy of each resource would be as long as all else.
    if !may_give_arns(properties) {
        return Cow::Borrowed(properties);
    }
    let mut names = Names { resource, problems };
    Cow::Owned(names.node(schema::kind(kind).root, properties))
}

/// Whether an expression below may give an ARN or an id.
fn may_give_arns(node: &Node) -> bool {
    match &node.value {
        Value::Object(object) => object.iter().any(|field| may_give_arns(&field.node)),
        Value::List(list) => list.iter().any(may_give_arns),
        Value::Symbol(symbol) => match symbol.function.as_str() {
            "Ref" => true,
            "Fn::GetAtt" => {
                let attribute = symbol.argument.as_list().and_then(|parts| parts.get(1)?.as_str());
                attribute.is_some_and(|attribute| matches!(attribute, "Arn" | "Id" | "Uid"))
            }
            _ => false,
        },
        _ => false,
    }
}

struct Names<'n, 't> {
    resource: &'n dyn Fn(&str) -> Option<&'t Node>,
    problems: &'n mut Vec<Diagnostic>,
}

impl Names<'_, '_> {
    fn node(&mut self, schema: &SchemaNode, node: &Node) -> Node {
        let value = match &node.value {
            Value::Object(object) => match schema.object() {
                Some(shape) => Value::Object(self.object(shape, object)),
                None => return node.clone(),
            },
            Value::List(list) => match schema.list() {
                Some(shape) => Value::List(list.iter().map(|item| self.node(shape.items, item)).collect()),
                None => return node.clone(),
            },
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
            let node = match field(shape, &given.name) {
                Some(field) if field.identity || field.refers_to.is_some() => self.name(&given.node),
                Some(field) => self.node(field.node, &given.node),
                None => given.node.clone(),
            };
            out.push(given.with(node));
        }
        out
    }

    /// What stands where a name belongs.
    fn name(&mut self, node: &Node) -> Node {
        let Value::Symbol(symbol) = &node.value else {
            return node.clone();
        };
        let parts: Vec<&str> = match symbol.function.as_str() {
            "Ref" => symbol.argument.as_str().into_iter().collect(),
            "Fn::GetAtt" => {
                let parts = symbol.argument.as_list().unwrap_or_default();
                parts.iter().filter_map(Node::as_str).collect()
            }
            _ => return node.clone(),
        };
        let (id, written, gives) = match *parts.as_slice() {
            [id] => (id, format!("`!Ref {}`", shorten(id)), "the ARN"),
            [id, "Arn"] => (id, format!("`!GetAtt {}.Arn`", shorten(id)), "the ARN"),
            [id, "Id"] => (id, format!("`!GetAtt {}.Id`", shorten(id)), "the ARN"),
            [id, "Uid"] => (id, format!("`!GetAtt {}.Uid`", shorten(id)), "the id"),
            _ => return node.clone(),
        };
        let found = (self.resource)(id);
        let found = found
            .and_then(|found| found.get("Type"))
            .and_then(Node::as_str)
            .and_then(schema::kind_of_cloudformation);
        let Some(kind) = found else {
            return node.clone();
        };
        let attribute = kind.name_field(Dialect::CloudFormation);
        let problem = Diagnostic::error(
            codes::NOT_A_NAME,
            format!("{written} gives {gives} of a {kind}, where a name belongs"),
        )
        .help(format!("write `!GetAtt {}.{attribute}`", shorten(id)));
        self.problems.push(at(problem, node.span));
        let parts = [Value::from(id), Value::from(attribute)].map(Node::new);
        let argument = Node::new(Value::List(parts.into()));
        Node {
            span: node.span,
            ..tags::symbol("Fn::GetAtt".to_owned(), argument)
        }
    }
}

/// A field by its name in templates, those of flattened objects too.
fn field<'s>(shape: &'s ObjectShape, name: &str) -> Option<&'s Field> {
    let is_own = |field: &&Field| {
        let own = field.named(Dialect::CloudFormation);
        own.form != FieldForm::Absent && own.name == name
    };
    shape.fields.iter().find(is_own).or_else(|| {
        let flat = shape.fields.iter();
        let mut flat = flat.filter(|field| field.named(Dialect::CloudFormation).form == FieldForm::Flatten);
        flat.find_map(|outer| self::field(outer.node.object()?, name))
    })
}
