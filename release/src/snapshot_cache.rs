//! What a process remembers of the meshes that it released, so that the next release judges and builds only what
//! changed. The mesh itself is in the process's one view of it ([`meshform_registry::Views`]).
//!
//! Digests, not files: a mesh of thousands of proxies costs a line for each of them.
//!
//! Locks: a mesh's slot is locked first, then its view, then what the store has of its own; nobody who has one of these
//! waits for one that comes before it. The tables around them are locked to find an entry, never across an `await`.

use crate::manifest::{Manifest, ProxyEntry};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::rules::{self, Verdicts};
use meshform_registry::{AffectedByChanges, ViewVersion};
use meshform_store::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// How each mesh was judged and built last.
#[derive(Debug, Clone, Default)]
pub(crate) struct SnapshotCache(Arc<Mutex<BTreeMap<String, Slot>>>);

/// What is remembered of one mesh. It is locked while the mesh is judged and built, so that whoever asks at the same
/// time finds that done, and taken out meanwhile, so that nothing is remembered where that fails.
type Slot = Arc<tokio::sync::Mutex<Option<CachedMesh>>>;

/// The manifest of each mesh that was current last.
#[derive(Debug, Clone, Default)]
pub(crate) struct ManifestCache(Arc<Mutex<BTreeMap<String, NamedManifest>>>);

#[derive(Debug, Clone)]
struct NamedManifest {
    digest: Digest,
    manifest: Arc<Manifest>,
}

/// A mesh as it was judged and built at a look.
#[derive(Debug)]
pub(crate) struct CachedMesh {
    pub(crate) turn: ViewVersion,
    pub(crate) judged: JudgedMesh,
}

/// What the rules say of a mesh, and the proxies that are built of it.
#[derive(Debug)]
pub(crate) struct JudgedMesh {
    pub(crate) verdicts: Verdicts,
    /// The proxies that are built, by folder. None of them had anything to say.
    pub(crate) entries: BTreeMap<String, ProxyEntry>,
    /// Proxies that changed since they were built.
    pub(crate) stale: BTreeSet<ResourceKey>,
}

impl SnapshotCache {
    pub(crate) fn of(&self, mesh: &str) -> Slot {
        let mut meshes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = meshes.get(mesh) {
            return Arc::clone(slot);
        }
        Arc::clone(meshes.entry(mesh.to_owned()).or_default())
    }
}

impl JudgedMesh {
    /// A mesh of which nothing is known.
    pub(crate) fn anew(mesh: &Mesh, rules: rules::Options) -> Self {
        let mut judged = Self {
            verdicts: Verdicts::of(mesh, rules),
            entries: BTreeMap::new(),
            stale: BTreeSet::new(),
        };
        judged.forget_built(mesh);
        judged
    }

    /// Asks the rules again about what changed, and notes which proxies it reaches.
    pub(crate) fn follow(&mut self, mesh: &Mesh, reached: AffectedByChanges) {
        self.verdicts.again(mesh, &reached.subjects);
        self.stale.extend(reached.proxies);
        self.stale.retain(|key| mesh.contains(key));
        self.entries.retain(|_, entry| mesh.contains(&entry.key));
    }

    /// Everything is to be built again.
    pub(crate) fn forget_built(&mut self, mesh: &Mesh) {
        self.entries.clear();
        self.stale = mesh.proxies_reached([&mesh.key()]);
    }
}

impl ManifestCache {
    pub(crate) fn get(&self, mesh: &str, release: &Digest) -> Option<Arc<Manifest>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = known.get(mesh)?;
        (named.digest == *release).then(|| Arc::clone(&named.manifest))
    }

    pub(crate) fn put(&self, mesh: &str, release: &Digest, manifest: &Arc<Manifest>) {
        let named = NamedManifest {
            digest: release.clone(),
            manifest: Arc::clone(manifest),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(mesh.to_owned(), named);
    }
}
