//! From records to a release that is not stored yet: the mesh is followed, judged, and what changed is built.

use crate::build::ProxyBundle;
use crate::discovered;
use crate::error::{ReleaseError, Result};
use crate::held;
use crate::manifest::{Manifest, ProxyEntry};
use crate::policy::{self, Trigger};
use crate::releaser::Releaser;
use crate::snapshot_cache::{CachedMesh, JudgedMesh};
use crate::target::Target;
use meshform_bundle::layout::is_inside;
use meshform_envoy::{AgentPresence, without_agent};
use meshform_model::codes;
use meshform_model::diag::{self, Diagnostic};
use meshform_model::mesh::Mesh;
use meshform_model::rules::told;
use meshform_model::validate::closest;
use meshform_registry::FollowedSnapshot;
use meshform_store::{Digest, Revision};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A mesh as it was listed, judged and built.
pub(crate) struct ReleaseDraft {
    pub(crate) revision: Revision,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) made: DraftOutcome,
}

pub(crate) enum DraftOutcome {
    Nothing,
    /// The mesh is not valid.
    Broken,
    /// The mesh is valid, and this is its release.
    Valid(Box<Release>),
    /// The mesh is released when somebody says so.
    Waits,
}

/// What becomes of what is built for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is stored, and need not be built again.
    Release,
    /// It is only looked at.
    Preview,
}

/// A release that is not stored yet.
pub(crate) struct Release {
    pub(crate) manifest: Manifest,
    /// Those of the proxies that were built now.
    pub(crate) bundles: BTreeMap<Digest, Vec<u8>>,
    /// The virtual services that somebody calls and the routers behind them, with routes or without.
    pub(crate) called: BTreeSet<String>,
    /// The mesh that it was built from, where it is to be kept.
    pub(crate) mesh: Option<Arc<Mesh>>,
}

impl ReleaseDraft {
    pub(crate) fn new(revision: Revision) -> Self {
        Self {
            revision,
            diagnostics: Vec::new(),
            made: DraftOutcome::Broken,
        }
    }
}

impl Release {
    /// Notes what leads somewhere in the mesh that it was built from.
    fn leads(&mut self, mesh: &Mesh) {
        (self.manifest.routed, self.called) = held::routed(mesh);
        self.manifest.discovery = discovered::of(mesh);
    }
}

impl Releaser {
    /// The mesh as the store has it, judged, and built where it is valid: what changed since the last time, or all of
    /// it.
    pub(crate) async fn draft(&self, mesh: &str, trigger: Trigger, purpose: Purpose) -> Result<ReleaseDraft> {
        let slot = self.snapshots.of(mesh);
        let mut slot = slot.lock().await;
        let before = slot.take();
        let turn = before.as_ref().map(|before| before.turn);
        let FollowedSnapshot {
            snapshot,
            turn,
            reached,
        } = self.views.followed(mesh, turn).await?;
        let mut draft = ReleaseDraft::new(snapshot.revision);
        // Rules would complain about what is there but cannot be read.
        if diag::has_errors(&snapshot.problems) {
            draft.diagnostics = snapshot.problems;
            return Ok(draft);
        }
        let mesh = &*snapshot.mesh;
        if mesh.is_empty() {
            draft.made = DraftOutcome::Nothing;
            return Ok(draft);
        }
        let followed = match (before, reached) {
            (Some(CachedMesh { mut judged, .. }), Some(reached)) => {
                judged.follow(mesh, reached);
                Some(judged)
            }
            _ => None,
        };
        if trigger.waits(policy::policy(mesh)) {
            draft.diagnostics = vec![self.by_hand(mesh.name())];
            draft.made = DraftOutcome::Waits;
            *slot = followed.map(|judged| CachedMesh { turn, judged });
            return Ok(draft);
        }
        let mut judged = followed.unwrap_or_else(|| JudgedMesh::anew(mesh, self.rules.clone()));
        self.build(mesh, &mut judged, &mut draft, purpose).await?;
        if let (DraftOutcome::Valid(release), Purpose::Release) = (&mut draft.made, purpose) {
            release.mesh = Some(Arc::clone(&snapshot.mesh));
        }
        *slot = Some(CachedMesh { turn, judged });
        Ok(draft)
    }

    /// Where the mesh itself is missing, a mesh of the store whose name is nearly the same may have been meant.
    async fn with_the_mesh_that_was_meant(&self, problems: &mut [Diagnostic]) -> Result<()> {
        for problem in problems
            .iter_mut()
            .filter(|problem| problem.code == codes::NO_MESH)
        {
            let key = problem.places.first().and_then(|place| place.resource.as_ref());
            let Some(written) = key.map(|key| key.mesh.as_str()) else {
                continue;
            };
            let meshes = self.store.meshes().await?;
            let others = meshes.iter().map(String::as_str);
            let others: Vec<&str> = others.filter(|name| *name != written).collect();
            if let Some(near) = closest(written, &others) {
                let otherwise = problem.help.take().unwrap_or_default();
                problem.help = Some(format!("did you mean mesh `{near}`? Otherwise {otherwise}"));
            }
        }
        Ok(())
    }

    /// Builds a mesh that is valid: the proxies that changed, or all of them where something is to be said of one: what
    /// the whole says, only the whole knows.
    pub(crate) async fn build(
        &self,
        mesh: &Mesh,
        judged: &mut JudgedMesh,
        draft: &mut ReleaseDraft,
        purpose: Purpose,
    ) -> Result<()> {
        draft.diagnostics = judged.verdicts.diagnostics();
        if judged.verdicts.has_errors() {
            // What is remembered of a release, or answered to a write, is told by who knows which resource it is about.
            if purpose == Purpose::Preview {
                draft.diagnostics = told(mesh, std::mem::take(&mut draft.diagnostics));
            }
            return self.with_the_mesh_that_was_meant(&mut draft.diagnostics).await;
        }
        let some = if judged.entries.is_empty() {
            None
        } else {
            let some = self.builder.build_some(mesh, &judged.stale).ok();
            some.filter(|built| built.warnings.is_empty())
        };
        let built = match some {
            Some(built) => built,
            None => {
                judged.forget_built(mesh);
                match self.builder.build(mesh) {
                    Ok(built) => built,
                    Err(problems) => {
                        draft.diagnostics.extend(problems);
                        return Ok(());
                    }
                }
            }
        };
        let clean = built.warnings.is_empty();
        draft.diagnostics.extend(built.warnings);
        if self
            .targets
            .iter()
            .any(|target| matches!(target, Target::Directory(_)))
        {
            // Envoys read a directory themselves.
            let unfit = without_agent(mesh, AgentPresence::PerhapsAnAgent, |_| true);
            draft.diagnostics.extend(unfit);
        }
        let mut release = self.assemble(mesh.name(), draft.revision, built.proxies).await?;
        release.leads(mesh);
        for (path, entry) in &judged.entries {
            let entries = &mut release.manifest.proxies;
            entries.entry(path.clone()).or_insert_with(|| entry.clone());
        }
        if clean && purpose == Purpose::Release {
            judged.entries.clone_from(&release.manifest.proxies);
            judged.stale.clear();
        }
        draft.made = DraftOutcome::Valid(Box::new(release));
        Ok(())
    }

    async fn assemble(&self, mesh: &str, revision: Revision, proxies: Vec<ProxyBundle>) -> Result<Release> {
        let store = self.store.identity().await?.map(|identity| identity.id);
        let mut manifest = Manifest::new(store.unwrap_or_default(), mesh, revision);
        let mut bundles = BTreeMap::new();
        for proxy in proxies {
            if !is_inside(&proxy.path) {
                return Err(ReleaseError::Unfit {
                    mesh: mesh.to_owned(),
                    name: proxy.path,
                    why: "its path points outside of its folder",
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
            mesh: None,
        })
    }
}
