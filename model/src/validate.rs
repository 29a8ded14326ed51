//! Whether a resource by itself is what the schema describes. All problems at once, each at its place.
//!
//! Works on the canonical form. What is not known yet (Terraform) or known elsewhere (CloudFormation) is accepted
//! wherever a value could stand. Null means the same as leaving a field out.

pub mod codes;
pub mod names;
mod quote;
mod readable;
mod scalar;
pub(crate) mod suggest;

pub use readable::{is_hidden, readable, seen};
pub use suggest::{MAX_SUGGESTIONS, closest};

use crate::diag::{Code, Diagnostic, ProblemLocation};
use crate::kind::Kind;
use crate::pointer::{Pointer, Segment};
use crate::schema::{self, Dialect, Field, FieldForm, ListShape, ObjectShape, SchemaNode, Shape};
use crate::value::{Field as ValueField, Node, Object, Span, Value};
use quote::{counted, listed, shown};

/// The problems of a resource in canonical form; none when it is right.
pub fn resource(kind: Kind, node: &Node) -> Vec<Diagnostic> {
    against(schema::kind(kind).root, node)
}

/// The same for a resource that was written in a dialect: messages name fields as their writer did. Places stay
/// canonical.
pub fn resource_in(kind: Kind, dialect: Dialect, node: &Node) -> Vec<Diagnostic> {
    walk(schema::kind(kind).root, dialect, node)
}

/// The problems of a node against a part of the schema, with places from that part's root.
pub fn against(schema: &SchemaNode, node: &Node) -> Vec<Diagnostic> {
    walk(schema, Dialect::Api, node)
}

fn walk(schema: &SchemaNode, dialect: Dialect, node: &Node) -> Vec<Diagnostic> {
    let mut walker = Walker {
        dialect,
        path: Vec::new(),
        holder: None,
        problems: Vec::new(),
    };
    walker.node(schema, node);
    walker.problems
}

/// The longest name of an unknown field, in bytes, that its pointer repeats.
const MAX_NAME: usize = 1024;

/// A step of the way down; made into a pointer only when there is something to report.
#[derive(Clone, Copy)]
enum BorrowedSegment<'a> {
    Field(&'a str),
    Index(usize),
}

/// An object, and what its shape says of the fields that belong together.
#[derive(Clone, Copy)]
struct Members<'a> {
    shape: &'a ObjectShape,
    object: &'a Object,
    span: Option<Span>,
}

struct Walker<'a> {
    /// Whose names the messages use.
    dialect: Dialect,
    path: Vec<BorrowedSegment<'a>>,
    /// The field that holds what is being looked at, where it is an object's.
    holder: Option<&'a Field>,
    problems: Vec<Diagnostic>,
}

impl<'a> Walker<'a> {
    fn node(&mut self, schema: &'a SchemaNode, node: &'a Node) {
        match (&schema.shape, &node.value) {
            (_, Value::Unknown | Value::Symbol(_)) | (Shape::Any, _) => {}
            (Shape::Object(shape), Value::Object(object)) => {
                self.fields(shape, object, node);
                self.groups(shape, object, node);
            }
            (Shape::Union(shape), Value::Object(object)) => {
                self.fields(shape, object, node);
                self.union(shape, object, node);
            }
            (Shape::List(shape), Value::List(nodes)) => self.list(shape, nodes, node),
            (Shape::Text(shape), Value::String(text)) => {
                if let Some(problem) = scalar::text(shape, text) {
                    self.report(problem, node.span);
                }
            }
            (Shape::Int(shape), Value::Number(number)) => {
                if let Some(problem) = scalar::integer(*shape, number) {
                    self.report(problem, node.span);
                }
            }
            (Shape::Number(shape), Value::Number(number)) => {
                if let Some(problem) = scalar::number(*shape, number) {
                    self.report(problem, node.span);
                }
            }
            (Shape::Bool, Value::Bool(_)) => {}
            (shape, _) => {
                let message = format!("expected {}, found {}", noun(shape), shown(node));
                self.report(Diagnostic::error(codes::WRONG_TYPE, message), node.span);
            }
        }
    }

    fn fields(&mut self, shape: &'a ObjectShape, object: &'a Object, node: &'a Node) {
        for given in object {
            match shape.field(&given.name) {
                None => self.unknown(shape, given),
                // What the store fills in is ignored when it is given.
                Some(field) if field.computed && !field.identity => {}
                Some(_) if given.node.is_null() => {}
                Some(field) => {
                    self.path.push(BorrowedSegment::Field(&given.name));
                    // What a dialect has no place for was written in canonical form, somewhere else.
                    let own = self.dialect;
                    if self.form(field) == FieldForm::Absent {
                        self.dialect = Dialect::Api;
                    }
                    match names::misnamed(field, &given.node) {
                        Some(problem) => self.report(problem, given.node.span),
                        None => {
                            let holder = self.holder.replace(field);
                            self.node(field.node, &given.node);
                            self.holder = holder;
                        }
                    }
                    self.dialect = own;
                    if field.named(Dialect::Terraform).form == FieldForm::Map {
                        self.unique_keys(&given.node);
                    }
                    self.path.pop();
                }
            }
        }
        for field in shape.fields.iter().filter(|field| field.required) {
            if object.get(&field.name).is_none_or(Node::is_null) && !is_misspelt(shape, field, object) {
                let message = format!("`{}` is missing", self.called(field));
                let help = self
                    .leave_out(shape, object)
                    .unwrap_or_else(|| missing_help(field));
                self.report(
                    Diagnostic::error(codes::MISSING_FIELD, message).help(help),
                    node.span,
                );
            }
        }
    }

    /// That an object is better left out, where what it says is that it does nothing.
    fn leave_out(&self, shape: &ObjectShape, object: &Object) -> Option<String> {
        let off = shape.off.as_ref()?;
        let is_off = match (&object.get(&off.field)?.value, &off.value) {
            (Value::String(text), serde_json::Value::String(wanted)) => text == wanted,
            (Value::Bool(is), serde_json::Value::Bool(wanted)) => is == wanted,
            _ => false,
        };
        let holder = self.called(self.holder?);
        is_off.then(|| format!("leave `{holder}` out: then {}", off.means))
    }

    fn unknown(&mut self, shape: &'a ObjectShape, given: &'a ValueField) {
        let names: Vec<&str> = shape.fields.iter().map(|field| field.name.as_str()).collect();
        // A name that is no name any more would fill every message.
        let named = given.name.len() <= MAX_NAME;
        if named {
            self.path.push(BorrowedSegment::Field(&given.name));
        }
        self.report(
            suggest::unknown_field(&given.name, &names),
            given.name_span.or(given.node.span),
        );
        if named {
            self.path.pop();
        }
    }

    fn union(&mut self, shape: &'a ObjectShape, object: &'a Object, node: &'a Node) {
        let names: Vec<&str> = shape.fields.iter().map(|field| field.name.as_str()).collect();
        let of = Members {
            shape,
            object,
            span: node.span,
        };
        self.exactly_one(of, &names, codes::UNION_EMPTY, codes::UNION_SEVERAL);
    }

    fn groups(&mut self, shape: &'a ObjectShape, object: &'a Object, node: &'a Node) {
        let of = Members {
            shape,
            object,
            span: node.span,
        };
        for group in &shape.one_of {
            self.exactly_one(of, group, codes::GROUP_EMPTY, codes::GROUP_SEVERAL);
        }
        for group in &shape.at_most_one {
            let given = given_of(group, object);
            if given.len() > 1 {
                self.several(of, &given, codes::GROUP_SEVERAL, "at most one");
            }
        }
    }

    fn exactly_one<S: AsRef<str>>(&mut self, of: Members<'a>, names: &[S], none: Code, several: Code) {
        let Members { shape, object, span } = of;
        let given = given_of(names, object);
        // A member that does not exist was reported already; it was meant to be the choice.
        let misspelt = object
            .iter()
            .any(|f| !f.node.is_null() && !names.iter().any(|name| name.as_ref() == f.name));
        if given.is_empty() && !(misspelt && none == codes::UNION_EMPTY) {
            let called = self.all_called(shape, names);
            let problem = match called.as_slice() {
                [only] => Diagnostic::error(none, format!("`{only}` is missing")),
                _ => Diagnostic::error(none, format!("none of {} is given", listed(&called, "and")))
                    .help("give exactly one of them"),
            };
            self.report(problem, span);
        } else if given.len() > 1 {
            self.several(of, &given, several, "exactly one");
        }
    }

    /// Reports fields that exclude each other, at the one that was written second.
    fn several(&mut self, of: Members<'a>, given: &[&str], code: Code, allowed: &str) {
        let Members { shape, object, .. } = of;
        // An expression may turn out to be nothing at all; then there is no conflict.
        let known = given.iter().filter(|name| {
            object
                .get(name)
                .is_some_and(|node| !matches!(node.value, Value::Unknown | Value::Symbol(_)))
        });
        if known.count() < 2 {
            return;
        }
        let called = listed(&self.all_called(shape, given), "and");
        let problem = Diagnostic::error(code, format!("{called} are given together"))
            .help(format!("{allowed} of them may be given"));
        // As they were written; converting has brought them into the schema's order.
        let spans = given.iter().filter_map(|name| object.field(name));
        let mut spans: Vec<Span> = spans
            .filter_map(|field| field.name_span.or(field.node.span))
            .collect();
        spans.sort_by_key(|span| (span.source, span.start));
        self.report(problem, spans.get(1).copied());
    }

    fn list(&mut self, shape: &'a ListShape, nodes: &'a [Node], node: &'a Node) {
        let count = nodes.len();
        if count < shape.min || shape.max.is_some_and(|max| count > max) {
            let problem = Diagnostic::error(
                codes::LIST_LENGTH,
                format!("the list has {}", counted(count, "element")),
            )
            .help(scalar::bounds_help(shape.min, shape.max, "element"));
            self.report(problem, node.span);
        }
        for (index, node) in nodes.iter().enumerate() {
            self.path.push(BorrowedSegment::Index(index));
            self.node(shape.items, node);
            self.path.pop();
        }
    }

    /// Each key of a list that is a map in truth must be there once.
    fn unique_keys(&mut self, node: &'a Node) {
        let mut seen = std::collections::BTreeSet::new();
        for (index, element) in node.as_list().unwrap_or_default().iter().enumerate() {
            let Some(key) = element.get("key") else { continue };
            let Some(text) = key.as_str() else { continue };
            if !seen.insert(text) {
                self.path.push(BorrowedSegment::Index(index));
                self.path.push(BorrowedSegment::Field("key"));
                let message = format!("the key {} is given twice", quote::quoted(text));
                self.report(Diagnostic::error(codes::DUPLICATE_KEY, message), key.span);
                self.path.pop();
                self.path.pop();
            }
        }
    }

    fn form(&self, field: &Field) -> FieldForm {
        field.named(self.dialect).form
    }

    /// A field's name as the writer knows it.
    fn called(&self, field: &'a Field) -> &'a str {
        &field.named(self.dialect).name
    }

    fn all_called<'n, S: AsRef<str>>(&self, shape: &'a ObjectShape, names: &'n [S]) -> Vec<&'n str>
    where
        'a: 'n,
    {
        let called = |name: &'n S| {
            shape
                .field(name.as_ref())
                .map_or(name.as_ref(), |field| self.called(field))
        };
        names.iter().map(called).collect()
    }

    fn report(&mut self, problem: Diagnostic, span: Option<Span>) {
        let pointer: Pointer = self
            .path
            .iter()
            .map(|step| match step {
                BorrowedSegment::Field(name) => Segment::Field((*name).to_owned()),
                BorrowedSegment::Index(index) => Segment::Index(*index),
            })
            .collect();
        self.problems
            .push(problem.at(ProblemLocation::at(&pointer, span)));
    }
}

/// Which of the names the object gives, in the order of `names`.
fn given_of<'n, S: AsRef<str>>(names: &'n [S], object: &Object) -> Vec<&'n str> {
    names
        .iter()
        .map(AsRef::as_ref)
        .filter(|name| object.get(name).is_some_and(|node| !node.is_null()))
        .collect()
}

/// Whether a field is there under a name that is not one: that has been reported as what it is.
fn is_misspelt(shape: &ObjectShape, field: &Field, object: &Object) -> bool {
    let names: Vec<&str> = shape.fields.iter().map(|field| field.name.as_str()).collect();
    let mut unknown = object.iter().filter(|given| shape.field(&given.name).is_none());
    unknown.any(|given| closest(&given.name, &names) == Some(field.name.as_str()))
}

fn missing_help(field: &Field) -> String {
    // The first sentence of the description says what the field is.
    let doc = field.doc.split_inclusive(". ").next().unwrap_or_default();
    format!("it says: {}", doc.trim_end().trim_end_matches('.'))
}

fn noun(shape: &Shape) -> &'static str {
    match shape {
        Shape::Object(_) | Shape::Union(_) => "an object",
        Shape::List(_) => "a list",
        Shape::Text(_) => "a string",
        Shape::Int(_) => "a whole number",
        Shape::Number(_) => "a number",
        Shape::Bool => "`true` or `false`",
        Shape::Any => "anything",
    }
}

#[cfg(test)]
mod tests;
