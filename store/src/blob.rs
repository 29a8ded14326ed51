//! What never changes (blobs, named by their content) and what points to it (named pointers).

use crate::record::Author;
use crate::time::Timestamp;

pub use meshform_model::digest::Digest;

/// A blob that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    pub digest: Digest,
    pub size: u64,
    /// When it was put last. A collector of garbage spares what is young: its pointer may be on the way.
    pub touched_at: Timestamp,
}

/// A pointer's value and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPointer {
    /// What it says; the store does not look into it.
    pub value: String,
    /// How often it was set, from 1. What a writer expects.
    pub version: u64,
    pub author: Author,
    pub at: Timestamp,
}
