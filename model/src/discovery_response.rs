//! Envoy's discovery responses as files hold them. Here because two crates that may not know each other write them: the
//! one that makes a proxy's files, and the one that publishes its bundle.

use crate::digest::Digest;
use crate::json_text::pretty;

/// The text of a discovery response with these resources, each its type URL and its compact JSON. The version is a hash
/// of the content, so that the same resources always have the same one.
pub fn discovery_response<'a>(resources: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut content = String::new();
    let mut list = Vec::new();
    for (type_url, json) in resources {
        content.push_str(&pretty(json));
        content.push('\n');
        let fields = json.strip_prefix('{').unwrap_or_default();
        let comma = if fields == "}" { "" } else { "," };
        let type_url = serde_json::Value::from(type_url);
        list.push(format!("{{\"@type\":{type_url}{comma}{fields}"));
    }
    let version = Digest::of(content.as_bytes());
    let text = format!(
        "{{\"resources\":[{}],\"version_info\":\"{}\"}}",
        list.join(","),
        version.short()
    );
    pretty(&text) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn resources_say_their_types_and_the_version_follows_the_content() {
        let host = r#"{"name":"a\"","domains":["*"]}"#;
        let text = discovery_response([("type/Host", host), ("type/Empty", "{}")]);
        let response: Value = serde_json::from_str(&text).unwrap();
        let typed = json!([{"@type": "type/Host", "name": "a\"", "domains": ["*"]}, {"@type": "type/Empty"}]);
        assert_eq!(response["resources"], typed);
        let other = discovery_response([("type/Host", host)]);
        let other: Value = serde_json::from_str(&other).unwrap();
        assert_ne!(response["version_info"], other["version_info"]);
        let none: Value = serde_json::from_str(&discovery_response([])).unwrap();
        assert_eq!(none["resources"], json!([]));
    }
}
