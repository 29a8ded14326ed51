//! What differs from one writer to the next.

use crate::tags::IgnoredTags;
use std::time::Duration;

/// By which rules somebody writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether references from the same owner's resources also keep a resource from being deleted, as App Mesh had
    /// it. Those of other owners always do.
    pub strict_deletes: bool,
    /// Whether what a resource is in has to be there before it, as App Mesh had it. Terraform and the command write the
    /// two in any order, and wait for the mesh to be valid.
    pub container_first: bool,
    /// Tags that the writer leaves to others.
    pub ignored_tags: IgnoredTags,
    /// How long a delete waits for what is inside to go, counted from the last time that something went. Zero for a
    /// caller that deletes one after the other.
    pub patience: Duration,
}

impl Policy {
    /// What App Mesh did: what contains others comes first, deletes are strict and wait for nothing, tags are the
    /// writer's.
    pub fn app_mesh() -> Self {
        Self {
            strict_deletes: true,
            container_first: true,
            ..Self::default()
        }
    }
}
