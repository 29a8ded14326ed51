//! Who wrote each resource of a mesh last, for who shows it.

use super::{RecordState, Snapshot, Views};
use meshform_model::key::ResourceKey;
use meshform_store::{Result, Revision, Timestamp};
use std::collections::BTreeMap;

/// The last write of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWrite {
    pub owner: String,
    pub actor: String,
    pub at: Timestamp,
    /// The mesh's revision that the write made.
    pub revision: Revision,
    /// How often the resource was written.
    pub version: u64,
}

impl Views {
    /// A mesh as it is now, or as of a revision at least, and who wrote what is in it at that same moment; records that
    /// cannot be read too.
    pub async fn written(
        &self,
        mesh: &str,
        since: Option<Revision>,
    ) -> Result<(Snapshot, BTreeMap<ResourceKey, LastWrite>)> {
        self.with(mesh, since, |view| {
            let writes = view.entries.iter();
            let writes = writes.map(|(key, state)| (key.clone(), state.last_write()));
            (view.snapshot(), writes.collect())
        })
        .await
    }

    /// The last write of one resource; nothing where it is not there.
    pub async fn last_write(&self, key: &ResourceKey) -> Result<Option<LastWrite>> {
        self.with(&key.mesh, Some(Revision(1)), |view| {
            view.entries.get(key).map(RecordState::last_write)
        })
        .await
    }
}

impl RecordState {
    fn last_write(&self) -> LastWrite {
        LastWrite {
            owner: self.owner.clone(),
            actor: self.actor.clone(),
            at: self.at,
            revision: self.revision,
            version: self.version,
        }
    }
}
