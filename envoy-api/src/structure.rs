//! Free-form JSON in the shape that protobuf has for it: log formats, metadata, runtime values.

use prost_types::{ListValue, Struct, value::Kind};
use serde_json::{Map, Value};

/// The object as protobuf's own. Numbers become doubles, which is what protobuf has.
pub fn structure(object: &Map<String, Value>) -> Struct {
    let field = |(key, value): (&String, &Value)| (key.clone(), member(value));
    Struct {
        fields: object.iter().map(field).collect(),
    }
}

fn member(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(b) => Kind::BoolValue(*b),
        Value::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or_default()),
        Value::String(s) => Kind::StringValue(s.clone()),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.iter().map(member).collect(),
        }),
        Value::Object(object) => Kind::StructValue(structure(object)),
    };
    prost_types::Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::structure;
    use crate::envoy::config::core::v3::Node;
    use crate::{from_json, to_json};

    #[test]
    fn every_kind_of_value_survives() {
        let metadata = json!({"a": null, "b": true, "c": 1.5, "d": "x", "e": [1.0, {"f": {}}]});
        let node = Node {
            id: "n".into(),
            metadata: metadata.as_object().map(structure),
            ..Node::default()
        };
        let json = to_json(&node).unwrap();
        assert_eq!(json["metadata"], metadata);
        assert_eq!(from_json::<Node>(&json).unwrap(), node);
    }
}
