//! What the pointer of a mesh says: the current release, whether it is held, and those before it.

use crate::error::{ReleaseError, Result};
use crate::target::TargetReport;
use meshform_model::diag::{Diagnostic, Severity};
use meshform_store::{Digest, NamedPointer, Revision, Timestamp};
use serde::{Deserialize, Serialize};

/// The pointer's name in the store.
pub(crate) const POINTER: &str = "release";

/// How many releases are kept, to pin proxies at and to compare with. Each keeps its bundles, and a sweep reads the
/// manifests of all.
pub(crate) const KEPT: usize = 10;

/// The newest form of the pointer's JSON that is understood, and the one that is written.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    format: u32,
    /// The release that proxies are to run. None where the mesh is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Digest>,
    /// Whether proxies are held at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Why what was written since is not released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<InvalidMesh>,
    /// The mesh's revision that was judged last: released, found equal to the current release, or found not valid.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub judged: Revision,
    /// What targets have reported, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetReport>,
    /// The last releases, the oldest first. One that became current again stands at its last time.
    pub history: Vec<ReleaseEntry>,
}

/// A mesh that is not valid, as the last attempt to release it found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvalidMesh {
    /// The mesh's revision that was found so.
    #[serde(default)]
    pub revision: Revision,
    /// How many errors there are.
    pub count: usize,
    /// What the first of them say.
    pub problems: Vec<String>,
}

/// How many problems of a broken mesh are kept: they stand in the pointer, which every plan reads.
const TOLD: usize = 5;

impl InvalidMesh {
    pub(crate) fn new(revision: Revision, diagnostics: &[Diagnostic]) -> Self {
        let errors = || diagnostics.iter().filter(|one| one.severity == Severity::Error);
        let line = |one: &Diagnostic| format!("{} ({})", one.message, one.code);
        Self {
            revision,
            count: errors().count(),
            problems: errors().take(TOLD).map(line).collect(),
        }
    }
}

/// One release that was current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseEntry {
    pub release: Digest,
    /// The mesh's revision that it was made from.
    pub revision: Revision,
    pub actor: String,
    pub at: Timestamp,
}

fn is_zero(revision: &Revision) -> bool {
    *revision == Revision::default()
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            current: None,
            pinned: false,
            broken: None,
            judged: Revision::default(),
            targets: Vec::new(),
            history: Vec::new(),
        }
    }
}

impl State {
    pub(crate) fn read(mesh: &str, pointer: Option<&NamedPointer>) -> Result<Self> {
        let Some(pointer) = pointer else {
            return Ok(Self::default());
        };
        let damaged = |detail: String| ReleaseError::Damaged {
            mesh: mesh.to_owned(),
            detail,
        };
        let state: Self = serde_json::from_str(&pointer.value).map_err(|error| damaged(error.to_string()))?;
        if state.format > FORMAT {
            return Err(damaged(format!(
                "its pointer has format {}; this version knows formats up to {FORMAT}",
                state.format
            )));
        }
        Ok(state)
    }

    pub(crate) fn write(&self, mesh: &str) -> Result<String> {
        serde_json::to_string(self).map_err(|error| ReleaseError::Damaged {
            mesh: mesh.to_owned(),
            detail: error.to_string(),
        })
    }

    /// With another current release. Those that fall out of the history are returned: their blobs may go.
    pub(crate) fn advance(mut self, entry: ReleaseEntry) -> (Self, Vec<ReleaseEntry>) {
        self.history.retain(|old| old.release != entry.release);
        self.current = Some(entry.release.clone());
        self.broken = None;
        self.judged = self.judged.max(entry.revision);
        self.history.push(entry);
        let dropped = self.history.len().saturating_sub(KEPT);
        let dropped = self.history.drain(..dropped).collect();
        (self, dropped)
    }

    /// The entry of the current release.
    pub fn current_entry(&self) -> Option<&ReleaseEntry> {
        let current = self.current.as_ref()?;
        self.history.iter().find(|entry| entry.release == *current)
    }

    /// The one release whose name begins so.
    pub(crate) fn find(&self, prefix: &str) -> Option<&ReleaseEntry> {
        let mut found = self
            .history
            .iter()
            .filter(|entry| entry.release.as_str().starts_with(prefix));
        let first = found.next()?;
        (found.next().is_none() && !prefix.is_empty()).then_some(first)
    }
}
