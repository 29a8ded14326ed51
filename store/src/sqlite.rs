//! The embedded store: one SQLite file in a directory, used by several processes at once.
//!
//! - `store.db` with its `-wal` and `-shm`: everything. Every commit is synced to the disk.
//! - `store.lock`: held while the store is created or its format changed.
//! - `runs/<id>.lock`: held by each living run; what is not held and not closed has died.
//! - `backup/`: copies from before a change of format.

mod blobs;
mod file;
mod format;
mod identity;
mod network;
mod options;
mod records;
mod settings;
#[cfg(test)]
mod tests;
mod worker;

pub use self::options::SqliteOptions;

use self::options::Setup;
use self::worker::Worker;
use crate::blob::{BlobInfo, Digest, NamedPointer};
use crate::change::{Change, Feed};
use crate::contract::{PointerWrite, RunState, Store};
use crate::error::Result;
use crate::identity::{Seed, StoreIdentity};
use crate::ids::RunId;
use crate::record::{Author, Expected, Listing, Prefix, Record, RecordDraft, Revision};
use crate::setting::{Setting, SettingWrite};
use async_trait::async_trait;
use meshform_model::key::ResourceKey;

/// The embedded store. Cheap to share behind an `Arc`; one thread does the work.
#[derive(Debug)]
pub struct SqliteStore {
    place: String,
    seed: Seed,
    worker: Worker,
}

impl SqliteStore {
    /// Opens the store. One that is not there yet is empty, and is created by the first write. What is there
    /// but is not a store, is damaged, newer, or on a network file system, is an error.
    pub fn open(options: SqliteOptions) -> Result<Self> {
        Self::start(options.into())
    }

    fn start(setup: Setup) -> Result<Self> {
        let opened = file::open(&setup)?;
        Ok(Self {
            place: setup.file.display().to_string(),
            seed: setup.seed.clone(),
            worker: Worker::start(setup, opened)?,
        })
    }

    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(worker::WorkerContext<'_>) -> Result<T> + Send + 'static,
    {
        self.worker.write(self.seed.clone(), work).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn identity(&self) -> Result<Option<StoreIdentity>> {
        self.worker
            .read(|desk| desk.map(|desk| identity::read(&desk)).transpose())
            .await
    }

    async fn establish(&self, seed: &Seed) -> Result<StoreIdentity> {
        if let Some(identity) = self.identity().await? {
            return Ok(identity);
        }
        self.worker
            .write(seed.clone(), |desk| identity::read(&desk))
            .await
    }

    async fn get(&self, key: &ResourceKey) -> Result<Option<Record>> {
        let key = key.clone();
        self.worker
            .read(move |desk| desk.map_or(Ok(None), |desk| records::get(&desk, &key)))
            .await
    }

    async fn get_all(&self, keys: &[ResourceKey]) -> Result<Vec<Record>> {
        let keys = keys.to_vec();
        self.worker
            .read(move |desk| {
                let found = |desk| {
                    keys.iter()
                        .filter_map(move |key| records::get(&desk, key).transpose())
                };
                desk.map_or(Ok(Vec::new()), |desk| found(desk).collect())
            })
            .await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing> {
        let prefix = prefix.clone();
        self.worker
            .read(move |desk| {
                desk.map_or_else(|| Ok(Listing::default()), |desk| records::list(&desk, &prefix))
            })
            .await
    }

    async fn meshes(&self) -> Result<Vec<String>> {
        self.worker
            .read(|desk| desk.map_or_else(|| Ok(Vec::new()), |desk| records::meshes(&desk)))
            .await
    }

    async fn meshes_and_gone(&self) -> Result<Vec<String>> {
        self.worker
            .read(|desk| desk.map_or_else(|| Ok(Vec::new()), |desk| records::meshes_and_gone(&desk)))
            .await
    }

    async fn put(&self, draft: RecordDraft, expected: Expected, author: &Author) -> Result<Record> {
        let author = author.clone();
        self.write(move |desk| records::put(&desk, draft, expected, author))
            .await
    }

    async fn delete(&self, key: &ResourceKey, expected: Revision, author: &Author) -> Result<Change> {
        let (key, author) = (key.clone(), author.clone());
        self.write(move |desk| records::delete(&desk, key, expected, author))
            .await
    }

    async fn changes(&self, mesh: &str, after: Revision, limit: usize) -> Result<Feed> {
        let mesh = mesh.to_owned();
        let nothing = Feed::Changes {
            changes: Vec::new(),
            head: Revision(0),
        };
        self.worker
            .read(move |desk| desk.map_or(Ok(nothing), |desk| records::changes(&desk, &mesh, after, limit)))
            .await
    }

    async fn compact(&self, mesh: &str, upto: Revision) -> Result<()> {
        let mesh = mesh.to_owned();
        self.write(move |desk| records::compact(&desk, &mesh, upto)).await
    }

    async fn put_blobs(&self, mesh: &str, blobs: Vec<Vec<u8>>) -> Result<Vec<Digest>> {
        let mesh = mesh.to_owned();
        // Hashed here: the store's thread has others waiting.
        let blobs: Vec<(Digest, Vec<u8>)> = blobs
            .into_iter()
            .map(|bytes| (Digest::of(&bytes), bytes))
            .collect();
        let digests = blobs.iter().map(|(digest, _)| digest.clone()).collect();
        self.write(move |desk| blobs::put(&desk, &mesh, &blobs)).await?;
        Ok(digests)
    }

    async fn blob(&self, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let (mesh, digest) = (mesh.to_owned(), digest.clone());
        self.worker
            .read(move |desk| desk.map_or(Ok(None), |desk| blobs::get(&desk, &mesh, &digest)))
            .await
    }

    async fn blobs(&self, mesh: &str) -> Result<Vec<BlobInfo>> {
        let mesh = mesh.to_owned();
        self.worker
            .read(move |desk| desk.map_or_else(|| Ok(Vec::new()), |desk| blobs::list(&desk, &mesh)))
            .await
    }

    async fn delete_blobs(&self, mesh: &str, digests: &[Digest]) -> Result<()> {
        let (mesh, digests) = (mesh.to_owned(), digests.to_vec());
        self.write(move |desk| blobs::delete(&desk, &mesh, &digests))
            .await
    }

    async fn pointer(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
        let (mesh, name) = (mesh.to_owned(), name.to_owned());
        self.worker
            .read(move |desk| desk.map_or(Ok(None), |desk| blobs::pointer(&desk, &mesh, &name)))
            .await
    }

    async fn set_pointer(&self, pointer: PointerWrite, author: &Author) -> Result<NamedPointer> {
        let author = author.clone();
        self.write(move |desk| blobs::set_pointer(&desk, pointer, author))
            .await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>> {
        let name = name.to_owned();
        self.worker
            .read(move |desk| desk.map_or(Ok(None), |desk| settings::get(&desk, &name)))
            .await
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>> {
        let prefix = prefix.to_owned();
        self.worker
            .read(move |desk| desk.map_or_else(|| Ok(Vec::new()), |desk| settings::list(&desk, &prefix)))
            .await
    }

    async fn set_setting(&self, write: SettingWrite, author: &Author) -> Result<Option<Setting>> {
        let author = author.clone();
        self.write(move |desk| settings::set(&desk, write, author)).await
    }

    async fn open_run(&self, actor: &str) -> Result<RunId> {
        let actor = actor.to_owned();
        self.write(move |mut desk| identity::open_run(&mut desk, &actor))
            .await
    }

    async fn close_run(&self, run: &RunId) -> Result<()> {
        let id = run.clone();
        self.write(move |desk| identity::close_run(&desk, &id)).await?;
        let id = run.clone();
        self.worker
            .read(move |desk| {
                if let Some(mut desk) = desk {
                    identity::let_go(&mut desk, &id);
                }
                Ok(())
            })
            .await
    }

    async fn run_state(&self, run: &RunId) -> Result<RunState> {
        let run = run.clone();
        self.worker
            .read(move |desk| desk.map_or(Ok(RunState::Closed), |desk| identity::run_state(&desk, &run)))
            .await
    }
}
