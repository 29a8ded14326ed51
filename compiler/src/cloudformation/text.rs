//! JSON as text, indented as `serde_json` does it, without a tree of it.

use meshform_model::value::{Field, Node, Number, Value};
use serde_json::Value as Json;

/// Writes a tree of ours, the members of objects by their names. `depth` is that of the line on which it begins.
pub(super) fn node(out: &mut String, depth: usize, node: &Node) {
    match &node.value {
        Value::Null | Value::Unknown => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => number(out, value),
        Value::String(value) => text(out, value),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                line(out, depth + 1, at == 0);
                self::node(out, depth + 1, item);
            }
            end(out, depth, ']');
        }
        Value::Object(object) => {
            let mut fields: Vec<&Field> = object.iter().collect();
            fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            let mut writer = ObjectWriter::begin(out, depth);
            for field in fields {
                writer.node(&field.name, &field.node);
            }
            writer.end();
        }
        Value::Symbol(symbol) => {
            let mut writer = ObjectWriter::begin(out, depth);
            writer.node(&symbol.function, &symbol.argument);
            writer.end();
        }
    }
}

/// An object that is written member by member.
pub(super) struct ObjectWriter<'o> {
    out: &'o mut String,
    depth: usize,
    is_empty: bool,
}

impl<'o> ObjectWriter<'o> {
    pub(super) fn begin(out: &'o mut String, depth: usize) -> Self {
        out.push('{');
        Self {
            out,
            depth,
            is_empty: true,
        }
    }

    pub(super) fn node(&mut self, name: &str, value: &Node) {
        self.name(name);
        node(self.out, self.depth + 1, value);
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        text(self.out, value);
    }

    fn name(&mut self, name: &str) {
        line(self.out, self.depth + 1, self.is_empty);
        self.is_empty = false;
        text(self.out, name);
        self.out.push_str(": ");
    }

    pub(super) fn end(self) {
        match self.is_empty {
            true => self.out.push('}'),
            false => end(self.out, self.depth, '}'),
        }
    }
}

/// The same of a tree of `serde_json`.
pub(super) fn json(depth: usize, value: &Json) -> String {
    // A text within JSON has no line break: each begins a line of the value.
    format!("{value:#}").replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

fn line(out: &mut String, depth: usize, first: bool) {
    out.push_str(if first { "\n" } else { ",\n" });
    indent(out, depth);
}

fn end(out: &mut String, depth: usize, bracket: char) {
    out.push('\n');
    indent(out, depth);
    out.push(bracket);
}

pub(super) fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn number(out: &mut String, number: &Number) {
    let written = number.as_text();
    // What is no whole number of moderate size is written as `serde_json` would write it.
    let is_plain = written.len() < 16
        && written.bytes().all(|byte| byte.is_ascii_digit())
        && (written == "0" || !written.starts_with('0'));
    match is_plain {
        true => out.push_str(written),
        false => out.push_str(&number.to_json().to_string()),
    }
}

pub(super) fn text(out: &mut String, value: &str) {
    let is_plain = value
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    match is_plain {
        true => {
            out.push('"');
            out.push_str(value);
            out.push('"');
        }
        false => out.push_str(&Json::from(value).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trees() -> impl Strategy<Value = Json> {
        let texts = prop_oneof![".{0,6}", Just("\u{7f}\u{1}\"\\\n".to_owned())];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (-1e6..1e6_f64).prop_map(Json::from),
            texts.clone().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::btree_map(texts.clone(), inner, 0..5)
                    .prop_map(|all| Json::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn trees_are_written_as_serde_json_writes_them(tree in trees(), depth in 0_usize..4) {
            let mut out = String::new();
            node(&mut out, depth, &Node::from_json(&tree));
            prop_assert_eq!(out, json(depth, &tree));
        }
    }
}
