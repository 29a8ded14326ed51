//! Pointers: each value an object of its own, numbered, so that only who has seen the last one makes the next.

use super::objects::{Objects, number, numbered, numbered_name, part};
use crate::blob::NamedPointer;
use crate::contract::PointerWrite;
use crate::error::{PointerConflict, Result, StoreError};
use crate::record::Author;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The pointers, with the last value that was seen of each.
#[derive(Debug)]
pub(super) struct Pointers {
    objects: Objects,
    seen: Mutex<BTreeMap<String, NamedPointer>>,
}

/// One value of a pointer.
#[derive(Debug, Serialize, Deserialize)]
struct PointerObject {
    /// Tells this value from every other, so that one that was sent twice is recognised.
    id: String,
    value: String,
    author: Author,
    at: Timestamp,
}

impl Pointers {
    pub(super) fn new(objects: Objects) -> Self {
        Self {
            objects,
            seen: Mutex::default(),
        }
    }

    pub(super) async fn get(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
        let folder = folder(mesh, name);
        let seen = self.seen().get(&folder).cloned();
        // A value never changes, so that only what came after the last one is looked for.
        let after = seen.as_ref().map(|seen| numbered_name(seen.version));
        let found = self.objects.list(&folder, after.as_deref()).await?;
        let Some(last) = found.iter().rev().find_map(|object| number(&object.name)) else {
            return Ok(seen);
        };
        let name = numbered(&folder, last);
        let object: Option<PointerObject> = self.objects.read(&name).await?;
        let object = object.ok_or_else(|| self.objects.damaged(&name, "it is gone again".to_owned()))?;
        let pointer = NamedPointer {
            value: object.value,
            version: last,
            author: object.author,
            at: object.at,
        };
        self.seen().insert(folder, pointer.clone());
        Ok(Some(pointer))
    }

    pub(super) async fn set(
        &self,
        pointer: PointerWrite,
        (id, author, at): (String, Author, Timestamp),
    ) -> Result<NamedPointer> {
        let folder = folder(&pointer.mesh, &pointer.name);
        let found = self.get(&pointer.mesh, &pointer.name).await?;
        let version = pointer.expected.unwrap_or_default() + 1;
        if found.as_ref().map(|found| found.version) == pointer.expected {
            let name = numbered(&folder, version);
            let value = pointer.value.clone();
            let object = PointerObject {
                id,
                value,
                author,
                at,
            };
            let mut ours = self.objects.create(&name, &object).await?;
            if !ours {
                // Where an answer was lost and the request was sent again, what is there is our own.
                let there: Option<PointerObject> = self.objects.read(&name).await?;
                ours = there.is_some_and(|there| there.id == object.id);
            }
            if ours {
                let set = NamedPointer {
                    value: object.value,
                    version,
                    author: object.author,
                    at,
                };
                self.seen().insert(folder, set.clone());
                return Ok(set);
            }
        }
        Err(StoreError::PointerConflict(Box::new(PointerConflict {
            found: self.get(&pointer.mesh, &pointer.name).await?,
            mesh: pointer.mesh,
            name: pointer.name,
            expected: pointer.expected,
        })))
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, NamedPointer>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn folder(mesh: &str, name: &str) -> String {
    format!("m/{}/pointers/{}", part(mesh), part(name))
}
