//! A store that counts how often all records of a mesh are read: what a process has a view of, it does not list again.

use crate::{
    Author, BlobInfo, Change, Digest, Expected, Feed, Listing, NamedPointer, PointerWrite, Prefix, Record,
    RecordDraft, Result, Revision, RunId, RunState, Seed, Setting, SettingWrite, Store, StoreIdentity,
};
use async_trait::async_trait;
use meshform_model::key::ResourceKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Another store, whose lists are counted.
#[derive(Debug)]
pub struct CountedStore {
    inner: Arc<dyn Store>,
    lists: AtomicUsize,
}

impl CountedStore {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            lists: AtomicUsize::new(0),
        }
    }

    /// How many lists there were since this was asked last.
    pub fn lists(&self) -> usize {
        self.lists.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for CountedStore {
    fn place(&self) -> String {
        self.inner.place()
    }

    async fn identity(&self) -> Result<Option<StoreIdentity>> {
        self.inner.identity().await
    }

    async fn establish(&self, seed: &Seed) -> Result<StoreIdentity> {
        self.inner.establish(seed).await
    }

    async fn get(&self, key: &ResourceKey) -> Result<Option<Record>> {
        self.inner.get(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.inner.list(prefix).await
    }

    async fn meshes(&self) -> Result<Vec<String>> {
        self.inner.meshes().await
    }

    async fn put(&self, draft: RecordDraft, expected: Expected, author: &Author) -> Result<Record> {
        self.inner.put(draft, expected, author).await
    }

    async fn delete(&self, key: &ResourceKey, expected: Revision, author: &Author) -> Result<Change> {
        self.inner.delete(key, expected, author).await
    }

    async fn changes(&self, mesh: &str, after: Revision, limit: usize) -> Result<Feed> {
        self.inner.changes(mesh, after, limit).await
    }

    async fn compact(&self, mesh: &str, upto: Revision) -> Result<()> {
        self.inner.compact(mesh, upto).await
    }

    async fn put_blobs(&self, mesh: &str, blobs: Vec<Vec<u8>>) -> Result<Vec<Digest>> {
        self.inner.put_blobs(mesh, blobs).await
    }

    async fn blob(&self, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
        self.inner.blob(mesh, digest).await
    }

    async fn blobs(&self, mesh: &str) -> Result<Vec<BlobInfo>> {
        self.inner.blobs(mesh).await
    }

    async fn delete_blobs(&self, mesh: &str, digests: &[Digest]) -> Result<()> {
        self.inner.delete_blobs(mesh, digests).await
    }

    async fn pointer(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
        self.inner.pointer(mesh, name).await
    }

    async fn set_pointer(&self, pointer: PointerWrite, author: &Author) -> Result<NamedPointer> {
        self.inner.set_pointer(pointer, author).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>> {
        self.inner.setting(name).await
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>> {
        self.inner.settings(prefix).await
    }

    async fn set_setting(&self, write: SettingWrite, author: &Author) -> Result<Option<Setting>> {
        self.inner.set_setting(write, author).await
    }

    async fn open_run(&self, actor: &str) -> Result<RunId> {
        self.inner.open_run(actor).await
    }

    async fn close_run(&self, run: &RunId) -> Result<()> {
        self.inner.close_run(run).await
    }

    async fn run_state(&self, run: &RunId) -> Result<RunState> {
        self.inner.run_state(run).await
    }
}
