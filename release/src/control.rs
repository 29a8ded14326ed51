//! What people ask and say about releases: status, history, hold, let go.

use crate::error::{ReleaseError, Result};
use crate::outcome::{Preview, ReleaseOutcome};
use crate::policy::{self, HoldPolicy, Trigger};
use crate::publishing::CheckDepth;
use crate::refusals::Refusals;
use crate::releaser::Releaser;
use crate::state::{ReleaseEntry, State};
use crate::supply::Supply;
use crate::target::{Delivery, TargetState, TargetStatus};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::spec::ReleasePolicy;
use meshform_store::{Digest, Revision, StoreError};

/// How a mesh and its release stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub mesh: String,
    pub revision: Revision,
    pub current: Option<ReleaseEntry>,
    /// Whether proxies are held at it.
    pub pinned: bool,
    pub policy: ReleasePolicy,
    /// What releasing would do now.
    pub pending: Preview,
    /// The places where it is published.
    pub targets: Vec<TargetStatus>,
    /// Which proxies refuse the current release that a control plane told them, and why.
    pub refused: Refusals,
}

impl Releaser {
    /// How a mesh and its release stand. Writes nothing.
    pub async fn status(&self, mesh: &str) -> Result<Status> {
        let pointed = self.pointed(mesh).await?;
        let targets = self.targets_of(mesh, &pointed, CheckDepth::Everything).await?;
        let state = pointed.state;
        let refused = match &state.current {
            Some(release) => self.refusals(mesh, release).await?,
            None => Refusals::new(),
        };
        Ok(Status {
            targets,
            refused,
            mesh: mesh.to_owned(),
            revision: self.views().snapshot(mesh).await?.revision,
            current: state.current_entry().cloned(),
            pinned: state.pinned,
            policy: self.policy(mesh).await?,
            pending: self.preview(mesh).await?,
        })
    }

    /// Targets that are not published to from here and lack the current release, as warnings. Writes nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn behind_elsewhere(&self, mesh: &str) -> Result<Vec<Diagnostic>> {
        let pointed = self.pointed(mesh).await?;
        let found = self.targets_of(mesh, &pointed, CheckDepth::Reports).await?;
        let is_own = |status: &&TargetStatus| {
            let mut own = self.targets.iter();
            own.any(|target| status.report.is_of(target, &self.host))
        };
        // What another machine reported before is not looked at from here, and its publisher may be at work.
        let is_known = |status: &&TargetStatus| {
            status.standing != TargetState::Unreachable || status.report.failure.is_some()
        };
        let others = found.iter().filter(|status| !is_own(status)).filter(is_known);
        Ok(others
            .filter_map(|status| self.target_warning(mesh, status))
            .collect())
    }

    /// Whether a mesh was looked at since a revision was written, and every place has what came of it. Writes nothing.
    pub async fn is_settled(&self, mesh: &str, revision: Revision) -> Result<bool> {
        let pointed = self.pointed(mesh).await?;
        let state = &pointed.state;
        if state.judged < revision && !state.pinned && self.policy(mesh).await? != ReleasePolicy::Manual {
            return Ok(false);
        }
        let current = state.current_entry().map(|entry| &entry.release);
        let targets = self.targets_of(mesh, &pointed, CheckDepth::Reports).await?;
        // A place that failed will not come right by waiting; who asks is told of it.
        Ok(targets
            .iter()
            .all(|target| target.report.failure.is_some() || target.report.release.as_ref() == current))
    }

    /// What the pointer of a mesh says: its releases, why the last writes are not released, what targets reported.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn state(&self, mesh: &str) -> Result<State> {
        Ok(self.pointed(mesh).await?.state)
    }

    /// The releases that are kept, the newest first.
    pub async fn history(&self, mesh: &str) -> Result<Vec<ReleaseEntry>> {
        let mut history = self.pointed(mesh).await?.state.history;
        history.reverse();
        Ok(history)
    }

    /// What a write to a mesh leads to: a release, or, where the mesh is released by hand, nothing but that its
    /// current release is published whole.
    pub async fn follow(&self, mesh: &str, holding: HoldPolicy) -> Result<ReleaseOutcome> {
        self.release_for(mesh, Trigger::Write(holding)).await
    }

    /// When a mesh is released. A mesh that is not there, or cannot be read, says nothing of it.
    pub async fn policy(&self, mesh: &str) -> Result<ReleasePolicy> {
        let record = self.store.get(&ResourceKey::mesh(mesh)).await?;
        let said = record.and_then(|record| meshform_registry::resource(record).ok()?.extensions);
        Ok(policy::of_extensions(said.as_ref()))
    }

    /// That what is written to a mesh waits for an order.
    pub fn by_hand(&self, mesh: &str) -> Diagnostic {
        policy::by_hand(mesh, &self.command(mesh, None))
    }

    /// The release that proxies get.
    pub async fn current_release(&self, mesh: &str) -> Result<Option<Digest>> {
        Ok(self.pointed(mesh).await?.state.current)
    }

    /// Holds proxies at a release of the history, named by its digest or the beginning of it.
    pub async fn pin(&self, mesh: &str, release: &str) -> Result<(ReleaseEntry, Vec<Delivery>)> {
        loop {
            let mut pointed = self.pointed(mesh).await?;
            let Some(found) = pointed.state.find(release).cloned() else {
                return Err(ReleaseError::NoRelease {
                    mesh: mesh.to_owned(),
                    release: release.to_owned(),
                });
            };
            // Held at what cannot be delivered, proxies would be stuck.
            let mut target = pointed.state.clone();
            target.current = Some(found.release.clone());
            if let Some(manifest) = self.current(mesh, &target).await? {
                for proxy in manifest.proxies.values() {
                    self.blob(mesh, &proxy.bundle).await?;
                }
            }
            let entry = ReleaseEntry {
                actor: self.author.actor.clone(),
                at: self.clock.now(),
                ..found
            };
            let (mut state, _) = pointed.state.clone().advance(entry.clone());
            state.pinned = true;
            match self.set(mesh, &mut pointed, state).await {
                Ok(()) => return Ok((entry, self.publish(mesh, Supply::default(), pointed).await?)),
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets go, and releases what was written meanwhile, where the mesh is not released by hand. Whether it was held.
    pub async fn unpin(&self, mesh: &str) -> Result<(bool, ReleaseOutcome)> {
        loop {
            let mut pointed = self.pointed(mesh).await?;
            if !pointed.state.pinned {
                return Ok((false, self.follow(mesh, HoldPolicy::Over).await?));
            }
            let mut state = pointed.state.clone();
            state.pinned = false;
            match self.set(mesh, &mut pointed, state).await {
                Ok(()) => return Ok((true, self.follow(mesh, HoldPolicy::Over).await?)),
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
