//! What people ask and say about releases: status, history, hold, let go.

use crate::codes;
use crate::error::{ReleaseError, Result};
use crate::outcome::{Outcome, Preview};
use crate::releaser::Releaser;
use crate::state::Entry;
use meshform_bundle::publish::Published;
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_model::spec::ReleasePolicy;
use meshform_store::{Prefix, Revision, StoreError};
use std::collections::BTreeMap;

/// How a mesh and its release stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The mesh.
    pub mesh: String,
    /// Its revision now.
    pub revision: Revision,
    /// The current release.
    pub current: Option<Entry>,
    /// Whether proxies are held at it.
    pub pinned: bool,
    /// When it is released.
    pub policy: ReleasePolicy,
    /// What releasing would do now.
    pub pending: Preview,
}

impl Releaser {
    /// How a mesh and its release stand. Writes nothing.
    pub async fn status(&self, mesh: &str) -> Result<Status> {
        let state = self.pointed(mesh).await?.state;
        Ok(Status {
            mesh: mesh.to_owned(),
            revision: self.store.list(&Prefix::mesh(mesh)).await?.revision,
            current: state.current_entry().cloned(),
            pinned: state.pinned,
            policy: self.policy(mesh).await?,
            pending: self.preview(mesh).await?,
        })
    }

    /// The releases that are kept, the newest first.
    pub async fn history(&self, mesh: &str) -> Result<Vec<Entry>> {
        let mut history = self.pointed(mesh).await?.state.history;
        history.reverse();
        Ok(history)
    }

    /// Holds proxies at a release of the history, named by its digest or the beginning of it.
    pub async fn pin(&self, mesh: &str, release: &str) -> Result<(Entry, Option<Published>)> {
        loop {
            let pointed = self.pointed(mesh).await?;
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
            let entry = Entry {
                actor: self.author.actor.clone(),
                at: self.clock.now(),
                ..found
            };
            let (mut state, _) = pointed.state.clone().advance(entry.clone());
            state.pinned = true;
            match self.set(mesh, &pointed, &state).await {
                Ok(()) => return Ok((entry, self.publish(mesh, BTreeMap::new()).await?)),
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets go, and releases what was written meanwhile, where the mesh is not released by hand.
    pub async fn unpin(&self, mesh: &str) -> Result<Outcome> {
        loop {
            let pointed = self.pointed(mesh).await?;
            if !pointed.state.pinned {
                return self.follow(mesh).await;
            }
            let mut state = pointed.state.clone();
            state.pinned = false;
            match self.set(mesh, &pointed, &state).await {
                Ok(()) => return self.follow(mesh).await,
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What belongs on every plan of a mesh: that its proxies are held, that it is not valid.
    pub async fn warnings(&self, mesh: &str) -> Result<Vec<Diagnostic>> {
        let state = self.pointed(mesh).await?.state;
        let place = || Place::of(&ResourceKey::mesh(mesh), &Pointer::root());
        let mut warnings = Vec::new();
        if let (true, Some(entry)) = (state.pinned, state.current_entry()) {
            let short = entry.release.as_str().get(..12).unwrap_or_default();
            let message = format!(
                "the proxies of mesh `{mesh}` are held at release {short} by `{}` since {}",
                entry.actor, entry.at
            );
            let help =
                format!("changes are written but do not reach proxies until `meshform unpin --mesh {mesh}`");
            warnings.push(Diagnostic::warning(codes::PINNED, message).help(help).at(place()));
        }
        if let Some(broken) = &state.broken {
            let more = match broken.count.saturating_sub(broken.problems.len()) {
                0 => String::new(),
                more => format!("\n  and {more} more"),
            };
            let message = format!(
                "as it was written last, mesh `{mesh}` is not valid, so its proxies keep the release that they \
                 have:\n  {}{more}",
                broken.problems.join("\n  ")
            );
            let help = "what is written next is released as soon as the mesh is valid again";
            warnings.push(
                Diagnostic::warning(codes::INVALID_MESH, message)
                    .help(help)
                    .at(place()),
            );
        }
        Ok(warnings)
    }
}
