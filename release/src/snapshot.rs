//! What a process remembers of the meshes that it released, so that the next release builds only what changed.
//!
//! Digests, not files: a mesh of thousands of proxies costs its resources and a line for each proxy. It is taken out
//! while it is worked on; whoever finds nothing, or something that does not fit, lists and builds everything.

use crate::error::Result;
use crate::manifest::{Manifest, ProxyEntry};
use crate::records;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::{Change, Mesh};
use meshform_model::rules::Verdicts;
use meshform_store::{Digest, Feed, Revision, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// How many changes are asked for at once.
const STEP: usize = 500;

/// How often more changes may come while they are read, before everything is listed at once instead.
const ROUNDS: usize = 8;

/// The meshes that are remembered.
#[derive(Debug, Clone, Default)]
pub(crate) struct SnapshotCache(Arc<Mutex<BTreeMap<String, Snapshot>>>);

/// The manifest of each mesh that was current last.
#[derive(Debug, Clone, Default)]
pub(crate) struct ManifestCache(Arc<Mutex<BTreeMap<String, Kept>>>);

/// A manifest and its name.
type Kept = (Digest, Arc<Manifest>);

/// A mesh as of a revision.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Which store it is of.
    pub(crate) store: String,
    pub(crate) revision: Revision,
    pub(crate) mesh: Mesh,
    pub(crate) judged: Verdicts,
    /// The proxies that are built, by folder. None of them had anything to say.
    pub(crate) entries: BTreeMap<String, ProxyEntry>,
    /// Proxies that changed since they were built.
    pub(crate) stale: BTreeSet<ResourceKey>,
}

impl SnapshotCache {
    pub(crate) fn take(&self, mesh: &str) -> Option<Snapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(mesh)
    }

    pub(crate) fn put(&self, kept: Snapshot) {
        let name = kept.mesh.name().to_owned();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, kept);
    }
}

impl ManifestCache {
    pub(crate) fn get(&self, mesh: &str, release: &Digest) -> Option<Arc<Manifest>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (digest, manifest) = known.get(mesh)?;
        (digest == release).then(|| Arc::clone(manifest))
    }

    pub(crate) fn put(&self, mesh: &str, release: &Digest, manifest: &Arc<Manifest>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(mesh.to_owned(), (release.clone(), Arc::clone(manifest)));
    }
}

impl Snapshot {
    /// The mesh as it is now. None where what happened since cannot be told, or cannot be followed.
    pub(crate) async fn follow(mut self, store: &dyn Store) -> Result<Option<Self>> {
        let identity = store.identity().await?;
        if identity.is_none_or(|identity| identity.id != self.store) {
            return Ok(None);
        }
        let Some(changes) = self.changes(store).await? else {
            return Ok(None);
        };
        let Ok(applied) = self.mesh.apply(changes) else {
            return Ok(None);
        };
        if self.mesh.is_empty() {
            return Ok(None);
        }
        self.judged.again(&self.mesh, &applied.subjects);
        self.stale.extend(applied.proxies);
        let mesh = &self.mesh;
        self.stale.retain(|key| mesh.contains(key));
        self.entries.retain(|_, entry| mesh.contains(&entry.key));
        Ok(Some(self))
    }

    /// What happened since, read until nothing more comes: only then is it the mesh of one moment.
    async fn changes(&mut self, store: &dyn Store) -> Result<Option<Vec<Change>>> {
        let mesh = self.mesh.name();
        let mut found = BTreeMap::new();
        for _ in 0..ROUNDS {
            let (changes, head) = match store.changes(mesh, self.revision, STEP).await? {
                Feed::Changes { changes, head } => (changes, head),
                Feed::Compacted { .. } => return Ok(None),
            };
            let Some(last) = changes.last().map(|change| change.revision) else {
                let here = head == self.revision;
                return Ok(here.then(|| found.into_values().collect()));
            };
            let keys: BTreeSet<ResourceKey> = changes.into_iter().map(|change| change.key).collect();
            let keys: Vec<ResourceKey> = keys.into_iter().collect();
            let records = match store.get_all(&keys).await {
                Ok(records) => records,
                Err(StoreError::Damaged { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let gone = |key: ResourceKey| (key.clone(), Change::Deleted(key));
            found.extend(keys.into_iter().map(gone));
            for record in records {
                // A listing says what is wrong with it.
                let Ok(resource) = records::resource(record) else {
                    return Ok(None);
                };
                found.insert(resource.key.clone(), Change::Written(Box::new(resource)));
            }
            self.revision = last;
        }
        Ok(None)
    }
}
