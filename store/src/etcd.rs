//! A store in etcd: several writers, and changes that are pushed to whoever follows.
//!
//! ```text
//! <prefix>/store                          who the store is
//! <prefix>/heads/<mesh>                   empty; its revision is the mesh's
//! <prefix>/m/<mesh>/r/<kind>/[<parent>/]<name>   a record; the key's revision is the record's
//! <prefix>/m/<mesh>/log/<id>              who wrote which record when; the key's revision is the write's
//! <prefix>/m/<mesh>/floor                 up to where the log was compacted
//! <prefix>/m/<mesh>/b/<digest>            a blob that is there whole
//! <prefix>/m/<mesh>/parts/<digest>/<n>    its parts
//! <prefix>/m/<mesh>/p/<name>              a pointer
//! <prefix>/settings/<name>                a setting; kept empty where it was taken away
//! <prefix>/runs/<id>, …/alive             a run, and that its process lives (a lease)
//! ```
//!
//! Revisions are those of the cluster, which every write of it raises: a mesh's grow, with gaps. etcd's own history is
//! not used, because whoever runs the cluster compacts it: the log is ours, and bounded. Every read is linearizable.

mod blobs;
mod client;
mod connect;
mod kept;
mod keys;
mod records;
mod request;
mod runs;
mod values;
mod wake;

use crate::blob::{BlobInfo, Digest, NamedPointer};
use crate::change::{Change, Feed};
use crate::contract::{PointerWrite, RunState, Store, WATCHED};
use crate::error::{Result, StoreError};
use crate::identity::{self, Seed, StoreIdentity};
use crate::ids::{Ids, RandomIds, RunId};
use crate::location::EtcdUrl;
use crate::record::{Author, Expected, Listing, Prefix, Record, RecordDraft, Revision};
use crate::setting::{Setting, SettingWrite};
use crate::storage::Access;
use crate::time::{Clock, SystemClock};
use async_trait::async_trait;
use client::Client;
use kept::{FORMAT, StoreHeader};
use keys::Keys;
use meshform_model::key::ResourceKey;
use runs::{LEASE, Runs};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wake::Wake;

#[derive(Debug)]
pub struct EtcdStore {
    client: Arc<Client>,
    keys: Keys,
    seed: Seed,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    lease: Duration,
    /// Who the store is, once it was there to be read. It never changes.
    identity: OnceLock<StoreIdentity>,
    runs: Runs,
    wake: Wake,
    /// How many records this process has written.
    writes: AtomicU64,
}

impl EtcdStore {
    /// Opens the store that a URL names. Nothing is connected to, read or written yet. `seed` is what it is created with
    /// by its first write; of `access` the environment is used, `MESHFORM_ETCD_*`.
    pub fn open(url: &EtcdUrl, access: Access, seed: Seed) -> Self {
        let client = Client::new(url.clone(), access);
        let keys = Keys::new(url.prefix());
        Self {
            wake: Wake::new(client.clone(), &keys),
            client,
            keys,
            seed,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            lease: LEASE,
            identity: OnceLock::new(),
            runs: Runs::default(),
            writes: AtomicU64::new(0),
        }
    }

    /// Takes runs for dead after another time than the usual 15 s. etcd rounds it up to its own least, two elections.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    async fn card(&self) -> Result<Option<StoreIdentity>> {
        if let Some(known) = self.identity.get() {
            return Ok(Some(known.clone()));
        }
        let key = self.keys.card();
        let asked = request::reads(vec![request::get(&key)]);
        let answer = self.client.txn("read", asked).await?;
        let Some(found) = answer.first_found().flatten().next() else {
            return Ok(None);
        };
        let path = || format!("{} (key `{key}`)", self.client.place()).into();
        let said = serde_json::from_slice(&found.value).unwrap_or_default();
        identity::check_format(&said, FORMAT, path)?;
        let card: StoreHeader = self.read(&found)?;
        Ok(Some(self.identity.get_or_init(|| card.identity).clone()))
    }

    /// Who the store is; it is made where it is not there, but only where nothing else is.
    async fn identity_or(&self, seed: &Seed) -> Result<StoreIdentity> {
        if let Some(identity) = self.card().await? {
            return Ok(identity);
        }
        let identity = StoreIdentity {
            id: self.ids.next(),
            seed: seed.clone(),
            created_at: self.clock.now(),
        };
        let card = self.bytes(&StoreHeader {
            format: FORMAT,
            identity,
        })?;
        let others = crate::r#gen::RangeRequest {
            limit: 1,
            keys_only: true,
            ..request::under(self.keys.all())
        };
        let write = request::txn(
            vec![request::empty(self.keys.all())],
            vec![request::put(&self.keys.card(), card)],
            vec![request::range(others)],
        );
        let answer = self.client.txn("create", write).await?;
        let stranger = answer.first_found().flatten().next();
        // Ours, or that of somebody who was faster.
        if let Some(identity) = self.card().await? {
            return Ok(identity);
        }
        let stranger = stranger.map(|key| String::from_utf8_lossy(&key.key).into_owned());
        Err(StoreError::Foreign {
            path: self.client.place().into(),
            what: format!(
                "there are other keys under its prefix (`{}`), and no `{}`",
                stranger.unwrap_or_default(),
                self.keys.card()
            ),
        })
    }
}

#[async_trait]
impl Store for EtcdStore {
    fn place(&self) -> String {
        self.client.place()
    }

    async fn identity(&self) -> Result<Option<StoreIdentity>> {
        self.card().await
    }

    async fn establish(&self, seed: &Seed) -> Result<StoreIdentity> {
        self.identity_or(seed).await
    }

    async fn get(&self, key: &ResourceKey) -> Result<Option<Record>> {
        Ok(self.get_records(std::slice::from_ref(key)).await?.pop())
    }

    async fn get_all(&self, keys: &[ResourceKey]) -> Result<Vec<Record>> {
        self.get_records(keys).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing> {
        if let Some(mesh) = &prefix.mesh {
            return self.list_mesh(mesh, prefix).await;
        }
        let mut all = Listing::default();
        for mesh in self.mesh_names().await? {
            let listing = self.list_mesh(&mesh, prefix).await?;
            all.records.extend(listing.records);
            all.unreadable.extend(listing.unreadable);
        }
        all.records.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    async fn meshes(&self) -> Result<Vec<String>> {
        self.mesh_names().await
    }

    async fn put(&self, draft: RecordDraft, expected: Expected, author: &Author) -> Result<Record> {
        self.put_record(draft, expected, author).await
    }

    async fn delete(&self, key: &ResourceKey, expected: Revision, author: &Author) -> Result<Change> {
        self.delete_record(key, expected, author).await
    }

    async fn changes(&self, mesh: &str, after: Revision, limit: usize) -> Result<Feed> {
        self.feed(mesh, after, limit).await
    }

    async fn watch(&self, mesh: &str, after: Revision) -> Result<Feed> {
        loop {
            // Before the look at the log: what is written after that look is another turn.
            let turn = self.wake.turn()?;
            let feed = self.feed(mesh, after, WATCHED).await?;
            if feed.has_news() {
                return Ok(feed);
            }
            turn.another().await;
        }
    }

    async fn compact(&self, mesh: &str, upto: Revision) -> Result<()> {
        self.compact_log(mesh, upto).await
    }

    async fn put_blobs(&self, mesh: &str, blobs: Vec<Vec<u8>>) -> Result<Vec<Digest>> {
        self.write_blobs(mesh, blobs).await
    }

    async fn blob(&self, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
        self.read_blob(mesh, digest).await
    }

    async fn blobs(&self, mesh: &str) -> Result<Vec<BlobInfo>> {
        self.list_blobs(mesh).await
    }

    async fn delete_blobs(&self, mesh: &str, digests: &[Digest]) -> Result<()> {
        self.take_blobs(mesh, digests).await
    }

    async fn pointer(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
        self.pointer_value(mesh, name).await
    }

    async fn set_pointer(&self, pointer: PointerWrite, author: &Author) -> Result<NamedPointer> {
        self.write_pointer(pointer, author).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>> {
        self.setting_value(name).await
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>> {
        self.setting_values(prefix).await
    }

    async fn set_setting(&self, write: SettingWrite, author: &Author) -> Result<Option<Setting>> {
        self.write_setting(write, author).await
    }

    async fn open_run(&self, actor: &str) -> Result<RunId> {
        self.begin_run(actor).await
    }

    async fn close_run(&self, run: &RunId) -> Result<()> {
        self.end_run(run).await
    }

    async fn run_state(&self, run: &RunId) -> Result<RunState> {
        self.state_of_run(run).await
    }

    async fn run_outcome(&self, run: &RunId) -> Result<RunState> {
        self.outcome_of_run(run).await
    }
}
