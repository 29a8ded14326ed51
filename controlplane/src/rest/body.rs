//! The body of a request. JSON lets a member be named twice, and readers of it disagree about which one counts: what was
//! checked somewhere on the way would be another than what is stored. So here it is refused.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use std::fmt;

/// Reads a JSON document; the error says what is wrong, and of a member that is named twice where it stands.
pub(super) fn read(bytes: &[u8]) -> Result<Json, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = ValuePath::Root.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Where in a document a value stands.
#[derive(Clone, Copy)]
enum ValuePath<'a> {
    Root,
    Member(&'a ValuePath<'a>, &'a str),
    Item(&'a ValuePath<'a>, usize),
}

/// As the API's own messages write paths: `spec.listeners[0].portMapping`.
impl fmt::Display for ValuePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(before, name) => write!(f, "{before}.{name}"),
            Self::Item(before, at) => write!(f, "{before}[{at}]"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValuePath<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValuePath<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let at = ValuePath::Member(&self, &name);
            if read.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member `{at}` is named twice")));
            }
            let value = members.next_value_seed(at)?;
            read.insert(name, value);
        }
        Ok(Json::Object(read))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(ValuePath::Item(&self, read.len()))? {
            read.push(item);
        }
        Ok(Json::Array(read))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_the_library_reads_it() {
        let text = r#"{"a": [null, true, 1, -2, 2.5, 18446744073709551615, "x\n"], "b": {"c": {}, "d": []}, "": ""}"#;
        let plain: Json = serde_json::from_str(text).unwrap();
        assert_eq!(read(text.as_bytes()).unwrap(), plain);
        for wrong in ["", "{", "[1,]", "{} {}", "\"\\ud800\"", &"[".repeat(200)] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_member_that_is_named_twice_is_told_with_its_place() {
        for (text, path) in [
            (r#"{"meshName": "q", "meshName": "z"}"#, "meshName"),
            (
                r#"{"spec": {"listeners": [{}, {"x": 1, "x": 1}]}}"#,
                "spec.listeners[1].x",
            ),
            (r#"[[{"a": null, "\u0061": 2}]]"#, "[0][0].a"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains(&format!("the member `{path}` is named twice")),
                "{error}"
            );
        }
    }
}
