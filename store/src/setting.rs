//! Named values of the whole store, outside every mesh: keys of an API, a signing key, what was revoked.

use crate::record::Author;
use crate::time::Timestamp;

/// A setting and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name; `/` orders names into groups, and has no other meaning.
    pub name: String,
    /// What it says; the store does not look into it.
    pub value: String,
    /// Grows with each write of this name, also over a delete: what a writer expects never comes again.
    pub version: u64,
    pub author: Author,
    pub at: Timestamp,
}

/// What a setting is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingWrite {
    pub name: String,
    /// The version that the writer has seen; `None` if there is none.
    pub expected: Option<u64>,
    /// The new value; `None` takes the setting away.
    pub value: Option<String>,
}

/// One name's last write, which may have taken the setting away.
#[derive(Debug, Clone)]
pub(crate) struct SettingVersion {
    pub(crate) version: u64,
    pub(crate) value: Option<String>,
    pub(crate) author: Author,
    pub(crate) at: Timestamp,
}

impl SettingVersion {
    /// The setting, unless it was taken away.
    pub(crate) fn setting(self, name: &str) -> Option<Setting> {
        Some(Setting {
            name: name.to_owned(),
            value: self.value?,
            version: self.version,
            author: self.author,
            at: self.at,
        })
    }
}
