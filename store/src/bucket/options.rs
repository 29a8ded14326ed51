//! How a store in a bucket is opened.

use crate::identity::Seed;
use crate::ids::{Ids, RandomIds};
use crate::time::{Clock, SystemClock};
use std::sync::Arc;
use std::time::Duration;

/// How a store in a bucket is opened.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// What comes before every object's name.
    pub prefix: String,
    /// How messages call the store: `s3://bucket/prefix`.
    pub place: String,
    /// What the store is created with by a write that does not say otherwise.
    pub seed: Seed,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// How long to try while others write.
    pub patience: Duration,
    /// How long a run is taken for alive after its last sign of life.
    pub lease: Duration,
}

impl BucketOptions {
    pub fn new(place: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            place: place.into(),
            seed: Seed::default(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            patience: Duration::from_secs(30),
            lease: Duration::from_secs(30),
        }
    }
}
