//! Pointers and settings: one key each, written by who has seen its last value.

use super::kept::Value;
use super::{EtcdStore, request};
use crate::blob::NamedPointer;
use crate::contract::PointerWrite;
use crate::error::{PointerConflict, Result, StoreError};
use crate::record::Author;
use crate::setting::{Setting, SettingWrite};

/// A value and the revision of the cluster that wrote it.
type RevisedValue = (Value, i64);

impl EtcdStore {
    pub(super) async fn pointer_value(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
        let found = self.value(&self.keys.pointer(mesh, name)).await?;
        Ok(found.and_then(|(value, _)| named(value)))
    }

    pub(super) async fn write_pointer(&self, write: PointerWrite, author: &Author) -> Result<NamedPointer> {
        self.identity_or(&self.seed).await?;
        let key = self.keys.pointer(&write.mesh, &write.name);
        let found = self.value(&key).await?;
        let version = found.as_ref().map(|(value, _)| value.version);
        if version == write.expected
            && let Some(made) = self.append(&key, found, Some(write.value), author).await?
            && let Some(pointer) = named(made)
        {
            return Ok(pointer);
        }
        Err(StoreError::PointerConflict(Box::new(PointerConflict {
            found: self.pointer_value(&write.mesh, &write.name).await?,
            mesh: Some(write.mesh),
            name: write.name,
            expected: write.expected,
        })))
    }

    pub(super) async fn setting_value(&self, name: &str) -> Result<Option<Setting>> {
        let found = self.value(&self.keys.setting(name)).await?;
        Ok(found.and_then(|(value, _)| value.written().setting(name)))
    }

    pub(super) async fn setting_values(&self, prefix: &str) -> Result<Vec<Setting>> {
        let mut settings = Vec::new();
        for kept in self.every(&self.keys.settings(), false).await? {
            let name = self.keys.name_of_setting(&kept.key);
            let Some(name) = name.filter(|name| name.starts_with(prefix)) else {
                continue;
            };
            settings.extend(self.read::<Value>(&kept)?.written().setting(&name));
        }
        settings.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(settings)
    }

    pub(super) async fn write_setting(
        &self,
        write: SettingWrite,
        author: &Author,
    ) -> Result<Option<Setting>> {
        self.identity_or(&self.seed).await?;
        let key = self.keys.setting(&write.name);
        let found = self.value(&key).await?;
        let there = found.as_ref().filter(|(value, _)| value.value.is_some());
        if there.map(|(value, _)| value.version) == write.expected
            && let Some(made) = self.append(&key, found, write.value.clone(), author).await?
        {
            return Ok(made.written().setting(&write.name));
        }
        let now = self.setting_value(&write.name).await?;
        Err(StoreError::PointerConflict(Box::new(
            PointerConflict::of_setting(write, now),
        )))
    }

    async fn value(&self, key: &str) -> Result<Option<RevisedValue>> {
        let answer = self
            .client
            .txn("read", request::reads(vec![request::get(key)]))
            .await?;
        let found = answer.first_found().flatten().next();
        found
            .map(|found| Ok((self.read(&found)?, found.mod_revision)))
            .transpose()
    }

    /// Writes the value after `last`. None where somebody else was faster.
    async fn append(
        &self,
        key: &str,
        last: Option<RevisedValue>,
        value: Option<String>,
        author: &Author,
    ) -> Result<Option<Value>> {
        let condition = match &last {
            Some((_, revision)) => request::at(key, *revision),
            None => request::absent(key),
        };
        let next = Value {
            id: self.ids.next(),
            version: last.map_or(1, |(last, _)| last.version + 1),
            value,
            author: author.clone(),
            at: self.clock.now(),
        };
        let put = request::put(key, self.bytes(&next)?);
        let write = request::txn(vec![condition], vec![put], vec![request::get(key)]);
        let answer = self.client.txn("write", write).await?;
        if answer.succeeded {
            return Ok(Some(next));
        }
        // Where an answer was lost and the write was sent again, what is there is our own.
        let there = answer.first_found().flatten().next();
        let there: Option<Value> = there.map(|there| self.read(&there)).transpose()?;
        Ok(there.filter(|there| there.id == next.id))
    }
}

fn named(value: Value) -> Option<NamedPointer> {
    Some(NamedPointer {
        value: value.value?,
        version: value.version,
        author: value.author,
        at: value.at,
    })
}
