//! JSON as text. What many proxies share (a cluster, a virtual host) is written once and then only indented into each
//! of their files: that, not the messages, is what a large mesh spends its time on.

use meshform_envoy_api::{Error, encoded_to_json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a document is put together from. A piece is an object's text that begins at no indent.
pub(crate) enum Doc<'a> {
    /// A value.
    Value(&'a Value),
    /// A text.
    Text(&'a str),
    /// A piece.
    Piece(&'a str),
    /// A piece as an `Any` of this type URL.
    Typed(&'a str, &'a str),
    /// A list.
    List(Vec<Doc<'a>>),
    /// An object; the names in this order.
    Object(Vec<(&'a str, Doc<'a>)>),
}

/// The inline route tables by name, already written.
pub(crate) type Tables = BTreeMap<String, Arc<str>>;

/// The text of an encoded message.
pub(crate) fn of_message<M: prost::Name>(message: &[u8]) -> Result<String, Error> {
    with_tables::<M>(message, &Tables::new())
}

/// The text of an encoded message whose `route_config`s are only names; the tables take their place.
pub(crate) fn with_tables<M: prost::Name>(message: &[u8], tables: &Tables) -> Result<String, Error> {
    let mut text = String::new();
    Writer {
        out: &mut text,
        tables,
    }
    .value(&encoded_to_json::<M>(message)?, 0);
    Ok(text)
}

/// The text of a document.
pub(crate) fn write(doc: &Doc<'_>) -> String {
    let mut text = String::new();
    let tables = Tables::new();
    Writer {
        out: &mut text,
        tables: &tables,
    }
    .doc(doc, 0);
    text
}

/// More than most lines are indented by.
const SPACES: &str = "                                                                ";

struct Writer<'a> {
    out: &'a mut String,
    tables: &'a Tables,
}

impl Writer<'_> {
    fn doc(&mut self, doc: &Doc<'_>, depth: usize) {
        match doc {
            Doc::Value(value) => self.value(value, depth),
            Doc::Text(text) => self.string(text),
            Doc::Piece(piece) => self.indented(piece, depth),
            Doc::Typed(type_url, piece) => {
                self.out.push_str("{\n");
                self.indent(depth + 1);
                self.out.push_str("\"@type\": ");
                self.string(type_url);
                // A piece is an object: its first line is the brace.
                match piece.strip_prefix("{\n") {
                    Some(rest) => {
                        self.out.push_str(",\n");
                        self.indent(depth);
                        self.indented(rest, depth);
                    }
                    None => {
                        self.out.push('\n');
                        self.indent(depth);
                        self.out.push('}');
                    }
                }
            }
            Doc::List(items) => {
                self.block(('[', ']'), items.iter(), depth, |writer, item| {
                    writer.doc(item, depth + 1)
                });
            }
            Doc::Object(fields) => self.block(('{', '}'), fields.iter(), depth, |writer, (name, value)| {
                writer.string(name);
                writer.out.push_str(": ");
                writer.doc(value, depth + 1);
            }),
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.block(('[', ']'), items.iter(), depth, |writer, item| {
                    writer.value(item, depth + 1)
                });
            }
            Value::Object(fields) => self.block(('{', '}'), fields.iter(), depth, |writer, (name, value)| {
                writer.string(name);
                writer.out.push_str(": ");
                match writer.table(name, value) {
                    Some(table) => writer.indented(&table, depth + 1),
                    None => writer.value(value, depth + 1),
                }
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.out.push_str(&value.to_string()),
        }
    }

    fn table(&self, field: &str, value: &Value) -> Option<Arc<str>> {
        if field != "route_config" {
            return None;
        }
        let name = value.get("name")?.as_str()?;
        self.tables.get(name).cloned()
    }

    fn block<T>(
        &mut self,
        (open, close): (char, char),
        items: impl ExactSizeIterator<Item = T>,
        depth: usize,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.out.push(open);
        let empty = items.len() == 0;
        for (at, item) in items.enumerate() {
            self.out.push_str(if at == 0 { "\n" } else { ",\n" });
            self.indent(depth + 1);
            each(self, item);
        }
        if !empty {
            self.out.push('\n');
            self.indent(depth);
        }
        self.out.push(close);
    }

    fn indent(&mut self, depth: usize) {
        let mut width = depth * 2;
        while width > 0 {
            let step = SPACES.get(..width).unwrap_or(SPACES);
            self.out.push_str(step);
            width -= step.len();
        }
    }

    /// A text in JSON has no bare line ends, so every line end of a piece is between its tokens.
    fn indented(&mut self, piece: &str, depth: usize) {
        let mut lines = piece.split('\n');
        self.out.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.out.push('\n');
            self.indent(depth);
            self.out.push_str(line);
        }
    }

    fn string(&mut self, text: &str) {
        if text
            .bytes()
            .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
        {
            self.out.push('"');
            self.out.push_str(text);
            self.out.push('"');
        } else {
            // serde_json knows how to escape; a string always can be written.
            self.out.push_str(&Value::String(text.to_owned()).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_envoy_api::envoy::config::route::v3::VirtualHost;
    use prost::Message as _;
    use serde_json::json;

    #[test]
    fn a_document_is_what_serde_would_write() {
        let value = json!({"a": [1, {"b": "ü\n\""}, [], {}], "c": null, "d": {"e": -1.5}});
        assert_eq!(
            write(&Doc::Value(&value)),
            serde_json::to_string_pretty(&value).unwrap()
        );
    }

    #[test]
    fn pieces_are_indented_into_place() {
        let host = VirtualHost {
            name: "a".into(),
            domains: vec!["*".into()],
            ..Default::default()
        };
        let host = of_message::<VirtualHost>(&host.encode_to_vec()).unwrap();
        let doc = Doc::Object(vec![(
            "x",
            Doc::List(vec![Doc::Typed("type/Host", &host), Doc::Piece(&host)]),
        )]);
        let text = write(&doc);
        let typed = json!({"@type": "type/Host", "name": "a", "domains": ["*"]});
        let wanted = json!({"x": [typed, {"name": "a", "domains": ["*"]}]});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
        assert_eq!(text, serde_json::to_string_pretty(&wanted).unwrap());
    }

    #[test]
    fn an_empty_piece_is_an_any_too() {
        let text = write(&Doc::List(vec![Doc::Typed("type/Empty", "{}")]));
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!([{"@type": "type/Empty"}])
        );
    }
}
