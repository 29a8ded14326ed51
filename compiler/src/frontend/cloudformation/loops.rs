//! `Fn::ForEach` of the transform `AWS::LanguageExtensions`: loops, written out as CloudFormation writes them out before
//! it deploys a template.

use super::at;
use super::expression::{parameter_value, scalar};
use crate::frontend::text::{MAX_ALIAS_NODES, shorten};
use crate::frontend::{Options, codes};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Field, Node, Object, Symbol, Value};

/// How the name of a loop begins; its own name follows.
pub(super) const PREFIX: &str = "Fn::ForEach::";

/// Writes out every loop of a template whose list is known. Others stay: what they would make is reported where it is
/// missed.
pub(super) fn expand(template: Node, options: &Options, problems: &mut Vec<Diagnostic>) -> Node {
    let declared = template.clone();
    let mut expander = Expander {
        template: &declared,
        options,
        problems,
        made: 0,
    };
    expander.node(template)
}

struct Expander<'e> {
    template: &'e Node,
    options: &'e Options,
    problems: &'e mut Vec<Diagnostic>,
    /// How many values loops have made so far.
    made: usize,
}

/// The parts of a loop: the name that stands for each value, the values, and what is made of each.
struct Loop<'l> {
    name: &'l str,
    list: &'l Node,
    body: &'l Object,
}

fn parts(node: &Node) -> Option<Loop<'_>> {
    let Some([name, list, body]) = node.as_list() else {
        return None;
    };
    Some(Loop {
        name: name.as_str()?,
        list,
        body: body.as_object()?,
    })
}

impl Expander<'_> {
    fn node(&mut self, node: Node) -> Node {
        let value = match node.value {
            Value::List(list) => Value::List(list.into_iter().map(|item| self.node(item)).collect()),
            Value::Object(object) => Value::Object(self.object(object)),
            Value::Symbol(symbol) => Value::Symbol(Symbol {
                argument: Box::new(self.node(*symbol.argument)),
                ..symbol
            }),
            other => other,
        };
        Node {
            value,
            span: node.span,
        }
    }

    fn object(&mut self, object: Object) -> Object {
        let mut out = Object::new();
        for field in object {
            if field.name.starts_with(PREFIX) {
                self.one(field, &mut out);
                continue;
            }
            let node = self.node(field.node);
            self.put(Field { node, ..field }, &mut out);
        }
        out
    }

    /// One loop: its fields take its place.
    fn one(&mut self, field: Field, out: &mut Object) {
        let Some(parts) = parts(&field.node) else {
            let message = format!("`{}` takes a name, a list and an object", shorten(&field.name));
            let problem = Diagnostic::error(codes::BAD_EXPRESSION, message);
            return self.problems.push(at(problem, field.name_span));
        };
        let Some(values) = self.values(parts.list) else {
            out.push(field);
            return;
        };
        for value in values {
            self.made = self
                .made
                .saturating_add(parts.body.iter().map(|one| count(&one.node)).sum());
            if self.made > MAX_ALIAS_NODES {
                let message = format!("loops that expand to more than {MAX_ALIAS_NODES} values");
                let problem = Diagnostic::error(codes::TOO_LARGE, message)
                    .help("split the template; no mesh needs that");
                return self.problems.push(at(problem, field.name_span));
            }
            let turn = LoopIteration {
                name: parts.name,
                value: &value,
            };
            for made in self.object(turn.object(parts.body)) {
                self.put(made, out);
            }
        }
    }

    /// A field beside others: of a name that is there already the first stays.
    fn put(&mut self, field: Field, out: &mut Object) {
        if out.get(&field.name).is_some() {
            let message = format!("a loop makes `{}` twice", shorten(&field.name));
            let problem = Diagnostic::error(codes::DUPLICATE_KEY, message)
                .help("write the loop's name into the key: `${Name}`");
            return self.problems.push(at(problem, field.name_span));
        }
        out.push(field);
    }

    /// The texts of a list, where they are known before anything else of the template is.
    fn values(&self, list: &Node) -> Option<Vec<String>> {
        let list = self.known(list)?;
        list.as_list()?
            .iter()
            .map(|item| self.known(item).as_ref().and_then(scalar))
            .collect()
    }

    fn known(&self, node: &Node) -> Option<Node> {
        let Value::Symbol(symbol) = &node.value else {
            return Some(node.clone());
        };
        let argument = symbol.argument.as_ref();
        match (symbol.function.as_str(), argument.as_list()) {
            ("Ref", None) => self.parameter(argument.as_str()?),
            ("Fn::FindInMap", Some([map, first, second])) => {
                let mut found = self.template.get("Mappings")?;
                for name in [map, first, second] {
                    found = found.get(&scalar(&self.known(name)?)?)?;
                }
                Some(found.clone())
            }
            _ => None,
        }
    }

    fn parameter(&self, name: &str) -> Option<Node> {
        let declared = self.template.get("Parameters").and_then(|all| all.get(name));
        let kind = declared.and_then(|one| one.get("Type")).and_then(Node::as_str);
        let default = || declared.and_then(|one| one.get("Default")).and_then(scalar);
        let text = self.options.parameters.get(name).cloned().or_else(default)?;
        Some(Node::new(parameter_value(kind.unwrap_or("String"), &text)))
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(list) => list.iter().map(count).sum(),
        Value::Object(object) => object.iter().map(|field| count(&field.node)).sum(),
        Value::Symbol(symbol) => count(&symbol.argument),
        _ => 0,
    }
}

/// One turn of a loop: the value takes the place of the loop's name.
struct LoopIteration<'t> {
    name: &'t str,
    value: &'t str,
}

impl LoopIteration<'_> {
    fn object(&self, object: &Object) -> Object {
        let mut out = Object::new();
        for field in object {
            out.push(Field {
                name: self.text(&field.name),
                name_span: field.name_span,
                node: self.node(&field.node),
            });
        }
        out
    }

    fn node(&self, node: &Node) -> Node {
        let value = match &node.value {
            Value::List(list) => Value::List(list.iter().map(|item| self.node(item)).collect()),
            Value::Object(object) => Value::Object(self.object(object)),
            Value::String(text) => Value::String(self.text(text)),
            Value::Symbol(symbol)
                if symbol.function == "Ref" && symbol.argument.as_str() == Some(self.name) =>
            {
                Value::from(self.value)
            }
            Value::Symbol(symbol) => Value::Symbol(Symbol {
                function: symbol.function.clone(),
                argument: Box::new(self.node(&symbol.argument)),
            }),
            other => other.clone(),
        };
        Node {
            value,
            span: node.span,
        }
    }

    /// `${Name}` is the value, `&{Name}` what of it a logical id may have.
    fn text(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let plain: String = self.value.chars().filter(char::is_ascii_alphanumeric).collect();
        text.replace(&format!("${{{}}}", self.name), self.value)
            .replace(&format!("&{{{}}}", self.name), &plain)
    }
}
