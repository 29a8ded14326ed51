//! Objects by name, with errors that say where and what to do.

use super::access::Remote;
use super::failure::{bucket_is_absent, failure, is_broken_answer, is_lost_answer, storage};
use super::files::{self, Existing, PRIVATE};
use crate::background::Background;
use crate::error::{Result, StoreError};
use crate::seal;
use crate::time::Timestamp;
use crate::trouble::ServiceFailure;
use futures_util::TryStreamExt as _;
use meshform_model::key::ResourceKey;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// After a storage did not answer, so long nothing is asked of it: every request would wait for all its tries again,
/// one after the other.
const SILENCE: Duration = Duration::from_secs(20);

/// How often a request is sent again whose answer was lost or broke off; the library has tried before that. What was
/// created by it is recognised.
const LOST_ANSWERS: u32 = 3;

/// The storage, under a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    storage: Storage,
    background: Arc<Background>,
    prefix: Path,
    place: String,
    silent: Arc<Mutex<Option<(Instant, StoreError)>>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// Given by the caller, so that nothing is left to connect.
    Here(Arc<dyn ObjectStore>),
    /// Connected to when it is first needed.
    Remote(Arc<Remote>),
}

/// Objects that only try whether the storage heeds conditions.
const PROBE: &str = "probe";

/// Whether an object is what a proxy's agent or a poller has written of itself, below `m/MESH/`. They may have been started
/// before the store was made, or before its name was corrected: that is no reason to refuse the place to the store.
fn is_report(prefix: &Path, location: &Path) -> bool {
    let Some(parts) = location.prefix_match(prefix) else {
        return false;
    };
    let parts: Vec<_> = parts.take(4).collect();
    match parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().as_slice() {
        ["m", _mesh, kind, _name] => ["status", "rejected", "endpoints"].contains(kind),
        _ => false,
    }
}

/// An object's content, and what a server knows it by.
#[derive(Debug, Clone)]
pub(crate) struct ObjectContent {
    tag: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// An object that is there.
#[derive(Debug)]
pub(crate) struct NamedObject {
    /// The last part of its name.
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) touched_at: Timestamp,
}

impl Objects {
    pub(crate) fn new(storage: Storage, background: Arc<Background>, prefix: &str, place: &str) -> Self {
        Self {
            storage,
            background,
            prefix: Path::from(prefix),
            place: place.to_owned(),
            silent: Arc::default(),
        }
    }

    /// Where to spawn what goes on while nobody waits.
    pub(crate) fn background(&self) -> Result<Handle> {
        self.background.handle()
    }

    pub(crate) fn storage(&self) -> Result<Arc<dyn ObjectStore>> {
        if let Some((since, error)) = &*self.silent.lock().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() < SILENCE
        {
            return Err(error.clone());
        }
        match &self.storage {
            Storage::Here(storage) => Ok(storage.clone()),
            Storage::Remote(remote) => remote.storage(),
        }
    }

    /// Puts an object where the storage is a directory, with the mode of its file; None where it is none.
    pub(crate) async fn put_file(
        &self,
        object: &Path,
        bytes: &PutPayload,
        mode: u32,
        existing: Existing,
    ) -> Result<Option<object_store::Result<()>>> {
        self.storage()?;
        let Storage::Remote(remote) = &self.storage else {
            return Ok(None);
        };
        let Some(file) = remote.directory_file(object.as_ref()) else {
            return Ok(None);
        };
        let bytes: Vec<u8> = bytes.iter().flatten().copied().collect();
        Ok(Some(files::put(file, bytes, mode, existing).await))
    }

    /// Lets other users of this machine reach an object that was just written, where the storage is a directory.
    pub(crate) fn share(&self, object: &Path) -> Result<()> {
        match &self.storage {
            Storage::Here(_) => Ok(()),
            Storage::Remote(remote) => {
                let shared = remote.share(object.as_ref());
                shared.map_err(|_| StoreError::Permission {
                    path: remote.file(object.as_ref()),
                    action: "set the mode of",
                })
            }
        }
    }

    /// What comes before every object's name.
    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// An object, as messages say it.
    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.place)
    }

    pub(crate) fn damaged(&self, name: &str, detail: String) -> StoreError {
        StoreError::Damaged {
            path: self.place(name).into(),
            detail,
        }
    }

    /// Creates an object. Whether it was not there yet: where it was, it may be one's own, from a request whose answer
    /// was lost.
    pub(crate) async fn create<T: Serialize>(&self, name: &str, value: &T) -> Result<bool> {
        let bytes = serde_json::to_vec(value).map_err(|error| self.damaged(name, error.to_string()))?;
        let (path, payload) = (self.path(name), PutPayload::from(seal::seal(bytes)));
        let storage = self.storage()?;
        let mut lost = 0;
        loop {
            let filed = self.put_file(&path, &payload, PRIVATE, Existing::Kept).await?;
            let put = match filed {
                Some(put) => put,
                None => {
                    let put = storage.put_opts(&path, payload.clone(), PutMode::Create.into());
                    put.await.map(drop)
                }
            };
            match put {
                Ok(()) => return Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => return Ok(false),
                Err(Error::NotImplemented { operation, .. }) => {
                    return Err(self.unconditional(name, operation));
                }
                Err(error) if is_lost_answer(&error) && lost < LOST_ANSWERS => lost += 1,
                Err(error) => return Err(self.error(name, "write", &error)),
            }
        }
    }

    /// Makes sure that the storage creates an object only where none is: without that, writers undo one another.
    pub(crate) async fn probe(&self, id: &str) -> Result<()> {
        let name = format!("{PROBE}/{id}.json");
        self.create(&name, &1).await?;
        let again = self.create(&name, &2).await;
        self.delete(&name).await?;
        match again {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.unconditional(&name, "it wrote over an object".to_owned())),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn unconditional(&self, name: &str, detail: String) -> StoreError {
        storage(ServiceFailure::Unconditional, &self.place(name), "create", detail)
    }

    /// Writes an object, there or not.
    pub(crate) async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.path(name);
        let (storage, payload) = (self.storage()?, PutPayload::from(bytes));
        let filed = self
            .put_file(&path, &payload, PRIVATE, Existing::Replaced)
            .await?;
        let put = match filed {
            Some(put) => put,
            None => storage.put(&path, payload).await.map(drop),
        };
        put.map_err(|error| self.error(name, "write", &error))
    }

    pub(crate) async fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let storage = self.storage()?;
        let read = async { storage.get(&self.path(name)).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error @ Error::NotFound { .. }) if bucket_is_absent(&error) => {
                Err(self.error(name, "read", &error))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(name, "read", &error)),
        }
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(bytes) = self.bytes(name).await? else {
            return Ok(None);
        };
        if !seal::is_intact(&bytes) {
            return Err(self.damaged(name, "its content does not match its digest".to_owned()));
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| self.damaged(name, error.to_string()))?;
        Ok(Some(value))
    }

    /// An object that may be another than the one that was seen; `None` where it is the same or not there.
    pub(crate) async fn changed(
        &self,
        name: &str,
        seen: Option<&ObjectContent>,
    ) -> Result<Option<ObjectContent>> {
        let storage = self.storage()?;
        let options = GetOptions {
            if_none_match: seen.and_then(|seen| seen.tag.clone()),
            ..GetOptions::default()
        };
        let read = async {
            let found = storage.get_opts(&self.path(name), options).await?;
            let tag = found.meta.e_tag.clone();
            let bytes = found.bytes().await?.to_vec();
            Ok(ObjectContent { tag, bytes })
        };
        match read.await {
            Ok(seen) => Ok(Some(seen)),
            Err(Error::NotModified { .. } | Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(name, "read", &error)),
        }
    }

    /// When an object was written last.
    pub(crate) async fn touched(&self, name: &str) -> Result<Option<Timestamp>> {
        match self.storage()?.head(&self.path(name)).await {
            Ok(meta) => Ok(Some(Timestamp(meta.last_modified.timestamp_millis()))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(name, "look at", &error)),
        }
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<()> {
        match self.storage()?.delete(&self.path(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(name, "delete", &error)),
        }
    }

    /// The objects of a folder by name; only those whose names come after `after`.
    pub(crate) async fn list(&self, folder: &str, after: Option<&str>) -> Result<Vec<NamedObject>> {
        let path = self.path(folder);
        let storage = self.storage()?;
        let found = again(|| {
            let stream = match after {
                Some(after) => storage.list_with_offset(Some(&path), &path.clone().join(after)),
                None => storage.list(Some(&path)),
            };
            let found = stream.map_ok(|meta| NamedObject {
                name: meta.location.filename().unwrap_or_default().to_owned(),
                size: meta.size,
                touched_at: Timestamp(meta.last_modified.timestamp_millis()),
            });
            found.try_collect::<Vec<NamedObject>>()
        });
        let mut found = found.await.map_err(|error| self.error(folder, "list", &error))?;
        // Azure knows where to begin only in its newer versions, and does not say that it did not heed it.
        found.retain(|object| after.is_none_or(|after| object.name.as_str() > after));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The highest number in a folder of numbered objects.
    pub(crate) async fn last(&self, folder: &str) -> Result<Option<u64>> {
        let found = self.list(folder, None).await?;
        Ok(found.iter().rev().find_map(|object| number(&object.name)))
    }

    /// The folders in a folder.
    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path(folder);
        let storage = self.storage()?;
        let listed = again(|| storage.list_with_delimiter(Some(&path))).await;
        let listed = listed.map_err(|error| self.error(folder, "list", &error))?;
        let names = listed.common_prefixes.iter().filter_map(Path::filename);
        Ok(names.map(str::to_owned).collect())
    }

    /// Any object under the prefix, but for probes.
    pub(crate) async fn any(&self) -> Result<Option<String>> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let probes = self.path(PROBE);
        let storage = self.storage()?;
        let found = again(|| {
            let mut others = storage.list(prefix);
            let probes = &probes;
            let is_report = |location: &Path| is_report(&self.prefix, location);
            async move {
                loop {
                    match others.try_next().await? {
                        Some(meta) if meta.location.prefix_matches(probes) || is_report(&meta.location) => {}
                        other => return Ok(other.map(|meta| meta.location.to_string())),
                    }
                }
            }
        });
        found.await.map_err(|error| self.error("", "list", &error))
    }

    fn path(&self, name: &str) -> Path {
        name.split('/')
            .fold(self.prefix.clone(), |path, part| path.join(part))
    }

    pub(crate) fn error(&self, name: &str, action: &'static str, error: &Error) -> StoreError {
        let error = failure(&self.place(name), action, error);
        if let StoreError::Storage(refused) = &error
            && matches!(
                refused.trouble,
                ServiceFailure::Unreachable | ServiceFailure::Credentials
            )
        {
            let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
            *silent = Some((Instant::now(), error.clone()));
        }
        error
    }
}

/// What is asked, once more where its answer broke off: the library does that for objects, not for lists.
pub(crate) async fn again<T, F: Future<Output = std::result::Result<T, Error>>>(
    ask: impl Fn() -> F,
) -> std::result::Result<T, Error> {
    let mut broken = 0;
    loop {
        match ask().await {
            Err(error) if broken < LOST_ANSWERS && is_broken_answer(&error) => broken += 1,
            other => return other,
        }
    }
}

/// The name of a numbered object; names are ordered as their numbers are.
pub(crate) fn numbered(folder: &str, number: u64) -> String {
    format!("{folder}/{}", numbered_name(number))
}

pub(crate) fn numbered_name(number: u64) -> String {
    format!("{number:020}.json")
}

/// The number of a numbered object.
pub(crate) fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok()
}

/// What the keys of a mesh's records begin with: for who writes policies.
pub fn records_prefix(mesh: &str) -> String {
    format!("m/{}", part(mesh))
}

/// A name as one part of an object's name, also where that becomes a file on a disk that does not tell cases apart.
pub(crate) fn part(name: &str) -> String {
    // With the digest below the 255 bytes that a file's name may have, for buckets that are directories.
    const LONGEST: usize = 180;
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_' {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "={byte:02x}");
        }
    }
    if out.len() > LONGEST {
        out.truncate(LONGEST);
        // No other escape ends so: two digits follow each `=`.
        let _ = write!(out, "=-{}", crate::blob::Digest::of(name.as_bytes()));
        out.truncate(LONGEST + 2 + 32);
    }
    out
}

/// The name that a part stands for; none where it was shortened.
pub(crate) fn name_of_part(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The keys by their meshes.
pub(crate) fn by_mesh(keys: &[ResourceKey]) -> BTreeMap<&str, Vec<&ResourceKey>> {
    let mut meshes: BTreeMap<&str, Vec<&ResourceKey>> = BTreeMap::new();
    for key in keys {
        meshes.entry(&key.mesh).or_default().push(key);
    }
    meshes
}
