//! What a release hands to those who publish it, so that nothing is read or written a second time.

use crate::bucket::Prepared;
use meshform_store::Digest;
use std::collections::BTreeMap;

/// What is at hand when a release is published.
#[derive(Debug, Default)]
pub(crate) struct Supply {
    /// Bundles that were built just now.
    pub(crate) bundles: BTreeMap<Digest, Vec<u8>>,
    /// What buckets have already, by the target's name.
    pub(crate) prepared: BTreeMap<String, Prepared>,
}
