//! The texts of `Fn::Sub`: taken to pieces, and put together.

use super::symbolic::expression;
use meshform_model::value::{Node, Object, Symbol, Value};

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SubPart<'t> {
    /// Text as it is meant: `${!x}` is `${x}`.
    Text(String),
    /// What stands between `${` and `}`.
    Name(&'t str),
}

/// The pieces of a text.
pub(crate) fn parts(text: &str) -> Vec<SubPart<'_>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        literal.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            literal.push_str("${");
            rest = after;
            break;
        };
        rest = tail;
        if let Some(name) = name.strip_prefix('!') {
            literal.push_str(&format!("${{{name}}}"));
            continue;
        }
        if !literal.is_empty() {
            parts.push(SubPart::Text(std::mem::take(&mut literal)));
        }
        parts.push(SubPart::Name(name));
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(SubPart::Text(literal));
    }
    parts
}

/// Makes an `Fn::Sub`, or the text where every piece is known.
#[derive(Default)]
pub(super) struct SubBuilder {
    text: String,
    values: Object,
    is_open: bool,
    plain: String,
}

impl SubBuilder {
    /// Text as it is meant.
    pub(super) fn text(&mut self, text: &str) {
        self.plain.push_str(text);
        self.text.push_str(&text.replace("${", "${!"));
    }

    /// A value that has this name in the text.
    pub(super) fn value(&mut self, name: &str, value: Value) {
        if let Some(text) = super::expression::scalar(&Node::new(value.clone())) {
            return self.text(&text);
        }
        self.is_open = true;
        if let Value::Symbol(symbol) = &value {
            match (
                symbol.function.as_str(),
                symbol.argument.as_str(),
                symbol.argument.as_list(),
            ) {
                ("Ref", Some(name), _) => return self.text.push_str(&format!("${{{name}}}")),
                ("Fn::GetAtt", _, Some(parts)) => {
                    let parts: Vec<&str> = parts.iter().filter_map(Node::as_str).collect();
                    return self.text.push_str(&format!("${{{}}}", parts.join(".")));
                }
                ("Fn::Sub", Some(text), _) => return self.text.push_str(text),
                _ => {}
            }
        }
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut own = if plain.is_empty() {
            "Value".to_owned()
        } else {
            plain
        };
        while self.values.get(&own).is_some_and(|there| there.value != value) {
            own.push('2');
        }
        self.text.push_str(&format!("${{{own}}}"));
        self.values.set(own, Node::new(value));
    }

    pub(super) fn finish(self) -> Value {
        if !self.is_open {
            return Value::String(self.plain);
        }
        // `${Name}` alone is what it names.
        if self.values.is_empty()
            && let [SubPart::Name(name)] = parts(&self.text).as_slice()
        {
            return match name.split_once('.') {
                None => expression("Ref", Value::from(*name)),
                Some((resource, attribute)) => {
                    let parts = [resource, attribute].map(|part| Node::new(Value::from(part)));
                    expression("Fn::GetAtt", Value::List(parts.to_vec()))
                }
            };
        }
        let text = Value::from(self.text);
        match self.values.is_empty() {
            true => expression("Fn::Sub", text),
            false => {
                let parts = vec![Node::new(text), Node::new(Value::Object(self.values))];
                Value::Symbol(Symbol {
                    function: "Fn::Sub".to_owned(),
                    argument: Box::new(Node::new(Value::List(parts))),
                })
            }
        }
    }
}
