//! From records to a release that the pointer names.

use crate::bucket::BucketTarget;
use crate::build::{Builder, Proxy};
use crate::discovery;
use crate::error::{ReleaseError, Result};
use crate::held;
use crate::manifest::{Manifest, ProxyEntry};
use crate::outcome::{Outcome, Preview, Verdict};
use crate::policy::Holding;
use crate::records;
use crate::snapshot::{ManifestCache, Snapshot, SnapshotCache};
use crate::state::{Broken, Entry, POINTER, State};
use crate::steps::{Silent, Step, Steps};
use crate::sweep;
use crate::target::{self, Target};
use meshform_bundle::layout::is_inside;
use meshform_model::diag::{self, Diagnostic};
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::rules::{self, Verdicts};
use meshform_store::{
    Author, Clock, Digest, NamedPointer, PointerWrite, Prefix, Revision, Store, StoreError, SystemClock,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often somebody else may be first before we say so.
const ATTEMPTS: u32 = 16;

/// Makes releases of meshes in one store.
#[derive(Debug, Clone)]
pub struct Releaser {
    pub(crate) store: Arc<dyn Store>,
    builder: Arc<dyn Builder>,
    pub(crate) targets: Vec<Target>,
    /// This machine, as targets report it.
    pub(crate) host: String,
    pub(crate) author: Author,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) steps: Arc<dyn Steps>,
    rules: rules::Options,
    memory: SnapshotCache,
    pub(crate) manifests: ManifestCache,
}

/// A mesh as it was listed, judged and built.
struct Draft {
    revision: Revision,
    diagnostics: Vec<Diagnostic>,
    made: Made,
}

enum Made {
    /// No records.
    Nothing,
    /// Not whole.
    Broken,
    /// Whole.
    Valid(Release),
}

/// A release that is not stored yet.
struct Release {
    manifest: Manifest,
    /// Those of the proxies that were built now.
    bundles: BTreeMap<Digest, Vec<u8>>,
    /// The virtual services that somebody calls and the routers behind them, with routes or without.
    called: BTreeSet<String>,
}

/// The pointer and what it says.
pub(crate) struct Pointed {
    pub(crate) state: State,
    pub(crate) version: Option<u64>,
}

impl Release {
    /// Notes what leads somewhere in the mesh that it was built from.
    fn leads(&mut self, mesh: &Mesh) {
        (self.manifest.routed, self.called) = held::routed(mesh);
        self.manifest.discovery = discovery::of(mesh);
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
            store,
            builder,
            targets: own.into_iter().collect(),
            host: target::this_host(),
            author,
            clock: Arc::new(SystemClock),
            steps: Arc::new(Silent),
            rules: rules::Options::default(),
            memory: SnapshotCache::default(),
            manifests: ManifestCache::default(),
        }
    }

    /// Also publishes there.
    #[must_use]
    pub fn publish_to(mut self, target: impl Into<Target>) -> Self {
        let target = target.into();
        if self.targets.iter().all(|known| known.name() != target.name()) {
            self.targets.push(target);
        }
        self
    }

    /// Judges meshes with these options of the rules.
    #[must_use]
    pub fn with_rules(mut self, options: rules::Options) -> Self {
        self.rules = options;
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells somebody each step.
    #[must_use]
    pub fn with_steps(mut self, steps: Arc<dyn Steps>) -> Self {
        self.steps = steps;
        self
    }

    /// Releases a mesh if it is valid and differs from its current release, then brings every target to whatever is
    /// current, also where an earlier process was killed on the way. A target that fails is no error: the outcome
    /// says so.
    ///
    /// Reads and writes files while it runs: meant for a thread of its own, or a program that has nothing else
    /// to do meanwhile.
    pub async fn release(&self, mesh: &str) -> Result<Outcome> {
        self.release_or_hold(mesh, Holding::Over).await
    }

    /// The same, or holds the release that takes routes away without another in their place.
    pub(crate) async fn release_or_hold(&self, mesh: &str, holding: Holding) -> Result<Outcome> {
        for _ in 0..ATTEMPTS {
            match self.attempt(mesh, holding).await {
                // Somebody else set the pointer between our look and our write: look again.
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) | Ok(None) => {}
                Ok(Some(outcome)) => return Ok(outcome),
                Err(error) => return Err(error),
            }
        }
        Err(ReleaseError::Contended {
            mesh: mesh.to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// What releasing would do now. Writes nothing.
    pub async fn preview(&self, mesh: &str) -> Result<Preview> {
        let pointed = self.pointed(mesh).await?;
        let draft = self.draft(mesh).await?;
        self.compare(mesh, draft, &pointed.state).await
    }

    /// What releasing these resources in place of the store's records would do: for plans. Writes nothing.
    pub async fn preview_of(&self, mesh: &str, resources: Vec<Resource>) -> Result<Preview> {
        let pointed = self.pointed(mesh).await?;
        let (draft, _) = self
            .build(mesh, Revision::default(), resources, Vec::new())
            .await?;
        self.compare(mesh, draft, &pointed.state).await
    }

    /// None where what was listed is older than the current release.
    async fn attempt(&self, mesh: &str, holding: Holding) -> Result<Option<Outcome>> {
        // The pointer first, then the records: whoever publishes between the two makes our write fail, so no
        // release that was listed earlier ever replaces one that was listed later.
        let pointed = self.pointed(mesh).await?;
        let draft = self.draft(mesh).await?;
        self.steps.passed(Step::Built);
        let Draft {
            revision,
            mut diagnostics,
            made,
        } = draft;
        let discovery = match &made {
            Made::Valid(release) => release.manifest.discovery.clone(),
            Made::Nothing | Made::Broken => BTreeMap::new(),
        };
        let mut fresh = BTreeMap::new();
        let mut lost = Vec::new();
        let verdict = match (made, &pointed.state.current) {
            (_, Some(current)) if pointed.state.pinned => Verdict::Pinned(current.clone()),
            (Made::Broken, _) => {
                let broken = Some(Broken::new(revision, &diagnostics));
                self.remember(mesh, &pointed, revision, broken).await?;
                Verdict::Invalid
            }
            (Made::Nothing, None) => {
                self.remember(mesh, &pointed, revision, None).await?;
                Verdict::Nothing
            }
            (Made::Nothing, Some(_)) => self.withdraw(mesh, pointed, revision).await?,
            (Made::Valid(release), current) => {
                let before = self.before(mesh, &pointed.state).await?;
                lost = held::lost(before.as_deref(), &release.manifest, &release.called);
                match current {
                    Some(current) if holding == Holding::Allowed && !lost.is_empty() => {
                        Verdict::Held(current.clone())
                    }
                    _ => match self.advance(mesh, pointed, (before, release), &mut fresh).await? {
                        Some(verdict) => verdict,
                        None => return Ok(None),
                    },
                }
            }
        };
        let deliveries = match verdict {
            // What was not published before is published by whoever releases.
            Verdict::Held(_) => Vec::new(),
            _ => self.publish(mesh, fresh).await?,
        };
        let state = if discovery.is_empty() {
            State::default()
        } else {
            self.pointed(mesh).await?.state
        };
        diagnostics.extend(self.unpolled(mesh, &state, &discovery).await);
        tracing::debug!(mesh, revision = revision.0, ?verdict, "release");
        Ok(Some(Outcome {
            mesh: mesh.to_owned(),
            revision,
            verdict,
            diagnostics,
            lost,
            deliveries,
        }))
    }

    /// Keeps beside the pointer why a mesh is not valid, or that it is, and as of which revision: plans of other
    /// processes tell it.
    async fn remember(
        &self,
        mesh: &str,
        pointed: &Pointed,
        judged: Revision,
        broken: Option<Broken>,
    ) -> Result<()> {
        if pointed.state.broken == broken && pointed.state.judged == judged {
            return Ok(());
        }
        let mut state = pointed.state.clone();
        state.broken = broken;
        state.judged = judged;
        self.set(mesh, pointed, &state).await
    }

    /// The manifest of the current release; none where there is none that can be read: then everything is built again
    /// from the records.
    async fn before(&self, mesh: &str, state: &State) -> Result<Option<Arc<Manifest>>> {
        match self.current(mesh, state).await {
            Err(ReleaseError::Damaged { .. }) => Ok(None),
            other => other,
        }
    }

    /// Takes the release of a mesh away that is not there any more.
    async fn withdraw(&self, mesh: &str, pointed: Pointed, judged: Revision) -> Result<Verdict> {
        let removed = match self.current(mesh, &pointed.state).await {
            Ok(manifest) => manifest
                .map(|manifest| manifest.all_removed())
                .unwrap_or_default(),
            // What it changes is not known; that it goes is.
            Err(ReleaseError::Damaged { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut state = pointed.state.clone();
        state.current = None;
        state.broken = None;
        state.judged = judged;
        self.set(mesh, &pointed, &state).await?;
        self.steps.passed(Step::Pointed);
        Ok(Verdict::Withdrawn(removed))
    }

    /// Makes a release current if it differs from what is. None if it is older.
    async fn advance(
        &self,
        mesh: &str,
        pointed: Pointed,
        (before, release): (Option<Arc<Manifest>>, Release),
        fresh: &mut BTreeMap<Digest, Vec<u8>>,
    ) -> Result<Option<Verdict>> {
        let Release {
            manifest,
            mut bundles,
            ..
        } = release;
        let changes = manifest.changes_since(before.as_deref());
        let same_discovery = before
            .as_ref()
            .is_none_or(|before| before.discovery == manifest.discovery);
        let is_same = changes.is_empty() && same_discovery;
        if let (Some(_), Some(current), true) = (&before, &pointed.state.current, is_same) {
            let current = current.clone();
            self.remember(mesh, &pointed, manifest.revision, None).await?;
            // Where a blob of the store is lost, a target gets what was built just now.
            *fresh = bundles;
            return Ok(Some(Verdict::Unchanged(current)));
        }
        // The order of reading rules this out where a store lists what it has acknowledged; one that lists
        // late must not take proxies back.
        if before
            .as_ref()
            .is_some_and(|before| before.revision > manifest.revision)
        {
            return Ok(None);
        }
        // Built by this process earlier, and not part of what is current: everything is built anew.
        let stored: BTreeSet<&Digest> = before.iter().flat_map(|before| before.bundles()).collect();
        let known = |bundle: &&Digest| stored.contains(*bundle) || bundles.contains_key(*bundle);
        if !manifest.bundles().all(|bundle| known(&bundle)) {
            drop(self.memory.take(mesh));
            return Ok(None);
        }
        // What the current release refers to is in the store, and stays there if our write succeeds.
        for bundle in before.iter().flat_map(|before| before.bundles()) {
            bundles.remove(bundle);
        }
        // Who publishes needs them once more.
        let again = if self.targets.is_empty() {
            BTreeMap::new()
        } else {
            bundles.clone()
        };
        let mut blobs: Vec<Vec<u8>> = bundles.into_values().collect();
        blobs.push(manifest.encode()?);
        let digests = self.store.put_blobs(mesh, blobs).await?;
        let Some(release) = digests.last().cloned() else {
            return Ok(Some(Verdict::Nothing));
        };
        self.steps.passed(Step::Stored);
        let (state, dropped) = pointed.state.clone().advance(Entry {
            release: release.clone(),
            revision: manifest.revision,
            actor: self.author.actor.clone(),
            at: self.clock.now(),
        });
        self.set(mesh, &pointed, &state).await?;
        self.steps.passed(Step::Pointed);
        self.manifests.put(mesh, &release, &Arc::new(manifest));
        *fresh = again;
        if !dropped.is_empty()
            && let Err(error) = sweep::sweep(&*self.store, &*self.clock, mesh, &state).await
        {
            // The next one sweeps.
            tracing::warn!(mesh, %error, "old releases were not swept");
        }
        Ok(Some(Verdict::Released { release, changes }))
    }

    /// The pointer of a mesh.
    pub(crate) async fn pointed(&self, mesh: &str) -> Result<Pointed> {
        let pointer: Option<NamedPointer> = self.store.pointer(mesh, POINTER).await?;
        Ok(Pointed {
            state: State::read(mesh, pointer.as_ref())?,
            version: pointer.map(|pointer| pointer.version),
        })
    }

    pub(crate) async fn set(&self, mesh: &str, seen: &Pointed, state: &State) -> Result<()> {
        let write = PointerWrite {
            mesh: mesh.to_owned(),
            name: POINTER.to_owned(),
            expected: seen.version,
            value: state.write(mesh)?,
        };
        self.store.set_pointer(write, &self.author).await?;
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

    /// The mesh as the store has it: from what is remembered and what happened since, else from all records.
    async fn draft(&self, mesh: &str) -> Result<Draft> {
        let followed = match self.memory.take(mesh) {
            Some(kept) => kept.follow(&*self.store).await?,
            None => None,
        };
        if let Some(kept) = followed
            && let Some(draft) = self.build_again(mesh, kept).await?
        {
            return Ok(draft);
        }
        let listing = self.store.list(&Prefix::mesh(mesh)).await?;
        let revision = listing.revision;
        let (resources, problems) = records::resources(mesh, listing);
        let (draft, kept) = self.build(mesh, revision, resources, problems).await?;
        kept.into_iter().for_each(|kept| self.memory.put(kept));
        Ok(draft)
    }

    /// Builds what is stale. None where something is to be said of it: what the whole says, only the whole knows.
    async fn build_again(&self, mesh: &str, mut kept: Snapshot) -> Result<Option<Draft>> {
        let mut draft = Draft {
            revision: kept.revision,
            diagnostics: kept.judged.diagnostics(),
            made: Made::Broken,
        };
        if !kept.judged.has_errors() {
            let built = match self.builder.build_some(&kept.mesh, &kept.stale) {
                Ok(built) if built.warnings.is_empty() => built,
                _ => return Ok(None),
            };
            let mut release = self.assemble(mesh, kept.revision, built.proxies).await?;
            kept.entries.append(&mut release.manifest.proxies);
            release.leads(&kept.mesh);
            kept.stale.clear();
            release.manifest.proxies.clone_from(&kept.entries);
            draft.made = Made::Valid(release);
        }
        self.memory.put(kept);
        Ok(Some(draft))
    }

    /// Builds everything. What may be remembered comes with it.
    async fn build(
        &self,
        name: &str,
        revision: Revision,
        resources: Vec<Resource>,
        mut diagnostics: Vec<Diagnostic>,
    ) -> Result<(Draft, Option<Snapshot>)> {
        let nothing = resources.is_empty() && diagnostics.is_empty();
        let mut draft = Draft {
            revision,
            diagnostics: Vec::new(),
            made: if nothing { Made::Nothing } else { Made::Broken },
        };
        // Rules would complain about what is there but cannot be read.
        if nothing || diag::has_errors(&diagnostics) {
            draft.diagnostics = diagnostics;
            return Ok((draft, None));
        }
        let mesh = match Mesh::new(resources) {
            Ok(mesh) => mesh,
            Err(problems) => {
                diagnostics.extend(problems);
                draft.diagnostics = diagnostics;
                return Ok((draft, None));
            }
        };
        let judged = Verdicts::of(&mesh, self.rules.clone());
        diagnostics.extend(judged.diagnostics());
        let mut kept = Snapshot {
            store: self
                .store
                .identity()
                .await?
                .map(|store| store.id)
                .unwrap_or_default(),
            revision,
            stale: mesh.proxies_reached([&mesh.key()]),
            entries: BTreeMap::new(),
            mesh,
            judged,
        };
        let mut clean = true;
        if !kept.judged.has_errors() {
            match self.builder.build(&kept.mesh) {
                Ok(built) => {
                    clean = built.warnings.is_empty();
                    diagnostics.extend(built.warnings);
                    let mut release = self.assemble(name, revision, built.proxies).await?;
                    release.leads(&kept.mesh);
                    kept.entries.clone_from(&release.manifest.proxies);
                    kept.stale.clear();
                    draft.made = Made::Valid(release);
                }
                Err(problems) => {
                    clean = false;
                    diagnostics.extend(problems);
                }
            }
        }
        draft.diagnostics = diagnostics;
        Ok((draft, clean.then_some(kept)))
    }

    async fn assemble(&self, mesh: &str, revision: Revision, proxies: Vec<Proxy>) -> Result<Release> {
        let store = self.store.identity().await?.map(|identity| identity.id);
        let mut manifest = Manifest::new(store.unwrap_or_default(), mesh, revision);
        let mut bundles = BTreeMap::new();
        for proxy in proxies {
            if !is_inside(&proxy.path) {
                return Err(ReleaseError::Unfit {
                    mesh: mesh.to_owned(),
                    name: proxy.path,
                    why: "its path leads out of its folder",
                });
            }
            let encoded = proxy.bundle.encode();
            let bytes = encoded.map_err(|error| ReleaseError::of_bundle(mesh, error))?;
            let entry = ProxyEntry {
                key: proxy.key,
                digest: proxy.digest,
                bundle: Digest::of(&bytes),
                bootstrap: proxy.bundle.bootstrap_digest(),
            };
            bundles.insert(entry.bundle.clone(), bytes);
            manifest.proxies.insert(proxy.path, entry);
        }
        Ok(Release {
            manifest,
            bundles,
            called: BTreeSet::new(),
        })
    }

    async fn compare(&self, mesh: &str, draft: Draft, state: &State) -> Result<Preview> {
        let before = self.before(mesh, state).await?;
        let changes = match &draft.made {
            Made::Valid(release) => release.manifest.changes_since(before.as_deref()),
            Made::Nothing => before
                .as_ref()
                .map(|before| before.all_removed())
                .unwrap_or_default(),
            Made::Broken => Vec::new(),
        };
        Ok(Preview {
            whole: matches!(draft.made, Made::Valid(_)),
            diagnostics: draft.diagnostics,
            changes,
            pinned: state.pinned.then(|| state.current.clone()).flatten(),
        })
    }
}
