//! Tags that others write, and that a writer leaves as they are.

use meshform_store::Record;
use serde_json::Value;

/// Which tags a writer leaves to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoredTags {
    pub keys: Vec<String>,
    /// What keys begin with that are left to others: `aws:`.
    pub prefixes: Vec<String>,
}

impl IgnoredTags {
    /// Whether no tag is left to others.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }

    /// Whether a key is left to others.
    pub fn contains(&self, key: &str) -> bool {
        self.keys.iter().any(|ignored| ignored == key)
            || self
                .prefixes
                .iter()
                .any(|prefix| key.starts_with(prefix.as_str()))
    }

    /// Adds the tags of a record that are left to others to a body that is to be written over it.
    pub fn keep(&self, body: &mut Value, record: &Record) {
        let mut all = tags(body);
        let theirs = tags(&record.body).into_iter();
        all.extend(theirs.filter(|tag| key(tag).is_some_and(|key| self.contains(key))));
        all.sort_by(|a, b| key(a).cmp(&key(b)));
        if let Some(body) = body.as_object_mut().filter(|_| !all.is_empty()) {
            body.insert("tags".to_owned(), all.into());
        }
    }
}

fn tags(body: &Value) -> Vec<Value> {
    let tags = body.get("tags").and_then(Value::as_array);
    tags.cloned().unwrap_or_default()
}

fn key(tag: &Value) -> Option<&str> {
    tag.get("key").and_then(Value::as_str)
}
