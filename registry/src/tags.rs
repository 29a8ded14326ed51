//! Tags that others write, and that a writer leaves as they are.

use meshform_model::tags::{self, Tags};
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
        let mut all = of(body);
        let theirs = of(&record.body).into_iter();
        all.extend(theirs.filter(|(key, _)| self.contains(key)));
        if let Some(body) = body.as_object_mut().filter(|_| !all.is_empty()) {
            body.insert("tags".to_owned(), tags::write(&all));
        }
    }
}

/// The tags of a body, which was validated when it was written.
fn of(body: &Value) -> Tags {
    let tags = body.get("tags").cloned().unwrap_or_default();
    tags::read(tags).unwrap_or_default()
}
