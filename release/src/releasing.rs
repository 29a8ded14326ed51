//! From a draft to the release that the pointer names.

use crate::draft::{DraftOutcome, Purpose, Release, ReleaseDraft};
use crate::error::{ReleaseError, Result};
use crate::held;
use crate::kept;
use crate::manifest::Manifest;
use crate::outcome::{Preview, ReleaseOutcome, ReleaseVerdict};
use crate::policy::Trigger;
use crate::releaser::{CurrentPointer, Releaser};
use crate::snapshot_cache::JudgedMesh;
use crate::state::{InvalidMesh, ReleaseEntry, State};
use crate::steps::ReleaseStep;
use crate::supply::Supply;
use meshform_model::mesh::Mesh;
use meshform_store::{Digest, Revision, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often somebody else may be first before that is an error. Whoever is first has released what is there, so that
/// the next look mostly finds nothing to do.
const ATTEMPTS: u32 = 16;

/// A release, and the one that it is to follow.
struct Successor {
    before: Option<Arc<Manifest>>,
    release: Release,
}

impl Releaser {
    /// Releases a mesh if it is valid and differs from its current release, then brings every target to whatever is
    /// current, also where an earlier process was killed on the way. A target that fails is no error: the outcome
    /// says so.
    ///
    /// Reads and writes files while it runs: meant for a thread of its own, or a program that has nothing else
    /// to do meanwhile.
    pub async fn release(&self, mesh: &str) -> Result<ReleaseOutcome> {
        self.release_for(mesh, Trigger::Demand).await
    }

    /// The same, unless the mesh waits for somebody to ask, or the release is held that takes routes away without
    /// another in their place.
    pub(crate) async fn release_for(&self, mesh: &str, trigger: Trigger) -> Result<ReleaseOutcome> {
        for _ in 0..ATTEMPTS {
            match self.attempt(mesh, trigger).await {
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
        let draft = self.draft(mesh, Trigger::Demand, Purpose::Preview).await?;
        self.compare(mesh, draft, &pointed.state).await
    }

    /// What releasing this mesh in place of the store's records would do: for plans. Writes nothing.
    pub async fn preview_of(&self, mesh: &Mesh) -> Result<Preview> {
        let pointed = self.pointed(mesh.name()).await?;
        let mut draft = ReleaseDraft::new(Revision::default());
        if mesh.is_empty() {
            draft.made = DraftOutcome::Nothing;
        } else {
            let mut judged = JudgedMesh::anew(mesh, self.rules.clone());
            self.build(mesh, &mut judged, &mut draft, Purpose::Preview)
                .await?;
        }
        self.compare(mesh.name(), draft, &pointed.state).await
    }

    /// None where what was listed is older than the current release.
    async fn attempt(&self, mesh: &str, trigger: Trigger) -> Result<Option<ReleaseOutcome>> {
        // The pointer first, then the records: whoever publishes between the two makes our write fail, so no
        // release that was listed earlier ever replaces one that was listed later.
        let mut pointed = self.pointed(mesh).await?;
        let draft = self.draft(mesh, trigger, Purpose::Release).await?;
        self.steps.passed(ReleaseStep::Built);
        let ReleaseDraft {
            revision,
            mut diagnostics,
            made,
        } = draft;
        let discovery = match &made {
            DraftOutcome::Valid(release) => release.manifest.discovery.clone(),
            DraftOutcome::Nothing | DraftOutcome::Broken | DraftOutcome::Waits => BTreeMap::new(),
        };
        let mut supply = Supply::default();
        let mut lost = Vec::new();
        let verdict = match (made, pointed.state.current.clone()) {
            (DraftOutcome::Waits, _) => ReleaseVerdict::Waits,
            (_, Some(current)) if pointed.state.pinned => ReleaseVerdict::Pinned(current),
            (DraftOutcome::Broken, _) => {
                let broken = Some(InvalidMesh::new(revision, &diagnostics));
                self.remember(mesh, &mut pointed, revision, broken).await?;
                ReleaseVerdict::Invalid
            }
            (DraftOutcome::Nothing, None) => {
                self.remember(mesh, &mut pointed, revision, None).await?;
                ReleaseVerdict::Nothing
            }
            (DraftOutcome::Nothing, Some(_)) => self.withdraw(mesh, &mut pointed, revision).await?,
            (DraftOutcome::Valid(release), current) => {
                let before = self.before(mesh, &pointed.state).await?;
                lost = held::lost(before.as_deref(), &release.manifest, &release.called);
                match current {
                    Some(current) if trigger.may_hold() && !lost.is_empty() => ReleaseVerdict::Held(current),
                    _ => {
                        let successor = Successor {
                            before,
                            release: *release,
                        };
                        let advanced = self.advance(mesh, &mut pointed, successor, &mut supply);
                        match advanced.await? {
                            Some(verdict) => verdict,
                            None => return Ok(None),
                        }
                    }
                }
            }
        };
        let deliveries = match verdict {
            // What was not published before is published by whoever releases.
            ReleaseVerdict::Held(_) => Vec::new(),
            _ => self.publish(mesh, supply, pointed.clone()).await?,
        };
        if matches!(verdict, ReleaseVerdict::Released { .. })
            && let Err(error) = self
                .sweeper
                .sweep(&*self.store, &*self.clock, mesh, &pointed.state)
                .await
        {
            // The next one sweeps.
            tracing::warn!(mesh, %error, "old releases were not swept");
        }
        let state = if discovery.is_empty() {
            State::default()
        } else {
            self.pointed(mesh).await?.state
        };
        diagnostics.extend(self.unpolled(mesh, &state, &discovery).await);
        tracing::debug!(mesh, revision = revision.0, ?verdict, "release");
        Ok(Some(ReleaseOutcome {
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
        pointed: &mut CurrentPointer,
        judged: Revision,
        broken: Option<InvalidMesh>,
    ) -> Result<()> {
        if pointed.state.broken == broken && pointed.state.judged == judged {
            return Ok(());
        }
        let mut state = pointed.state.clone();
        state.broken = broken;
        state.judged = judged;
        self.set(mesh, pointed, state).await
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
    async fn withdraw(
        &self,
        mesh: &str,
        pointed: &mut CurrentPointer,
        judged: Revision,
    ) -> Result<ReleaseVerdict> {
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
        self.set(mesh, pointed, state).await?;
        self.steps.passed(ReleaseStep::Pointed);
        Ok(ReleaseVerdict::Withdrawn(removed))
    }

    /// Makes a release current if it differs from what is. None if it is older.
    async fn advance(
        &self,
        mesh: &str,
        pointed: &mut CurrentPointer,
        successor: Successor,
        supply: &mut Supply,
    ) -> Result<Option<ReleaseVerdict>> {
        let Successor { before, release } = successor;
        let Release {
            mut manifest,
            mut bundles,
            mesh: from,
            ..
        } = release;
        let changes = manifest.changes_since(before.as_deref());
        let same_discovery = before
            .as_ref()
            .is_none_or(|before| before.discovery == manifest.discovery);
        let is_same = changes.is_empty() && same_discovery;
        if let (Some(_), Some(current), true) = (&before, pointed.state.current.clone(), is_same) {
            self.remember(mesh, pointed, manifest.revision, None).await?;
            // Where a blob of the store is lost, a target gets what was built just now.
            supply.bundles = bundles;
            return Ok(Some(ReleaseVerdict::Unchanged(current)));
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
            *self.snapshots.of(mesh).lock().await = None;
            return Ok(None);
        }
        // What the current release refers to is in the store, and stays there if our write succeeds.
        for bundle in before.iter().flat_map(|before| before.bundles()) {
            bundles.remove(bundle);
        }
        // Who publishes needs them once more.
        if !self.targets.is_empty() {
            supply.bundles = bundles.clone();
        }
        let mut blobs: Vec<Vec<u8>> = bundles.into_values().collect();
        if let Some(from) = from {
            let kept = kept::encode(&from)?;
            manifest.resources = Some(Digest::of(&kept));
            blobs.push(kept);
        }
        blobs.push(manifest.encode()?);
        // Buckets take the new bundles at the same time: nothing names them before the pointer does.
        let stored = self.store.put_blobs(mesh, blobs);
        let prepared = self.prepare(mesh, &manifest, &supply.bundles);
        let (digests, prepared) = futures_util::future::join(stored, prepared).await;
        let digests = digests?;
        supply.prepared = prepared;
        let Some(release) = digests.last().cloned() else {
            return Ok(Some(ReleaseVerdict::Nothing));
        };
        self.steps.passed(ReleaseStep::Stored);
        let (state, _) = pointed.state.clone().advance(ReleaseEntry {
            release: release.clone(),
            revision: manifest.revision,
            actor: self.author.actor.clone(),
            at: self.clock.now(),
        });
        self.set(mesh, pointed, state).await?;
        self.steps.passed(ReleaseStep::Pointed);
        self.manifests.put(mesh, &release, &Arc::new(manifest));
        Ok(Some(ReleaseVerdict::Released { release, changes }))
    }

    async fn compare(&self, mesh: &str, draft: ReleaseDraft, state: &State) -> Result<Preview> {
        let before = self.before(mesh, state).await?;
        let changes = match &draft.made {
            DraftOutcome::Valid(release) => release.manifest.changes_since(before.as_deref()),
            DraftOutcome::Nothing => before
                .as_ref()
                .map(|before| before.all_removed())
                .unwrap_or_default(),
            DraftOutcome::Broken | DraftOutcome::Waits => Vec::new(),
        };
        Ok(Preview {
            valid: matches!(draft.made, DraftOutcome::Valid(_)),
            diagnostics: draft.diagnostics,
            changes,
            pinned: state.pinned.then(|| state.current.clone()).flatten(),
        })
    }
}
