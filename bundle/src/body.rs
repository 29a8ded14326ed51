//! JSON that is kept as text: a number is never read and written again, so a digest of it holds for ever.

use meshform_model::json_text::{compact, pretty};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// A JSON value as its text, without white space between the tokens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Body(Arc<str>);

impl Body {
    /// From any JSON text.
    ///
    /// # Errors
    /// When it is not one JSON value.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text).map(|raw| Self(compact(raw.get()).into()))
    }

    /// From JSON that has no white space between its tokens, as whoever wrote it knows.
    pub fn of_compact(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text, in one line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, two spaces per level.
    pub fn pretty(&self) -> String {
        pretty(&self.0)
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(compact(raw.get()).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_body_is_what_serde_would_write_in_one_line_and_in_many() {
        let value = json!({
            "a": [1, {"b": "ü \\\" {\n\"\u{7f}"}, [], {}, [[]]], "c": null, "d\"e": {"e": -1.5e-7, "f": true}, "": ""
        });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let body = Body::parse(&format!(" {pretty}\n")).unwrap();
        assert_eq!(body.as_str(), value.to_string());
        assert_eq!(body.pretty(), pretty);
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in [
            "0.1000000000000000055511151231257827",
            "1e400",
            "-0",
            "12345678901234567890123",
        ] {
            let body = Body::parse(text).unwrap();
            assert_eq!(serde_json::to_string(&body).unwrap(), text);
        }
        assert!(Body::parse("{").is_err());
        assert!(Body::parse("{} {}").is_err());
    }

    #[test]
    fn a_body_in_a_larger_object_is_not_a_string() {
        let text = serde_json::to_string(&Body::parse("{\"a\" : 1}").unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"a": 1}));
    }
}
