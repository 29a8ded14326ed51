//! A store in a bucket, or in a directory that is treated as one: several writers, no server to run.
//!
//! All that is asked of the object storage is what all of them have: an object is created only if it is not there
//! (`If-None-Match: *`), and a listing shows every object that was acknowledged. Nothing is ever changed in place:
//!
//! ```text
//! store.json                         who the store is
//! m/<mesh>/records/<revision>.json   one write each: the log of the mesh is the truth
//! m/<mesh>/snapshots/<revision>.json all records at a revision, so that nobody reads the whole log
//! m/<mesh>/releases/<digest>         blobs
//! m/<mesh>/pointers/<name>/<version>.json
//! settings/<name>/<version>.json     named values outside meshes, numbered as pointers are
//! runs/<id>.json                     living runs: renewed while their process lives
//! wake                               a random id that changes with every write, for those who follow
//! ```
//!
//! What is JSON here ends with its own digest (`seal`), so that what a disk or a network has changed is refused.
//!
//! Whoever creates the object of the next revision has made it; everybody else finds it there, reads it, and
//! looks again whether the write still is what it was meant to be. So the writes of one mesh have one order, and
//! a reader follows them by listing what is new.

mod log;
mod options;
mod pointers;
mod runs;
#[cfg(test)]
mod tests;
mod wake;

pub use options::BucketOptions;

use crate::background::Background;
use crate::blob::{BlobInfo, Digest, NamedPointer};
use crate::change::{Action, Change, ChangedRecords, Feed};
use crate::contract::{PointerWrite, RunState, Store, WATCHED};
use crate::error::{PointerConflict, Result, StoreError};
use crate::identity::{self, Seed, StoreIdentity};
use crate::ids::RunId;
use crate::location::BucketUrl;
use crate::next;
use crate::record::{Author, Expected, Listing, Prefix, Record, RecordDraft, Revision};
use crate::setting::{Setting, SettingWrite};
use crate::storage::{
    Access, Objects, PublishedObjects, Remote, Storage, by_mesh, failure, name_of_part, part,
};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
pub(crate) use log::fuzzed;
use log::{LogEntry, MeshLog, Operation};
use meshform_model::key::ResourceKey;
use object_store::ObjectStore;
use pointers::{Numbered, Pointers, SETTINGS, ValueObject};
use runs::Runs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use wake::Wake;

/// How many requests are under way at once: enough that a listing waits for one round trip of the network where it
/// needs many, and few connections.
const CONCURRENCY: usize = 16;

/// A store in a bucket.
#[derive(Debug)]
pub struct BucketStore {
    objects: Objects,
    options: BucketOptions,
    /// Who the store is, once it was there to be read. It never changes.
    identity: OnceLock<StoreIdentity>,
    /// The log of each mesh. It is locked while it is read or written, so that writers of this process come one after the
    /// other instead of losing to each other; whoever has it locked waits for no other lock. The table around is locked
    /// to find a log, never across an `await`.
    logs: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<MeshLog>>>>,
    pointers: Pointers,
    runs: Runs,
    wake: Wake,
}

/// The object `store.json`, created once: whoever finds it has found a store.
#[derive(Debug, Serialize, Deserialize)]
struct StoreHeader {
    format: i64,
    identity: StoreIdentity,
}

const CARD: &str = "store.json";
const FORMAT: i64 = 1;

impl BucketStore {
    /// Opens a store in some object storage. Nothing is read or written yet.
    pub fn new(storage: Arc<dyn ObjectStore>, options: BucketOptions) -> Self {
        Self::over(Storage::Here(storage), Arc::default(), options)
    }

    /// Opens the store that a URL names. Nothing is connected to, read or written yet.
    pub fn open(url: &BucketUrl, access: Access, seed: Seed) -> Self {
        let background = Arc::new(Background::default());
        let mut options = BucketOptions::new(url.to_string(), url.prefix());
        options.seed = seed;
        let remote = Remote::new(url.clone(), access, Arc::clone(&background));
        Self::over(Storage::Remote(Arc::new(remote)), background, options)
    }

    fn over(storage: Storage, background: Arc<Background>, options: BucketOptions) -> Self {
        let objects = Objects::new(storage, background, &options.prefix, &options.place);
        Self {
            runs: Runs::new(objects.clone(), options.clock.clone(), options.lease),
            pointers: Pointers::new(objects.clone()),
            wake: Wake::new(objects.clone(), options.ids.clone()),
            objects,
            options,
            identity: OnceLock::new(),
            logs: Mutex::default(),
        }
    }

    /// Opens a store in a directory of this machine, treated as a bucket; it must be there.
    pub fn in_directory(directory: &std::path::Path, mut options: BucketOptions) -> Result<Self> {
        let storage = object_store::local::LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| failure(&options.place, "open", &error))?;
        if options.place.is_empty() {
            options.place = format!("file://{}", directory.display());
        }
        Ok(Self::new(Arc::new(storage.with_fsync(true)), options))
    }

    async fn card(&self) -> Result<Option<StoreIdentity>> {
        if let Some(known) = self.identity.get() {
            return Ok(Some(known.clone()));
        }
        let Some(card) = self.objects.read::<serde_json::Value>(CARD).await? else {
            // Not every server says of an object that its bucket is not there; of a list, all do.
            self.objects.any().await?;
            return Ok(None);
        };
        identity::check_format(&card, FORMAT, || self.objects.place(CARD).into())?;
        let card: StoreHeader =
            serde_json::from_value(card).map_err(|error| self.objects.damaged(CARD, error.to_string()))?;
        Ok(Some(self.identity.get_or_init(|| card.identity).clone()))
    }

    /// A pointer's or a setting's next value.
    fn value(&self, name: Option<String>, value: Option<String>, author: &Author) -> ValueObject {
        ValueObject {
            id: self.options.ids.next(),
            name,
            value,
            author: author.clone(),
            at: self.options.clock.now(),
        }
    }

    fn log(&self, folder: String) -> Arc<tokio::sync::Mutex<MeshLog>> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(tokio::sync::Mutex::new(MeshLog::new(folder.clone())));
        logs.entry(folder.clone()).or_insert_with(new).clone()
    }

    /// The log of a mesh with every write that was acknowledged before this call.
    async fn followed(&self, folder: String) -> Result<tokio::sync::OwnedMutexGuard<MeshLog>> {
        let arrived = Instant::now();
        let mut log = self.log(folder).lock_owned().await;
        // Many wait here at once. Whoever is next reads for all that came before it began.
        if !log.is_read_since(arrived) {
            log.refresh(&self.objects).await?;
        }
        Ok(log)
    }

    /// Writes what `make` makes of the log as it is now; again from the beginning while others are faster.
    ///
    /// The first attempt trusts what is known already: the next number is only free where nobody has written since.
    async fn write<T>(
        &self,
        mesh: &str,
        mut make: impl FnMut(&MeshLog, Revision) -> Result<(LogEntry, T)>,
    ) -> Result<T> {
        let mut log = self.log(part(mesh)).lock_owned().await;
        let begun = Instant::now();
        let mut pause = 1;
        let mut trusted = log.is_read();
        loop {
            if !trusted {
                log.refresh(&self.objects).await?;
            }
            match make(&log, log.next()) {
                Ok((entry, value)) => {
                    if log.append(&self.objects, entry).await? {
                        self.wake.note();
                        return Ok(value);
                    }
                }
                Err(_) if trusted => {
                    trusted = false;
                    continue;
                }
                Err(error) => return Err(error),
            }
            trusted = false;
            if begun.elapsed() > self.options.patience {
                return Err(StoreError::Busy {
                    path: self.options.place.clone().into(),
                    waited_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                });
            }
            // Random, so that two who collide do not collide again.
            let spread = self.options.ids.next().bytes().map(u64::from).sum::<u64>() % pause;
            tokio::time::sleep(Duration::from_millis(spread)).await;
            pause = (pause * 2).min(256);
        }
    }
}

#[async_trait]
impl Store for BucketStore {
    fn published(&self) -> Option<PublishedObjects> {
        Some(PublishedObjects::beside(self.objects.clone()))
    }

    fn place(&self) -> String {
        self.options.place.clone()
    }

    async fn identity(&self) -> Result<Option<StoreIdentity>> {
        self.card().await
    }

    async fn establish(&self, seed: &Seed) -> Result<StoreIdentity> {
        if let Some(identity) = self.card().await? {
            return Ok(identity);
        }
        if let Some(stranger) = self.objects.any().await?
            && self.card().await?.is_none()
        {
            return Err(StoreError::Foreign {
                path: self.options.place.clone().into(),
                what: format!("it is not empty (`{stranger}`) and has no `{CARD}`"),
            });
        }
        self.objects.probe(&self.options.ids.next()).await?;
        let identity = StoreIdentity {
            id: self.options.ids.next(),
            seed: seed.clone(),
            created_at: self.options.clock.now(),
        };
        let card = StoreHeader {
            format: FORMAT,
            identity,
        };
        self.objects.create(CARD, &card).await?;
        // Ours, or that of somebody who was faster.
        let identity = self.card().await?;
        identity.ok_or_else(|| self.objects.damaged(CARD, "it is gone again".to_owned()))
    }

    async fn get(&self, key: &ResourceKey) -> Result<Option<Record>> {
        let log = self.followed(part(&key.mesh)).await?;
        Ok(log.records.get(key).cloned())
    }

    async fn get_all(&self, keys: &[ResourceKey]) -> Result<Vec<Record>> {
        let mut found = Vec::with_capacity(keys.len());
        for (mesh, keys) in by_mesh(keys) {
            let log = self.followed(part(mesh)).await?;
            found.extend(keys.into_iter().filter_map(|key| log.records.get(key).cloned()));
        }
        Ok(found)
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing> {
        let folders = match &prefix.mesh {
            Some(mesh) => vec![part(mesh)],
            None => self.objects.folders("m").await?,
        };
        let mut listing = Listing::default();
        for folder in folders {
            let log = self.followed(folder).await?;
            let held = log.records.values().filter(|record| prefix.holds(&record.key));
            listing.records.extend(held.cloned());
            if prefix.mesh.is_some() {
                listing.revision = log.head();
            }
        }
        listing.records.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listing)
    }

    async fn meshes(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for folder in self.objects.folders("m").await? {
            match name_of_part(&folder) {
                // What is published of a mesh may lie in a folder that spells its name another way.
                Some(name) if part(&name) != folder => {}
                Some(name) => names.push(name),
                // Too long a name is shortened; the records have it whole.
                None => {
                    let log = self.followed(folder).await?;
                    // Of a mesh that is gone, its last changes have it.
                    let written = log.records.keys().next();
                    names.extend(written.or_else(|| log.written_last()).map(|key| key.mesh.clone()));
                }
            }
        }
        names.sort();
        Ok(names)
    }

    async fn put(&self, draft: RecordDraft, expected: Expected, author: &Author) -> Result<Record> {
        let identity = self.establish(&self.options.seed).await?;
        let mesh = draft.key.mesh.clone();
        self.write(&mesh, |log, revision| {
            let found = log.records.get(&draft.key);
            next::check(&draft.key, expected, found, || Ok(log.last_change(&draft.key)))?;
            let now = self.options.clock.now();
            let stamp = next::Stamp {
                seed: &identity.seed,
                uid: self.options.ids.next(),
                now,
                revision,
                author: author.clone(),
            };
            let record = next::next(draft.clone(), found, stamp);
            let entry = LogEntry {
                id: self.options.ids.next(),
                at: now,
                what: Operation::Put(Box::new(record.clone())),
            };
            Ok((entry, record))
        })
        .await
    }

    async fn delete(&self, key: &ResourceKey, expected: Revision, author: &Author) -> Result<Change> {
        self.write(&key.mesh, |log, revision| {
            let found = log.records.get(key);
            next::check(key, Expected::At(expected), found, || Ok(log.last_change(key)))?;
            let at = self.options.clock.now();
            let (key, author) = (key.clone(), author.clone());
            let entry = LogEntry {
                id: self.options.ids.next(),
                at,
                what: Operation::Delete {
                    key: key.clone(),
                    author: author.clone(),
                },
            };
            Ok((
                entry,
                Change {
                    revision,
                    key,
                    action: Action::Delete,
                    author,
                    at,
                },
            ))
        })
        .await
    }

    async fn changes(&self, mesh: &str, after: Revision, limit: usize) -> Result<Feed> {
        Ok(self.followed(part(mesh)).await?.feed(after, limit))
    }

    async fn changed_records(&self, mesh: &str, after: Revision, limit: usize) -> Result<ChangedRecords> {
        let log = self.followed(part(mesh)).await?;
        let feed = log.feed(after, limit);
        let written = feed.written();
        let records = written.iter().filter_map(|key| log.records.get(key).cloned());
        Ok(ChangedRecords {
            records: records.collect(),
            feed,
        })
    }

    async fn watch(&self, mesh: &str, after: Revision) -> Result<Feed> {
        loop {
            // Before the look at the mesh: what is written after that look is another turn.
            let turn = self.wake.turn().await;
            let feed = self.changes(mesh, after, WATCHED).await?;
            if feed.has_news() {
                return Ok(feed);
            }
            self.wake.another(turn).await;
        }
    }

    async fn compact(&self, mesh: &str, upto: Revision) -> Result<()> {
        self.establish(&self.options.seed).await?;
        self.write(mesh, |log, _| {
            let what = Operation::Compact(upto.min(log.head()));
            Ok((
                LogEntry {
                    id: self.options.ids.next(),
                    at: self.options.clock.now(),
                    what,
                },
                (),
            ))
        })
        .await
    }

    async fn put_blobs(&self, mesh: &str, blobs: Vec<Vec<u8>>) -> Result<Vec<Digest>> {
        self.establish(&self.options.seed).await?;
        let folder = format!("m/{}/releases", part(mesh));
        let puts = blobs.into_iter().map(|bytes| {
            let digest = Digest::of(&bytes);
            let name = format!("{folder}/{digest}");
            async move { self.objects.write(&name, bytes).await.map(|()| digest) }
        });
        stream::iter(puts).buffered(CONCURRENCY).try_collect().await
    }

    async fn blob(&self, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let name = format!("m/{}/releases/{digest}", part(mesh));
        match self.objects.bytes(&name).await? {
            Some(bytes) if Digest::of(&bytes) != *digest => Err(self
                .objects
                .damaged(&name, "its content does not match its name".to_owned())),
            other => Ok(other),
        }
    }

    async fn blobs(&self, mesh: &str) -> Result<Vec<BlobInfo>> {
        let found = self
            .objects
            .list(&format!("m/{}/releases", part(mesh)), None)
            .await?;
        let infos = found.into_iter().filter_map(|object| {
            Some(BlobInfo {
                digest: Digest::parse(&object.name)?,
                size: object.size,
                touched_at: object.touched_at,
            })
        });
        Ok(infos.collect())
    }

    async fn delete_blobs(&self, mesh: &str, digests: &[Digest]) -> Result<()> {
        let folder = format!("m/{}/releases", part(mesh));
        let names: Vec<String> = digests
            .iter()
            .map(|digest| format!("{folder}/{digest}"))
            .collect();
        let deletes = names
            .into_iter()
            .map(|name| async move { self.objects.delete(&name).await });
        stream::iter(deletes).buffered(CONCURRENCY).try_collect().await
    }

    async fn pointer(&self, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
        let found = self.pointers.last(&pointers::pointer(mesh, name)).await?;
        Ok(found.and_then(named_pointer))
    }

    async fn set_pointer(&self, pointer: PointerWrite, author: &Author) -> Result<NamedPointer> {
        self.establish(&self.options.seed).await?;
        let folder = pointers::pointer(&pointer.mesh, &pointer.name);
        // What this process has seen is enough where it is what the writer has seen: the next number is only free where
        // nobody has written since.
        let found = match self.pointers.seen_last(&folder) {
            seen if seen.is_some() && version(&seen) == pointer.expected => seen,
            _ => self.pointers.last(&folder).await?,
        };
        if version(&found) == pointer.expected {
            let object = self.value(None, Some(pointer.value), author);
            let made = self.pointers.append(&folder, found.as_ref(), object).await?;
            if let Some(made) = made.and_then(named_pointer) {
                self.wake.note();
                return Ok(made);
            }
        }
        Err(StoreError::PointerConflict(Box::new(PointerConflict {
            found: self.pointers.last(&folder).await?.and_then(named_pointer),
            mesh: Some(pointer.mesh),
            name: pointer.name,
            expected: pointer.expected,
        })))
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>> {
        let found = self.pointers.last(&pointers::setting(name)).await?;
        Ok(found.and_then(|found| found.written().setting(name)))
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>> {
        let folders = self.objects.folders(SETTINGS).await?;
        let reads = folders.into_iter().map(|folder| async move {
            match name_of_part(&folder) {
                Some(name) if !name.starts_with(prefix) => Ok(None),
                _ => self.pointers.last(&format!("{SETTINGS}/{folder}")).await,
            }
        });
        let found: Vec<Option<Numbered>> = stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
        let named = found.into_iter().flatten().filter_map(|found| {
            let name = found.object.name.clone()?;
            found.written().setting(&name)
        });
        let mut settings: Vec<Setting> = named.filter(|one| one.name.starts_with(prefix)).collect();
        settings.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(settings)
    }

    async fn set_setting(&self, write: SettingWrite, author: &Author) -> Result<Option<Setting>> {
        self.establish(&self.options.seed).await?;
        let folder = pointers::setting(&write.name);
        let found = self.pointers.last(&folder).await?;
        let there = found
            .clone()
            .and_then(|found| found.written().setting(&write.name));
        if there.map(|there| there.version) == write.expected {
            let object = self.value(Some(write.name.clone()), write.value.clone(), author);
            if let Some(made) = self.pointers.append(&folder, found.as_ref(), object).await? {
                self.wake.note();
                return Ok(made.written().setting(&write.name));
            }
        }
        let now = self.setting(&write.name).await?;
        Err(StoreError::PointerConflict(Box::new(
            PointerConflict::of_setting(write, now),
        )))
    }

    async fn open_run(&self, actor: &str) -> Result<RunId> {
        self.establish(&self.options.seed).await?;
        let run = RunId(self.options.ids.next());
        self.runs.open(&run, actor).await?;
        Ok(run)
    }

    async fn close_run(&self, run: &RunId) -> Result<()> {
        tokio::join!(self.runs.close(run), self.wake.flush()).0
    }

    async fn run_state(&self, run: &RunId) -> Result<RunState> {
        self.runs.state(run).await
    }

    async fn run_outcome(&self, run: &RunId) -> Result<RunState> {
        self.runs.outcome(run).await
    }
}

fn version(found: &Option<Numbered>) -> Option<u64> {
    found.as_ref().map(|found| found.version)
}

fn named_pointer(found: Numbered) -> Option<NamedPointer> {
    let written = found.written();
    Some(NamedPointer {
        value: written.value?,
        version: written.version,
        author: written.author,
        at: written.at,
    })
}
