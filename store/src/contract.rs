//! What every store can do: files, a bucket and etcd alike. There is no transaction over several keys.

use crate::blob::{BlobInfo, Digest, NamedPointer};
use crate::change::{Change, ChangedRecords, Feed};
use crate::error::Result;
use crate::identity::{Seed, StoreIdentity};
use crate::ids::RunId;
use crate::record::{Author, Expected, Listing, Prefix, Record, RecordDraft, Revision};
use crate::setting::{Setting, SettingWrite};
use async_trait::async_trait;
use meshform_model::key::ResourceKey;
use std::fmt;
use std::time::Duration;

/// How many changes a watcher is told of at once: a page that any store answers at once.
pub const WATCHED: usize = 500;

/// The pauses between two looks of a watcher, where the backend cannot push: they double, because who begins to wait
/// mostly waits for what is being written now. A look at SQLite is one indexed query.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a run's end looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Its process still holds it.
    Alive,
    /// It was closed in order, or was never opened here.
    Closed,
    /// Its process ended without closing it.
    Dead,
}

/// A store. A write that has returned is durable; a read sees every write that has returned before it began.
///
/// Reads never create a store: one that is not there yet is empty. Any write creates it.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Where it is, as messages say it.
    fn place(&self) -> String;

    /// The objects beside its own, where the agents of proxies look: a store in a bucket is one that releases are
    /// published to.
    #[cfg(feature = "bucket")]
    fn published(&self) -> Option<crate::storage::PublishedObjects> {
        None
    }

    /// Who the store is; `None` where it has not been created yet.
    async fn identity(&self) -> Result<Option<StoreIdentity>>;

    /// Who the store is; created with `seed` if it is not there yet. An existing store keeps its own.
    async fn establish(&self, seed: &Seed) -> Result<StoreIdentity>;

    async fn get(&self, key: &ResourceKey) -> Result<Option<Record>>;

    /// The records among these that are there.
    async fn get_all(&self, keys: &[ResourceKey]) -> Result<Vec<Record>> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.extend(self.get(key).await?);
        }
        Ok(found)
    }

    /// The records under a prefix.
    async fn list(&self, prefix: &Prefix) -> Result<Listing>;

    /// The names of the meshes that have records, ordered; the records are not read. A mesh whose last record was
    /// deleted may still be named.
    async fn meshes(&self) -> Result<Vec<String>>;

    /// The same, and those of which nothing is left: proxies may still run what was released of them.
    async fn meshes_and_gone(&self) -> Result<Vec<String>> {
        self.meshes().await
    }

    /// Writes one record if what is there is what is expected.
    async fn put(&self, draft: RecordDraft, expected: Expected, author: &Author) -> Result<Record>;

    /// Deletes the record that `expected` wrote.
    async fn delete(&self, key: &ResourceKey, expected: Revision, author: &Author) -> Result<Change>;

    /// What happened to a mesh after a revision, at most `limit` entries.
    async fn changes(&self, mesh: &str, after: Revision, limit: usize) -> Result<Feed>;

    /// What [`changes`](Self::changes) tells, with the records that these changes wrote. Each is as it is now: one that
    /// was deleted since is missing, and one that was written again since has a later revision than the feed says.
    ///
    /// Those who keep a mesh in memory follow it with one request where the backend can answer both at once.
    async fn changed_records(&self, mesh: &str, after: Revision, limit: usize) -> Result<ChangedRecords> {
        let feed = self.changes(mesh, after, limit).await?;
        let records = self.get_all(&feed.written()).await?;
        Ok(ChangedRecords { feed, records })
    }

    /// Waits until something happened to a mesh after a revision, and tells it as [`changes`](Self::changes) does, at
    /// most [`WATCHED`] entries: at least one, or that the feed was compacted. It may be dropped at any time.
    ///
    /// Unless a backend can push, it looks again and again, with pauses that grow to a second.
    async fn watch(&self, mesh: &str, after: Revision) -> Result<Feed> {
        let mut pause = FIRST_PAUSE;
        loop {
            let feed = self.changes(mesh, after, WATCHED).await?;
            if feed.has_news() {
                return Ok(feed);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Forgets the entries of the feed up to a revision.
    async fn compact(&self, mesh: &str, upto: Revision) -> Result<()>;

    /// Keeps bytes under the digests of their content. What is there already is only touched.
    async fn put_blobs(&self, mesh: &str, blobs: Vec<Vec<u8>>) -> Result<Vec<Digest>>;

    /// The bytes of a blob, checked against its name.
    async fn blob(&self, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>>;

    /// The blobs of a mesh, by digest.
    async fn blobs(&self, mesh: &str) -> Result<Vec<BlobInfo>>;

    /// Takes blobs away. Those that are not there are not missed.
    async fn delete_blobs(&self, mesh: &str, digests: &[Digest]) -> Result<()>;

    /// A pointer of a mesh.
    async fn pointer(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>>;

    /// Sets a pointer if its version is the expected one (`None`: if it is not there).
    async fn set_pointer(&self, pointer: PointerWrite, author: &Author) -> Result<NamedPointer>;

    /// A setting of the store.
    async fn setting(&self, name: &str) -> Result<Option<Setting>>;

    /// The settings whose names begin so, by name.
    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>>;

    /// Sets a setting, or takes it away, if its version is the expected one. The answer is what there is now.
    async fn set_setting(&self, write: SettingWrite, author: &Author) -> Result<Option<Setting>>;

    /// Begins a run: a process that writes, with a lock that goes when the process goes.
    async fn open_run(&self, actor: &str) -> Result<RunId>;

    /// Ends a run that this process began.
    async fn close_run(&self, run: &RunId) -> Result<()>;

    async fn run_state(&self, run: &RunId) -> Result<RunState>;

    /// How a run stands that may have died just now. Where only time tells, waits until it does.
    async fn run_outcome(&self, run: &RunId) -> Result<RunState> {
        self.run_state(run).await
    }
}

/// What a pointer is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointerWrite {
    pub mesh: String,
    pub name: String,
    /// The version that the writer has seen.
    pub expected: Option<u64>,
    pub value: String,
}
