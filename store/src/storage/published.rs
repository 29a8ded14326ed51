//! The objects of a bucket that are published for proxies. They lie beside the store's own where the bucket is a store,
//! and are changed in place: each proxy has one that says what it is to run.

use super::Access;
use super::access::Remote;
use super::failure::is_lost_answer;
use super::files::{Existing, SHARED};
use super::objects::{Objects, Storage, again};
use crate::background::Background;
use crate::error::{Result, StoreError};
use crate::ids::{Ids, RandomIds};
use crate::location::BucketUrl;
use crate::time::Timestamp;
use crate::trouble::ServiceFailure;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, UpdateVersion};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Objects below a prefix of a bucket, by their keys as they are.
#[derive(Debug, Clone)]
pub struct PublishedObjects {
    objects: Objects,
    heeds: Arc<OnceCell<bool>>,
}

/// Which version of an object was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    e_tag: Option<String>,
    version: Option<String>,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    pub key: String,
    /// When it was written last, by the storage's clock.
    pub touched_at: Timestamp,
    /// Its version, as a listing knows it.
    version: ObjectVersion,
}

impl ObjectVersion {
    fn of(meta: &ObjectMeta) -> Self {
        Self {
            e_tag: meta.e_tag.clone(),
            version: meta.version.clone(),
        }
    }
}

impl ListedObject {
    fn of(key: &str, meta: &ObjectMeta) -> Self {
        Self {
            key: key.to_owned(),
            touched_at: Timestamp(meta.last_modified.timestamp_millis()),
            version: ObjectVersion::of(meta),
        }
    }

    /// Whether the object is what it was when this version was seen. Not known of a storage without entity tags.
    pub fn is_still(&self, seen: &ObjectVersion) -> bool {
        self.version.e_tag.is_some() && self.version.e_tag == seen.e_tag
    }
}

impl PublishedObjects {
    /// The objects at a URL. Nothing is connected to yet.
    pub fn open(url: &BucketUrl, access: Access) -> Self {
        let background = Arc::new(Background::default());
        let remote = Remote::new(url.clone(), access, Arc::clone(&background));
        let storage = Storage::Remote(Arc::new(remote));
        Self::beside(Objects::new(storage, background, url.prefix(), &url.to_string()))
    }

    /// The objects in some object storage; `place` is what messages call it.
    pub fn new(storage: Arc<dyn ObjectStore>, prefix: &str, place: &str) -> Self {
        let storage = Storage::Here(storage);
        Self::beside(Objects::new(storage, Arc::default(), prefix, place))
    }

    pub(crate) fn beside(objects: Objects) -> Self {
        Self {
            objects,
            heeds: Arc::default(),
        }
    }

    /// Where it is, as messages say it.
    pub fn place(&self) -> String {
        self.objects.place("").trim_end_matches('/').to_owned()
    }

    /// Whether a write is refused that expects another version than there is. It is tried once, when it is first asked.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub async fn heeds_versions(&self) -> Result<bool> {
        let heeds = self.heeds.get_or_try_init(|| self.try_versions()).await?;
        Ok(*heeds)
    }

    async fn try_versions(&self) -> Result<bool> {
        let key = format!("probe/{}", RandomIds.next());
        let first = match self.write(&key, b"1".to_vec()).await {
            // A policy for one mesh need not let us try; the storages that ignore a version have no such policies.
            Err(StoreError::Storage(refused)) if refused.trouble == ServiceFailure::Denied => {
                return Ok(true);
            }
            other => other?,
        };
        self.write(&key, b"2".to_vec()).await?;
        let late = self.put(&key, b"3".to_vec(), PutMode::Update(first.into())).await;
        self.delete(&key).await?;
        match late {
            Ok(written) => Ok(written.is_none()),
            Err(StoreError::Storage(refused)) if refused.trouble == ServiceFailure::Unconditional => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// An object and its version.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, ObjectVersion)>> {
        let read = self.read(key).await?;
        Ok(read.map(|(bytes, object)| (bytes, object.version)))
    }

    /// An object, with what a listing would tell of it.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn read(&self, key: &str) -> Result<Option<(Vec<u8>, ListedObject)>> {
        let path = self.path(key)?;
        let storage = self.objects.storage()?;
        let read = async {
            let found = storage.get(&path).await?;
            let object = ListedObject::of(key, &found.meta);
            Ok((found.bytes().await?.to_vec(), object))
        };
        match read.await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.objects.error(key, "read", &error)),
        }
    }

    /// Writes an object if `seen` is what is there: a version, or nothing. None where something else is, or where it is
    /// not known whether it was written: then look again. Where the storage does not heed versions, it is written
    /// whatever is there.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub async fn replace(
        &self,
        key: &str,
        bytes: Vec<u8>,
        seen: Option<&ObjectVersion>,
    ) -> Result<Option<ObjectVersion>> {
        if !self.heeds_versions().await? {
            return self.write(key, bytes).await.map(Some);
        }
        let mode = match seen {
            None => PutMode::Create,
            Some(seen) => PutMode::Update(seen.clone().into()),
        };
        self.put(key, bytes, mode).await
    }

    /// Writes an object, there or not.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub async fn write(&self, key: &str, bytes: Vec<u8>) -> Result<ObjectVersion> {
        let path = self.path(key)?;
        let put = self.put_at(&path, bytes, PutMode::Overwrite).await?;
        let put = put.map_err(|error| self.objects.error(key, "write", &error))?;
        self.objects.share(&path)?;
        Ok(put.into())
    }

    /// Puts an object; in a directory others may read it from the first moment.
    async fn put_at(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> Result<object_store::Result<UpdateVersion>> {
        let (storage, payload) = (self.objects.storage()?, PutPayload::from(bytes));
        let existing = match &mode {
            PutMode::Create => Some(Existing::Kept),
            PutMode::Overwrite => Some(Existing::Replaced),
            PutMode::Update(_) => None,
        };
        let filed = match existing {
            Some(existing) => self.objects.put_file(path, &payload, SHARED, existing).await?,
            None => None,
        };
        Ok(match filed {
            Some(Ok(())) => storage.head(path).await.map(|meta| UpdateVersion {
                e_tag: meta.e_tag,
                version: meta.version,
            }),
            Some(Err(error)) => Err(error),
            None => storage
                .put_opts(path, payload, mode.into())
                .await
                .map(UpdateVersion::from),
        })
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<Option<ObjectVersion>> {
        let path = self.path(key)?;
        match self.put_at(&path, bytes, mode).await? {
            Ok(put) => {
                self.objects.share(&path)?;
                Ok(Some(put.into()))
            }
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                Ok(None)
            }
            Err(Error::NotImplemented { operation, .. }) => Err(self.objects.unconditional(key, operation)),
            Err(error) if is_lost_answer(&error) => Ok(None),
            Err(error) => Err(self.objects.error(key, "write", &error)),
        }
    }

    /// Takes an object away; one that is not there is not missed.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.objects.storage()?.delete(&self.path(key)?).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.objects.error(key, "delete", &error)),
        }
    }

    /// All objects below a key, by key.
    ///
    /// # Errors
    /// When the storage cannot be listed.
    pub async fn list(&self, below: &str) -> Result<Vec<ListedObject>> {
        let path = self.path(below)?;
        let prefix = self.path("")?;
        let storage = self.objects.storage()?;
        let listed = again(|| storage.list(Some(&path)).try_collect::<Vec<ObjectMeta>>()).await;
        let listed = listed.map_err(|error| self.objects.error(below, "list", &error))?;
        let mut found: Vec<ListedObject> = listed
            .into_iter()
            .filter_map(|meta| {
                let key = meta.location.as_ref().strip_prefix(prefix.as_ref())?;
                Some(ListedObject::of(key.trim_start_matches('/'), &meta))
            })
            .collect();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// A key as it is: its parts are encoded already.
    fn path(&self, key: &str) -> Result<Path> {
        let prefix = self.objects.prefix();
        let full = match (prefix.as_ref(), key) {
            ("", key) => key.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, key) => format!("{prefix}/{key}"),
        };
        Path::parse(full).map_err(|error| self.objects.damaged(key, error.to_string()))
    }
}

impl From<UpdateVersion> for ObjectVersion {
    fn from(UpdateVersion { e_tag, version }: UpdateVersion) -> Self {
        Self { e_tag, version }
    }
}

impl From<ObjectVersion> for UpdateVersion {
    fn from(ObjectVersion { e_tag, version }: ObjectVersion) -> Self {
        Self { e_tag, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    fn text(bytes: &str) -> Vec<u8> {
        bytes.as_bytes().to_vec()
    }

    #[tokio::test]
    async fn an_object_is_replaced_only_by_who_has_seen_it() {
        let objects = PublishedObjects::new(Arc::new(InMemory::new()), "a/b", "memory");
        assert!(objects.heeds_versions().await.unwrap());
        let key = "m/a%20b/proxies/virtualNode/n/current.json";
        let first = objects.replace(key, text("1"), None).await.unwrap().unwrap();
        assert_eq!(objects.replace(key, text("x"), None).await.unwrap(), None);
        let second = objects
            .replace(key, text("2"), Some(&first))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(objects.replace(key, text("x"), Some(&first)).await.unwrap(), None);
        let listed = objects.list("m/a%20b").await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].key, key);
        assert!(listed[0].is_still(&second) && !listed[0].is_still(&first));
        assert_eq!(objects.get(key).await.unwrap().unwrap(), (text("2"), second));
        objects.delete(key).await.unwrap();
        objects.delete(key).await.unwrap();
        assert_eq!(objects.get(key).await.unwrap(), None);
        let gone = objects.replace(key, text("x"), Some(&first)).await;
        assert_eq!(gone.unwrap(), None, "what was seen is gone");
        assert_eq!(objects.list("").await.unwrap(), [], "the trial leaves nothing");
    }

    #[tokio::test]
    async fn where_versions_are_not_heeded_it_is_written_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let files = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let objects = PublishedObjects::new(Arc::new(files), "", "files");
        assert!(!objects.heeds_versions().await.unwrap());
        objects.replace("x", text("1"), None).await.unwrap().unwrap();
        objects.replace("x", text("2"), None).await.unwrap().unwrap();
        assert_eq!(objects.get("x").await.unwrap().unwrap().0, text("2"));
    }
}
