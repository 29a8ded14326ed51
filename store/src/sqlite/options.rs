//! How an embedded store is opened.

use crate::identity::Seed;
use crate::ids::{Ids, RandomIds};
use crate::time::{Clock, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How an embedded store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The store's directory, usually `.meshform`.
    pub directory: PathBuf,
    /// What the store is created with by a write that does not say otherwise.
    pub seed: Seed,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// How long to wait for other processes.
    pub patience: Duration,
    /// How many entries of each mesh's change feed are kept, roughly.
    pub keep_changes: u64,
}

impl SqliteOptions {
    /// The usual: the machine's clock, random ids, up to ten seconds of patience.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            seed: Seed::default(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            patience: Duration::from_secs(10),
            keep_changes: 10_000,
        }
    }
}

/// The options and what follows from them.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) directory: PathBuf,
    pub(super) file: PathBuf,
    pub(super) runs: PathBuf,
    pub(super) seed: Seed,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) patience: Duration,
    pub(super) keep_changes: u64,
    /// The system's table of mounts.
    pub(super) mounts: PathBuf,
    /// The most pages that the file may have: a full disk, for tests.
    pub(super) page_limit: Option<u32>,
}

impl From<SqliteOptions> for Setup {
    fn from(options: SqliteOptions) -> Self {
        Self {
            file: options.directory.join("store.db"),
            runs: options.directory.join("runs"),
            directory: options.directory,
            seed: options.seed,
            clock: options.clock,
            ids: options.ids,
            patience: options.patience,
            keep_changes: options.keep_changes,
            mounts: super::network::MOUNTS.into(),
            page_limit: None,
        }
    }
}
