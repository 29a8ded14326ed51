//! What the values of keys look like, and how it is written and read: JSON with its own digest.

use super::EtcdStore;
use crate::change::{Action, Change};
use crate::error::{Result, StoreError};
use crate::r#gen::KeyValue;
use crate::identity::StoreIdentity;
use crate::record::{Author, Record, Revision};
use crate::seal;
use crate::setting::SettingVersion;
use crate::time::Timestamp;
use meshform_model::key::ResourceKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The format of the keys and values below a prefix.
pub(super) const FORMAT: i64 = 1;

/// The identity of the store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoreHeader {
    pub(super) format: i64,
    pub(super) identity: StoreIdentity,
}

/// One entry of a mesh's log; its revision is the key's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MeshLogEntry {
    pub(super) key: ResourceKey,
    /// Whether the resource was taken away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) deleted: bool,
    pub(super) author: Author,
    pub(super) at: Timestamp,
}

/// Up to where a log was compacted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct CompactionFloor {
    pub(super) oldest: Revision,
}

/// A pointer's or a setting's last value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Value {
    /// Tells this write from every other, so that one that was sent twice is recognised.
    pub(super) id: String,
    pub(super) version: u64,
    /// `None` where a setting was taken away: its versions go on from here.
    pub(super) value: Option<String>,
    pub(super) author: Author,
    pub(super) at: Timestamp,
}

/// A blob that is there whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) size: u64,
    pub(super) touched_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunCard {
    pub(super) actor: String,
}

impl MeshLogEntry {
    pub(super) fn change(self, revision: Revision) -> Change {
        Change {
            revision,
            key: self.key,
            action: if self.deleted { Action::Delete } else { Action::Put },
            author: self.author,
            at: self.at,
        }
    }
}

impl Value {
    pub(super) fn written(self) -> SettingVersion {
        SettingVersion {
            version: self.version,
            value: self.value,
            author: self.author,
            at: self.at,
        }
    }
}

/// The revision of etcd that a revision of ours is.
pub(super) fn signed(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(revision: i64) -> Revision {
    Revision(u64::try_from(revision).unwrap_or_default())
}

impl EtcdStore {
    /// A value as JSON with its seal, as etcd gets it.
    pub(super) fn bytes(&self, value: &impl Serialize) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(value);
        let bytes = bytes.map_err(|error| self.damaged("a value", error.to_string()))?;
        Ok(seal::seal(bytes))
    }

    /// Reads a key's value. Fails where its seal does not fit or it is not such JSON: the store is damaged.
    pub(super) fn read<T: DeserializeOwned>(&self, found: &KeyValue) -> Result<T> {
        let key = || String::from_utf8_lossy(&found.key).into_owned();
        if !seal::is_intact(&found.value) {
            return Err(self.damaged(&key(), "it is not what was written".to_owned()));
        }
        serde_json::from_slice(&found.value).map_err(|error| self.damaged(&key(), error.to_string()))
    }

    pub(super) fn read_record(&self, found: &KeyValue) -> Result<Record> {
        let record: Record = self.read(found)?;
        Ok(Record {
            revision: unsigned(found.mod_revision),
            ..record
        })
    }

    pub(super) fn damaged(&self, key: &str, detail: String) -> StoreError {
        StoreError::Damaged {
            path: format!("{} (key `{key}`)", self.client.place()).into(),
            detail,
        }
    }
}
