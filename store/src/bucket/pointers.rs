//! Pointers and settings: each value an object of its own, numbered, so that only who has seen the last one makes the
//! next.

use crate::error::Result;
use crate::record::Author;
use crate::setting::SettingVersion;
use crate::storage::{Objects, number, numbered, numbered_name, part};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub(super) const SETTINGS: &str = "settings";

/// Numbered values, with the last one that was seen of each folder.
#[derive(Debug)]
pub(super) struct Pointers {
    objects: Objects,
    seen: Mutex<BTreeMap<String, Numbered>>,
}

/// A value and its number.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) version: u64,
    pub(super) object: ValueObject,
}

/// One value, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ValueObject {
    /// Tells this value from every other, so that one that was sent twice is recognised.
    pub(super) id: String,
    /// Of which setting; the folder's name may be shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// `None` where it was taken away.
    pub(super) value: Option<String>,
    pub(super) author: Author,
    pub(super) at: Timestamp,
}

impl Numbered {
    pub(super) fn written(self) -> SettingVersion {
        SettingVersion {
            version: self.version,
            value: self.object.value,
            author: self.object.author,
            at: self.object.at,
        }
    }
}

impl Pointers {
    pub(super) fn new(objects: Objects) -> Self {
        Self {
            objects,
            seen: Mutex::default(),
        }
    }

    /// The last value of a folder.
    pub(super) async fn last(&self, folder: &str) -> Result<Option<Numbered>> {
        let seen = self.seen().get(folder).cloned();
        // A value never changes, so that only what came after the last one is looked for.
        let after = seen.as_ref().map(|seen| numbered_name(seen.version));
        let found = self.objects.list(folder, after.as_deref()).await?;
        let Some(last) = found.iter().rev().find_map(|object| number(&object.name)) else {
            return Ok(seen);
        };
        let name = numbered(folder, last);
        let object: Option<ValueObject> = self.objects.read(&name).await?;
        let object = object.ok_or_else(|| self.objects.damaged(&name, "it is gone again".to_owned()))?;
        let found = Numbered {
            version: last,
            object,
        };
        self.seen().insert(folder.to_owned(), found.clone());
        Ok(Some(found))
    }

    /// The last value of a folder that this process has seen.
    pub(super) fn seen_last(&self, folder: &str) -> Option<Numbered> {
        self.seen().get(folder).cloned()
    }

    /// Makes the value after `last`. None where somebody else has made it.
    pub(super) async fn append(
        &self,
        folder: &str,
        last: Option<&Numbered>,
        object: ValueObject,
    ) -> Result<Option<Numbered>> {
        let version = last.map_or(1, |last| last.version + 1);
        let name = numbered(folder, version);
        if !self.objects.create(&name, &object).await? {
            // Where an answer was lost and the request was sent again, what is there is our own.
            let there: Option<ValueObject> = self.objects.read(&name).await?;
            if there.is_none_or(|there| there.id != object.id) {
                return Ok(None);
            }
        }
        let made = Numbered { version, object };
        self.seen().insert(folder.to_owned(), made.clone());
        Ok(Some(made))
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Numbered>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder of a mesh's pointer.
pub(super) fn pointer(mesh: &str, name: &str) -> String {
    format!("m/{}/pointers/{}", part(mesh), part(name))
}

/// The folder of a setting.
pub(super) fn setting(name: &str) -> String {
    format!("{SETTINGS}/{}", part(name))
}
