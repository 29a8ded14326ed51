//! How releasing ended, and what releasing would do.

use crate::manifest::ProxyChange;
use crate::target::Delivery;
use meshform_bundle::publish::Published;
use meshform_model::diag::Diagnostic;
use meshform_store::{Digest, Revision};

/// How releasing a mesh ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseOutcome {
    pub mesh: String,
    /// Its revision that was looked at.
    pub revision: Revision,
    pub verdict: ReleaseVerdict,
    /// Where the mesh is not valid: why not. Otherwise what somebody should look at.
    pub diagnostics: Vec<Diagnostic>,
    /// The routers and virtual services, as paths of their keys, that lead somewhere in the release before and nowhere
    /// in this one.
    pub lost: Vec<String>,
    /// What became of each target.
    pub deliveries: Vec<Delivery>,
}

impl ReleaseOutcome {
    /// What was written to all targets together.
    pub fn published(&self) -> Published {
        let mut all = Published::default();
        for one in self.deliveries.iter().filter_map(|one| one.result.as_ref().ok()) {
            all.written.extend_from_slice(&one.written);
            all.retired.extend_from_slice(&one.retired);
            all.removed.extend_from_slice(&one.removed);
        }
        all
    }

    /// Whether every target has what is current.
    pub fn is_published(&self) -> bool {
        self.deliveries
            .iter()
            .all(|one| one.result.is_ok() && !one.is_elsewhere)
    }
}

/// What became of a mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseVerdict {
    /// It is not valid: proxies keep their last release, if there is one.
    Invalid,
    /// Nothing differs from the current release.
    Unchanged(Digest),
    /// Proxies are held at this release.
    Pinned(Digest),
    /// A new release, and what it changes.
    Released {
        release: Digest,
        changes: Vec<ProxyChange>,
    },
    /// The mesh is gone, and so is its release. The proxies that were told to let go.
    Withdrawn(Vec<ProxyChange>),
    /// A release would take routes away without others in their place: proxies keep this one until another write
    /// mends it or the time is over.
    Held(Digest),
    /// It is released by hand, and nobody has said so.
    Waits,
    /// There is neither a mesh nor a release of it.
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Whether the mesh is valid.
    pub valid: bool,
    /// Why not, or what somebody should look at.
    pub diagnostics: Vec<Diagnostic>,
    /// The proxies that would differ.
    pub changes: Vec<ProxyChange>,
    /// Held at this release: nothing would change until it is let go.
    pub pinned: Option<Digest>,
}
