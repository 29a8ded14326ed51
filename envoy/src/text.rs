//! JSON as text, without white space, put together from pieces that many proxies share and that are written once.

use meshform_envoy_api::{Error, encoded_to_json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a document is put together from.
pub(crate) enum Doc<'a> {
    Value(&'a Value),
    Piece(&'a str),
    List(Vec<Doc<'a>>),
    /// An object; the names in this order.
    Object(Vec<(&'a str, Doc<'a>)>),
}

/// The inline route tables by name, already written.
pub(crate) type Tables = BTreeMap<String, Arc<str>>;

/// The text of an encoded message.
pub(crate) fn of_message<M: prost::Name>(message: &[u8]) -> Result<String, Error> {
    Ok(of_value(&encoded_to_json::<M>(message)?))
}

/// The text of an encoded message whose `route_config`s are only names; the tables take their place.
pub(crate) fn with_tables<M: prost::Name>(message: &[u8], tables: &Tables) -> Result<String, Error> {
    let mut out = String::new();
    value(&mut out, &encoded_to_json::<M>(message)?, tables);
    Ok(out)
}

/// The text of a value. `Display` gives the same at half the speed: it passes each piece through a formatter.
fn of_value(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// The text of a document.
pub(crate) fn write(doc: &Doc<'_>) -> String {
    let mut out = String::new();
    append(&mut out, doc);
    out
}

fn append(out: &mut String, doc: &Doc<'_>) {
    match doc {
        Doc::Value(value) => out.push_str(&of_value(value)),
        Doc::Piece(piece) => out.push_str(piece),
        Doc::List(items) => joined(out, '[', ']', items, append),
        Doc::Object(fields) => joined(out, '{', '}', fields, |out, (name, value)| {
            string(out, name);
            out.push(':');
            append(out, value);
        }),
    }
}

fn value(out: &mut String, one: &Value, tables: &Tables) {
    match one {
        Value::Array(items) => joined(out, '[', ']', items, |out, item| value(out, item, tables)),
        Value::Object(fields) => joined(out, '{', '}', fields, |out, (name, one)| {
            string(out, name);
            out.push(':');
            let table = (name == "route_config").then(|| one.get("name")?.as_str());
            match table.flatten().and_then(|name| tables.get(name)) {
                Some(table) => out.push_str(table),
                None => value(out, one, tables),
            }
        }),
        other => out.push_str(&of_value(other)),
    }
}

fn joined<T>(
    out: &mut String,
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(close);
}

fn string(out: &mut String, text: &str) {
    // serde_json knows how to escape.
    out.push_str(&of_value(&Value::from(text)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_envoy_api::envoy::config::route::v3::VirtualHost;
    use prost::Message as _;
    use serde_json::json;

    #[test]
    fn pieces_stand_in_their_places() {
        let host = VirtualHost {
            name: "a\"".into(),
            domains: vec!["*".into()],
            ..Default::default()
        };
        let host = of_message::<VirtualHost>(&host.encode_to_vec()).unwrap();
        let value = json!({"n": [1, null]});
        let doc = Doc::Object(vec![
            ("x", Doc::List(vec![Doc::Piece(&host), Doc::Piece("{}")])),
            ("z", Doc::Value(&value)),
        ]);
        let wanted = json!({
            "x": [{"name": "a\"", "domains": ["*"]}, {}], "z": {"n": [1, null]},
        });
        assert_eq!(serde_json::from_str::<Value>(&write(&doc)).unwrap(), wanted);
    }
}
