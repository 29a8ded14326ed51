//! What a shell or Helm fills in before manifests are manifests.

use super::at;
use crate::frontend::text::{place, shorten, span};
use crate::frontend::{Options, codes};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Field, Node, Number, Object, Span, Value};
use std::collections::BTreeSet;

/// An object with its shell placeholders filled in, as `envsubst` would from `--parameter`. Open ones are reported.
pub(in crate::frontend) fn fill(
    node: Node,
    options: &Options,
    met: &mut BTreeSet<String>,
    problems: &mut Vec<Diagnostic>,
) -> Node {
    let mut filler = Filler {
        options,
        met,
        problems,
    };
    filler.node(node)
}

/// The placeholders of an object that is passed over: who gives them is right.
pub(super) fn note(node: &Node, met: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|item| note(item, met)),
        Value::Object(object) => object.iter().for_each(|field| note(&field.node, met)),
        Value::String(text) => {
            let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
            met.extend(
                names
                    .filter(|(name, _)| is_name(name))
                    .map(|(name, _)| name.to_owned()),
            );
        }
        _ => {}
    }
}

struct Filler<'f> {
    options: &'f Options,
    met: &'f mut BTreeSet<String>,
    problems: &'f mut Vec<Diagnostic>,
}

impl Filler<'_> {
    fn node(&mut self, node: Node) -> Node {
        let span = node.span;
        let value = match node.value {
            Value::List(list) => Value::List(list.into_iter().map(|item| self.node(item)).collect()),
            Value::Object(object) => {
                let mut out = Object::new();
                for field in object {
                    let node = self.node(field.node);
                    out.push(Field { node, ..field });
                }
                Value::Object(out)
            }
            Value::String(text) if text.contains("${") => self.text(text, span),
            other => other,
        };
        Node { value, span }
    }

    fn text(&mut self, text: String, span: Option<Span>) -> Value {
        let mut out = String::new();
        let mut rest = text.as_str();
        let mut filled = false;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let named = after.split_once('}').filter(|(name, _)| is_name(name));
            let Some((name, tail)) = named else {
                out.push_str("${");
                rest = after;
                continue;
            };
            rest = tail;
            let first = self.met.insert(name.to_owned());
            match self.options.parameters.get(name) {
                Some(value) => {
                    out.push_str(value);
                    filled = true;
                }
                None => {
                    out.push_str(&format!("${{{name}}}"));
                    if first {
                        self.open(name, span);
                    }
                }
            }
        }
        out.push_str(rest);
        // `port: ${PORT}` is a number once it is filled in.
        match Number::parse(&out) {
            Some(number) if filled => Value::Number(number),
            _ => Value::String(out),
        }
    }

    fn open(&mut self, name: &str, span: Option<Span>) {
        let message = format!("`${{{name}}}` is a placeholder that a shell fills in");
        let problem = Diagnostic::error(codes::PLACEHOLDER, message).help(format!(
            "give it with `--parameter {name}=VALUE`, or fill it in first, for instance with `envsubst`"
        ));
        self.problems.push(at(problem, span));
    }
}

fn is_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The first placeholder of a text that Helm has yet to render.
pub(crate) fn helm(text: &str, source: u32) -> Option<Diagnostic> {
    let start = text.find("{{")?;
    let length = text.get(start..)?.find("}}")? + 2;
    let shown = text.get(start..start + length)?;
    // Flow mappings begin so, too; a template names a value or has a keyword.
    let inner = shown.trim_start_matches('{').trim_start_matches('-').trim_start();
    let keywords = [
        "if ",
        "range ",
        "include ",
        "with ",
        "define ",
        "template ",
        "end",
        "else",
    ];
    if !inner.starts_with(['.', '$']) && !keywords.iter().any(|word| inner.starts_with(word)) {
        return None;
    }
    let message = format!("`{}` is a placeholder that Helm fills in", shorten(shown));
    let problem = Diagnostic::error(codes::PLACEHOLDER, message).help("give the output of `helm template`");
    Some(problem.at(place(span(source, start, start + length))))
}
