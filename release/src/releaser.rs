//! Who makes releases: the store, the targets, and what is remembered of both.

use crate::bucket::BucketTarget;
use crate::build::Builder;
use crate::error::{ReleaseError, Result};
use crate::manifest::Manifest;
use crate::snapshot_cache::{ManifestCache, SnapshotCache};
use crate::state::{POINTER, State};
use crate::steps::{NoSteps, Steps};
use crate::sweep::Sweeper;
use crate::target::{self, Target};
use meshform_model::rules;
use meshform_registry::Views;
use meshform_store::{Author, Clock, Digest, NamedPointer, PointerWrite, Store, SystemClock};
use std::sync::Arc;

/// Makes releases of meshes in one store.
#[derive(Debug, Clone)]
pub struct Releaser {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) builder: Arc<dyn Builder>,
    pub(crate) targets: Vec<Target>,
    /// Others publish there; they are looked at only.
    pub(crate) looked_at: Vec<Target>,
    /// This machine, as targets report it.
    pub(crate) host: String,
    pub(crate) author: Author,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) steps: Arc<dyn Steps>,
    pub(crate) rules: rules::Options,
    /// Whether bundles that a bucket has, and files in directories, are read, to see that they are not damaged.
    pub(crate) verifies: bool,
    /// The meshes as this process sees them.
    pub(crate) views: Arc<Views>,
    pub(crate) snapshots: SnapshotCache,
    pub(crate) sweeper: Sweeper,
    pub(crate) manifests: ManifestCache,
}

/// The pointer and what it says.
#[derive(Debug, Clone)]
pub(crate) struct CurrentPointer {
    pub(crate) state: State,
    pub(crate) version: Option<u64>,
}

impl CurrentPointer {
    /// Whether proxies are to have the same by another look at the pointer.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (&self.state.current, self.state.pinned) == (&other.state.current, other.state.pinned)
    }
}

impl Releaser {
    /// Releases into the store, as `author`.
    pub fn new(store: Arc<dyn Store>, builder: Arc<dyn Builder>, author: Author) -> Self {
        // A store in a bucket is where agents look.
        let own = store
            .published()
            .map(|objects| Target::from(BucketTarget::new(objects)));
        Self {
            views: Arc::new(Views::new(Arc::clone(&store))),
            store,
            builder,
            targets: own.into_iter().collect(),
            looked_at: Vec::new(),
            host: target::this_host(),
            author,
            clock: Arc::new(SystemClock),
            steps: Arc::new(NoSteps),
            rules: rules::Options::default(),
            verifies: false,
            snapshots: SnapshotCache::default(),
            sweeper: Sweeper::default(),
            manifests: ManifestCache::default(),
        }
    }

    /// Follows the meshes of the store by the views that this process has of it already.
    #[must_use]
    pub fn with_views(mut self, views: Arc<Views>) -> Self {
        self.views = views;
        self
    }

    /// The meshes as this process sees them, for whoever else in it needs them.
    pub fn views(&self) -> &Arc<Views> {
        &self.views
    }

    /// The same releaser under another author: both remember the same.
    #[must_use]
    pub fn written_by(&self, author: Author) -> Self {
        Self {
            author,
            ..self.clone()
        }
    }

    /// Adds a target that every release is published to. One that is known by its name is not added again.
    #[must_use]
    pub fn publish_to(mut self, target: impl Into<Target>) -> Self {
        let target = target.into();
        if self.targets.iter().all(|known| known.name() != target.name()) {
            self.targets.push(target);
        }
        self
    }

    /// Looks there too where it is asked how things stand, and publishes nothing.
    #[must_use]
    pub fn look_at(mut self, target: Target) -> Self {
        let mut known = self.targets.iter().chain(&self.looked_at);
        if known.all(|known| known.name() != target.name()) {
            self.looked_at.push(target);
        }
        self
    }

    /// Judges meshes with these options of the rules.
    #[must_use]
    pub fn with_rules(mut self, options: rules::Options) -> Self {
        self.rules = options;
        self
    }

    /// Reads the bundles of the current release that a bucket has already, and writes those again that are damaged: one
    /// request for each proxy, so not with every apply.
    #[must_use]
    pub fn verifying(mut self) -> Self {
        self.verifies = true;
        self
    }

    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells these steps what was done; tests stop the process there.
    #[must_use]
    pub fn with_steps(mut self, steps: Arc<dyn Steps>) -> Self {
        self.steps = steps;
        self
    }

    /// The pointer of a mesh.
    pub(crate) async fn pointed(&self, mesh: &str) -> Result<CurrentPointer> {
        let pointer: Option<NamedPointer> = self.store.pointer(mesh, POINTER).await?;
        Ok(CurrentPointer {
            state: State::read(mesh, pointer.as_ref())?,
            version: pointer.map(|pointer| pointer.version),
        })
    }

    /// Sets the pointer of a mesh, where it is still what was seen; then `seen` is what it is now.
    pub(crate) async fn set(&self, mesh: &str, seen: &mut CurrentPointer, state: State) -> Result<()> {
        let write = PointerWrite {
            mesh: mesh.to_owned(),
            name: POINTER.to_owned(),
            expected: seen.version,
            value: state.write(mesh)?,
        };
        let written = self.store.set_pointer(write, &self.author).await?;
        *seen = CurrentPointer {
            state,
            version: Some(written.version),
        };
        Ok(())
    }

    pub(crate) async fn blob(&self, mesh: &str, digest: &Digest) -> Result<Vec<u8>> {
        match self.store.blob(mesh, digest).await? {
            Some(bytes) => Ok(bytes),
            None => Err(ReleaseError::Damaged {
                mesh: mesh.to_owned(),
                detail: format!("the blob {digest} is not there"),
            }),
        }
    }

    /// The manifest of the current release. It is read once.
    pub(crate) async fn current(&self, mesh: &str, state: &State) -> Result<Option<Arc<Manifest>>> {
        let Some(release) = &state.current else {
            return Ok(None);
        };
        if let Some(known) = self.manifests.get(mesh, release) {
            return Ok(Some(known));
        }
        let manifest = Arc::new(Manifest::decode(mesh, &self.blob(mesh, release).await?)?);
        self.manifests.put(mesh, release, &manifest);
        Ok(Some(manifest))
    }
}
