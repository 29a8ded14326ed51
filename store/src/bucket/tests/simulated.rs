//! The log of a bucket on a storage that loses requests and answers, breaks listings off and refuses, with other writers
//! at work between any two of its requests; processes die and begin anew. Everything follows from a seed, so a history
//! that fails can be seen again:
//!
//! ```text
//! MESHFORM_SEEDS=5000 cargo test -p meshform-store simulated     # seeds 0 to 4999
//! MESHFORM_SEED=17 cargo test -p meshform-store simulated        # one of them
//! ```
//!
//! Held against each history: every acknowledged write is there, once, at its revision, over what it expected; versions
//! and revisions have no gap; a listing shows what was acknowledged before it began; who begins anew sees the same.

use crate::bucket::log::{LogEntry, Operation};
use crate::bucket::{BucketOptions, BucketStore};
use crate::seal;
use crate::testing::{author, node};
use crate::{Expected, Ids, Prefix, Record, Revision, Store, StoreError};
use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use meshform_model::key::ResourceKey;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};

/// How many seeds are tried where nobody asks for more.
const SEEDS: u64 = 200;
const CLIENTS: usize = 3;
/// So many operations may stand within one another, each between two requests of the next.
const DEPTH: usize = 2;

/// Numbers by chance, the same for the same seed (splitmix64).
#[derive(Debug)]
struct Random(Mutex<u64>);

impl Random {
    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }
}

impl Ids for Random {
    fn next(&self) -> String {
        format!("{:016x}-{:016x}", Random::next(self), Random::next(self))
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Fulfilled,
    /// It never arrives.
    Lost,
    /// It is fulfilled, and nobody hears of it.
    AnswerLost,
    Refused,
}

/// A write that was acknowledged.
#[derive(Debug, Clone)]
struct Acknowledged {
    number: Option<u64>,
    key: ResourceKey,
    /// What it made; of a delete, what the feed said.
    revision: Revision,
    over: Option<Revision>,
}

/// A process with the store open, and what it has seen.
struct Client {
    store: BucketStore,
    seen: BTreeMap<ResourceKey, Revision>,
}

/// The storage, the clients and what they were told.
struct World {
    storage: Arc<InMemory>,
    random: Arc<Random>,
    clients: Vec<Mutex<Option<Client>>>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    left: Mutex<u64>,
    depth: Mutex<usize>,
    number: Mutex<u64>,
    this: Weak<World>,
}

/// The storage as a client meets it. What another thread asks for beside the log may come after the end of the world.
struct Faulty {
    storage: Arc<InMemory>,
    world: Weak<World>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl World {
    fn new(seed: u64, operations: u64) -> Arc<Self> {
        let storage = Arc::new(InMemory::new());
        Arc::new_cyclic(|this| Self {
            storage: Arc::clone(&storage),
            random: Arc::new(Random(Mutex::new(seed))),
            clients: (0..CLIENTS as u64)
                .map(|i| Mutex::new(Some(Client::new(&storage, this, seed * 16 + i))))
                .collect(),
            acknowledged: Mutex::default(),
            left: Mutex::new(operations),
            depth: Mutex::default(),
            number: Mutex::default(),
            this: this.clone(),
        })
    }

    fn fate(&self) -> Fate {
        match self.random.below(40) {
            0 => Fate::Lost,
            1 => Fate::AnswerLost,
            2 => Fate::Refused,
            _ => Fate::Fulfilled,
        }
    }

    /// Between two requests of a client others may do whole operations.
    fn others(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        async move {
            while *self.depth.lock().unwrap() < DEPTH && self.random.one_in(3) {
                if !self.step().await {
                    return;
                }
            }
        }
        .boxed()
    }

    /// One operation of a client that is not at one. Whether any was left to do.
    async fn step(&self) -> bool {
        {
            let mut left = self.left.lock().unwrap();
            if *left == 0 {
                return false;
            }
            *left -= 1;
        }
        let first = usize::try_from(self.random.below(CLIENTS as u64)).unwrap();
        let idle = (0..CLIENTS).map(|i| (first + i) % CLIENTS);
        let found = idle.into_iter().find_map(|i| {
            let client = self.clients[i].lock().unwrap().take();
            client.map(|client| (i, client))
        });
        let Some((i, mut client)) = found else {
            return false;
        };
        *self.depth.lock().unwrap() += 1;
        if self.operate(&mut client).await.is_err() {
            // What is not known to have happened ends the process.
            client.store = Client::new(&self.storage, &self.this, self.random.next()).store;
        }
        *self.depth.lock().unwrap() -= 1;
        *self.clients[i].lock().unwrap() = Some(client);
        true
    }

    async fn operate(&self, client: &mut Client) -> crate::Result<()> {
        let name = format!("n{}", self.random.below(4));
        let key = node(&name, 0).key;
        let seen = client.seen.get(&key).copied();
        match (self.random.below(8), seen) {
            (0, _) => {
                let known = self
                    .acknowledged
                    .lock()
                    .unwrap()
                    .iter()
                    .map(|one| one.revision)
                    .max();
                let listing = client.store.list(&Prefix::mesh("apps")).await?;
                assert!(
                    Some(listing.revision) >= known,
                    "a listing at {:?} misses what was acknowledged at {known:?}",
                    listing.revision
                );
                client.seen = listing
                    .records
                    .iter()
                    .map(|record| (record.key.clone(), record.revision))
                    .collect();
            }
            (1, Some(revision)) => match client.store.delete(&key, revision, &author("x")).await {
                Ok(change) => {
                    client.seen.remove(&key);
                    self.acknowledge(None, key, change.revision, Some(revision));
                }
                Err(StoreError::Conflict(_)) => self.look(client, &key).await?,
                Err(error) => return Err(error),
            },
            _ => {
                let number = {
                    let mut number = self.number.lock().unwrap();
                    *number += 1;
                    *number
                };
                let expected = seen.map_or(Expected::Absent, Expected::At);
                match client
                    .store
                    .put(node(&name, number), expected, &author("x"))
                    .await
                {
                    Ok(record) => {
                        client.seen.insert(key.clone(), record.revision);
                        self.acknowledge(Some(number), key, record.revision, seen);
                    }
                    Err(StoreError::Conflict(_)) => self.look(client, &key).await?,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn look(&self, client: &mut Client, key: &ResourceKey) -> crate::Result<()> {
        match client.store.get(key).await? {
            Some(record) => drop(client.seen.insert(key.clone(), record.revision)),
            None => drop(client.seen.remove(key)),
        }
        Ok(())
    }

    fn acknowledge(&self, number: Option<u64>, key: ResourceKey, revision: Revision, over: Option<Revision>) {
        self.acknowledged.lock().unwrap().push(Acknowledged {
            number,
            key,
            revision,
            over,
        });
    }

    /// Holds the log against what was acknowledged. How many writes there were.
    async fn check(&self) -> usize {
        let folder = Path::from("some/prefix/m/apps/records");
        let mut objects: Vec<ObjectMeta> = self.storage.list(Some(&folder)).try_collect().await.unwrap();
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        let mut acknowledged: BTreeMap<Revision, Acknowledged> = BTreeMap::new();
        for one in self.acknowledged.lock().unwrap().iter() {
            let twice = acknowledged.insert(one.revision, one.clone());
            assert!(
                twice.is_none(),
                "two writes were told the same revision: {one:?}, {twice:?}"
            );
        }
        let mut records: BTreeMap<ResourceKey, Record> = BTreeMap::new();
        let (mut ids, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for (object, revision) in objects.iter().zip(1..) {
            let name = object.location.filename().unwrap();
            assert_eq!(name, format!("{revision:020}.json"), "a gap, or a number twice");
            let bytes = self
                .storage
                .get(&object.location)
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap();
            assert!(seal::is_intact(&bytes));
            let entry: LogEntry = serde_json::from_slice(&bytes).unwrap();
            assert!(ids.insert(entry.id), "one write stands twice in the log");
            let known = acknowledged.remove(&Revision(revision));
            let (key, number) = match &entry.what {
                Operation::Put(record) => {
                    assert_eq!(record.revision, Revision(revision));
                    let before = records.get(&record.key).map_or(0, |record| record.version);
                    assert_eq!(record.version, before + 1, "versions have no gap");
                    let number = record.body["spec"]["number"].as_u64().unwrap();
                    assert!(numbers.insert(number), "write {number} was made twice");
                    (&record.key, Some(number))
                }
                Operation::Delete { key, .. } => (key, None),
                Operation::Compact(_) => unreachable!("nobody compacts"),
            };
            if let Some(known) = known {
                assert_eq!(
                    (&known.key, known.number),
                    (key, number),
                    "another write than was acknowledged"
                );
                let over = records.get(key).map(|record| record.revision);
                assert_eq!(known.over, over, "{known:?} is over another than it expected");
            }
            match entry.what {
                Operation::Put(record) => drop(records.insert(record.key.clone(), *record)),
                Operation::Delete { key, .. } => drop(records.remove(&key)),
                Operation::Compact(_) => {}
            }
        }
        assert!(acknowledged.is_empty(), "lost: {acknowledged:?}");
        // Whoever begins anew sees the same.
        let store = BucketStore::new(
            self.storage.clone(),
            BucketOptions::new("test://bucket", "some/prefix"),
        );
        let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
        let mut listed = listing.records;
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(listed, records.into_values().collect::<Vec<Record>>());
        assert_eq!(listing.revision, Revision(objects.len() as u64));
        objects.len()
    }
}

impl Client {
    fn new(storage: &Arc<InMemory>, world: &Weak<World>, seed: u64) -> Self {
        let faulty = Faulty {
            storage: Arc::clone(storage),
            world: world.clone(),
        };
        let options = BucketOptions {
            ids: Arc::new(Random(Mutex::new(seed ^ 0x5eed))),
            ..BucketOptions::new("test://bucket", "some/prefix")
        };
        Self {
            store: BucketStore::new(Arc::new(faulty), options),
            seen: BTreeMap::new(),
        }
    }
}

/// What does not belong to the log, and what another thread asks for: it meets no faults.
fn is_beside(path: &Path) -> bool {
    !path.as_ref().contains("/m/")
}

fn http(kind: HttpErrorKind) -> Error {
    Error::Generic {
        store: "simulated",
        source: Box::new(HttpError::new(kind, std::io::Error::other("simulated"))),
    }
}

fn refused() -> Error {
    Error::Generic {
        store: "simulated",
        source: "status code: 500".into(),
    }
}

impl Faulty {
    fn world(&self) -> Arc<World> {
        self.world.upgrade().unwrap()
    }

    async fn meet<T>(&self, path: &Path, request: impl Future<Output = Result<T>>) -> Result<T> {
        if is_beside(path) {
            return request.await;
        }
        let world = self.world();
        world.others().await;
        let fate = world.fate();
        let answer = match fate {
            Fate::Lost => return Err(http(HttpErrorKind::Timeout)),
            Fate::Refused => return Err(refused()),
            Fate::Fulfilled | Fate::AnswerLost => request.await,
        };
        world.others().await;
        match fate {
            Fate::AnswerLost => Err(http(HttpErrorKind::Interrupted)),
            _ => answer,
        }
    }

    fn listed(&self, prefix: Option<Path>, offset: Option<Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let this = Self {
            storage: Arc::clone(&self.storage),
            world: self.world.clone(),
        };
        let begin = async move {
            let path = prefix.clone().unwrap_or_default();
            let ask = async {
                let all = match &offset {
                    Some(offset) => this.storage.list_with_offset(prefix.as_ref(), offset),
                    None => this.storage.list(prefix.as_ref()),
                };
                all.try_collect::<Vec<ObjectMeta>>().await
            };
            let found = this.meet(&path, ask).await;
            let mut items: Vec<Result<ObjectMeta>> = match found {
                Ok(found) => found.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            if !is_beside(&path) && this.world().random.one_in(15) {
                let kept = this.world().random.below(items.len() as u64 + 1);
                items.truncate(usize::try_from(kept).unwrap());
                items.push(Err(http(HttpErrorKind::Decode)));
            }
            stream::iter(items)
        };
        stream::once(begin).flatten().boxed()
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let storage = Arc::clone(&self.storage);
        self.meet(location, async move {
            storage.put_opts(location, payload, options).await
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.storage.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let storage = Arc::clone(&self.storage);
        self.meet(location, async move { storage.get_opts(location, options).await })
            .await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.storage.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix.cloned(), None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix.cloned(), Some(offset.clone()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.storage.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.storage.copy_opts(from, to, options).await
    }
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn histories_of_a_simulated_storage_with_faults_lose_nothing() {
    let seeds = match asked("MESHFORM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("MESHFORM_SEEDS").unwrap_or(SEEDS),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut writes = 0;
    for seed in seeds {
        // Every eighth is long enough for snapshots.
        let operations = if seed % 8 == 7 { 240 } else { 40 };
        let run = || {
            let world = World::new(seed, operations);
            runtime.block_on(async {
                // The store is there: its creation is the contract's matter.
                let store = BucketStore::new(
                    world.storage.clone(),
                    BucketOptions::new("test://bucket", "some/prefix"),
                );
                store.establish(&crate::Seed::default()).await.unwrap();
                while world.step().await {}
                world.check().await
            })
        };
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(made) => writes += made,
            Err(_) => panic!("seed {seed}: again with MESHFORM_SEED={seed}"),
        }
    }
    assert!(writes > 0, "nothing was written");
    println!("{writes} writes");
}
