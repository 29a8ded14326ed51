//! Deleting: what is inside has to go first, and what refers to the resource may keep it.

use crate::error::{DeletionBlocker, RegistryError, Result};
use crate::owners::belongs_to;
use crate::policy::Policy;
use crate::registry::Registry;
use meshform_model::key::ResourceKey;
use meshform_store::{Author, Change, Record, Revision, StoreError};
use std::time::Duration;

/// The pause between two looks at what is inside: a listing each, for the seconds that a delete may wait.
const PAUSE: Duration = Duration::from_millis(50);

impl Registry {
    /// Deletes a resource, unless something is inside it, or another owner's resource refers to it (with
    /// `strict_deletes`, anyone's). `None` where it is not there. What anyone but this run has written after the revision
    /// that the caller has `seen` is a conflict: nobody has decided that it is to go.
    pub async fn delete(
        &self,
        key: &ResourceKey,
        seen: Option<Revision>,
        author: &Author,
        policy: &Policy,
    ) -> Result<Option<Change>> {
        let Some(record) = self.get(key).await? else {
            return Ok(None);
        };
        self.wait_until_empty(key, policy.patience).await?;
        self.refuse_if_named(key, author, policy).await?;
        let mut expected = seen.unwrap_or(record.revision);
        loop {
            let conflict = match self.store().delete(key, expected, author).await {
                Ok(change) => return Ok(Some(change)),
                Err(StoreError::Conflict(conflict)) => conflict,
                Err(error) => return Err(error.into()),
            };
            match conflict.found.clone() {
                None => return Ok(None),
                Some(found) if is_own(&found, seen, author) => expected = found.revision,
                Some(_) => return Err(StoreError::Conflict(conflict).into()),
            }
        }
    }

    /// Waits until nothing is inside, as long as something goes now and then.
    async fn wait_until_empty(&self, key: &ResourceKey, patience: Duration) -> Result<()> {
        let mut holds = self.views().inside(key).await?;
        let mut waited = Duration::ZERO;
        while !holds.is_empty() {
            if waited >= patience {
                let key = key.clone();
                return Err(RegistryError::InUse { key, holds });
            }
            tokio::time::sleep(PAUSE).await;
            let now = self.views().inside(key).await?;
            waited = if now.len() < holds.len() {
                Duration::ZERO
            } else {
                waited + PAUSE
            };
            holds = now;
        }
        Ok(())
    }

    /// Asked right after what is inside was looked for.
    async fn refuse_if_named(&self, key: &ResourceKey, author: &Author, policy: &Policy) -> Result<()> {
        let mut holds: Vec<DeletionBlocker> = self.views().named_by(key).await;
        holds.retain(|hold| {
            let others = hold.owner != author.owner;
            hold.reference.role.held_in_app_mesh() && (others || policy.strict_deletes)
        });
        match holds.is_empty() {
            true => Ok(()),
            false => Err(RegistryError::InUse {
                key: key.clone(),
                holds,
            }),
        }
    }
}

/// Whether a record that was written since it was looked at may go all the same: by who has looked at nothing, or wrote it
/// in this run.
fn is_own(found: &Record, seen: Option<Revision>, author: &Author) -> bool {
    let same_run = found.author.run.is_some() && found.author.run == author.run;
    belongs_to(found, &author.owner) && (seen.is_none() || same_run)
}
