//! Tags: `[{"key": …, "value": …}]` in every body, names and values in between.

use crate::value::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

pub type Tags = BTreeMap<String, String>;

#[derive(serde::Deserialize)]
struct Tag {
    key: String,
    /// A tag may have a name only.
    #[serde(default)]
    value: String,
}

/// The tags of a list; older records have a plain map.
///
/// # Errors
/// When it is neither, or a tag has no key.
pub fn read(found: Json) -> Result<Tags, serde_json::Error> {
    match found {
        Json::Null => Ok(Tags::new()),
        list @ Json::Array(_) => {
            let tags: Vec<Tag> = serde_json::from_value(list)?;
            Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
        }
        map => serde_json::from_value(map),
    }
}

/// The tags of a list that is still to be validated, which tells of what is left out here.
pub fn read_node(list: &Node) -> Tags {
    let tag = |tag: &Node| {
        let text = |name| tag.get(name).and_then(Node::as_str).map(str::to_owned);
        Some((text("key")?, text("value").unwrap_or_default()))
    };
    list.as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(tag)
        .collect()
}

/// The list that a body has, sorted by key.
pub fn write<'t>(tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> Json {
    let tags = tags.into_iter();
    tags.map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_in_the_form_of_the_api_and_as_a_map() {
        let wanted = Tags::from([("team".to_owned(), "shop".to_owned())]);
        let list = json!([{"key": "team", "value": "shop"}]);
        assert_eq!(read(list.clone()).unwrap(), wanted);
        assert_eq!(read(json!({"team": "shop"})).unwrap(), wanted);
        assert_eq!(read_node(&Node::from_json(&list)), wanted);
        assert_eq!(write(&wanted), list);
        assert!(read(Json::Null).unwrap().is_empty());
        assert!(read(json!([{"value": "shop"}])).is_err());
    }
}
