//! What happened to a mesh, one entry per write.

use crate::record::{Author, Record, Revision};
use crate::time::Timestamp;
use meshform_model::key::ResourceKey;
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The revision that it made.
    pub revision: Revision,
    pub key: ResourceKey,
    pub action: Action,
    pub author: Author,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A record was created or updated.
    Put,
    Delete,
}

/// The answer to "what came after revision N".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// This, in order. `head` is the mesh's revision; where the last change is older, ask again from it.
    Changes {
        changes: Vec<Change>,
        /// The newest revision of the mesh.
        head: Revision,
    },
    /// So far back nothing is kept. Whoever follows lists the mesh anew and goes on from there.
    Compacted {
        /// Changes after this revision are kept.
        oldest: Revision,
    },
}

/// What happened to a mesh, with the records that were written.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedRecords {
    pub feed: Feed,
    /// The records that the feed names and that are there.
    pub records: Vec<Record>,
}

// === impl Feed ===

impl Feed {
    /// Whether somebody who follows has something to do.
    pub fn has_news(&self) -> bool {
        match self {
            Self::Changes { changes, .. } => !changes.is_empty(),
            Self::Compacted { .. } => true,
        }
    }

    /// The resources that were written and not deleted again.
    pub fn written(&self) -> Vec<ResourceKey> {
        let Self::Changes { changes, .. } = self else {
            return Vec::new();
        };
        let last: BTreeMap<&ResourceKey, Action> = changes
            .iter()
            .map(|change| (&change.key, change.action))
            .collect();
        let written = last.into_iter().filter(|(_, action)| *action == Action::Put);
        written.map(|(key, _)| key.clone()).collect()
    }
}

// === impl Action ===

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Put => "changed",
            Action::Delete => "deleted",
        })
    }
}
