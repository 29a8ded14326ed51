//! Blobs: parts that fit into a request, and a key that says that all of them are there.

use super::kept::Index;
use super::{EtcdStore, request};
use crate::blob::{BlobInfo, Digest};
use crate::error::Result;
use crate::r#gen::RequestOp;
use std::collections::{BTreeMap, BTreeSet};

/// How large a part of a blob is, in bytes. etcd takes requests of 1.5 MiB unless its operator says otherwise, and a
/// transaction has more than the part in it.
const PART: usize = 512 * 1024;
/// How much one transaction writes, in bytes, and in operations, of which etcd takes 128.
const BYTES: usize = 1024 * 1024;
const OPERATIONS: usize = 100;

/// Writes that go together as far as they fit into one transaction. They are done in their order.
struct Batch<'a> {
    store: &'a EtcdStore,
    operations: Vec<RequestOp>,
    bytes: usize,
}

impl Batch<'_> {
    async fn add(&mut self, key: &str, value: Vec<u8>) -> Result<()> {
        if self.operations.len() >= OPERATIONS || self.bytes + value.len() > BYTES {
            self.flush().await?;
        }
        self.bytes += value.len();
        self.operations.push(request::put(key, value));
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let operations = std::mem::take(&mut self.operations);
        self.bytes = 0;
        if !operations.is_empty() {
            self.store.client.txn("write", request::reads(operations)).await?;
        }
        Ok(())
    }
}

impl EtcdStore {
    pub(super) async fn write_blobs(&self, mesh: &str, blobs: Vec<Vec<u8>>) -> Result<Vec<Digest>> {
        self.identity_or(&self.seed).await?;
        let digests: Vec<Digest> = blobs.iter().map(|bytes| Digest::of(bytes)).collect();
        let mut missing: BTreeMap<&Digest, &Vec<u8>> = digests.iter().zip(&blobs).collect();
        let touched = self.touch(mesh, missing.keys().copied()).await?;
        missing.retain(|digest, _| !touched.contains(*digest));
        let mut batch = Batch {
            store: self,
            operations: Vec::new(),
            bytes: 0,
        };
        for (digest, bytes) in missing {
            let folder = self.keys.parts(mesh, digest.as_str());
            for (number, part) in bytes.chunks(PART).enumerate() {
                batch.add(&format!("{folder}{number:06}"), part.to_vec()).await?;
            }
            let (key, index) = self.index(mesh, digest, bytes.len())?;
            batch.add(&key, index).await?;
        }
        batch.flush().await?;
        Ok(digests)
    }

    /// Touches what is there, and says which that was.
    async fn touch(&self, mesh: &str, digests: impl Iterator<Item = &Digest>) -> Result<BTreeSet<Digest>> {
        let mut touched = BTreeSet::new();
        let digests: Vec<&Digest> = digests.collect();
        for some in digests.chunks(OPERATIONS) {
            let gets = some
                .iter()
                .map(|digest| request::get(&self.blob_key(mesh, digest)));
            let answer = self.client.txn("read", request::reads(gets.collect())).await?;
            let (mut conditions, mut puts, mut there) = (Vec::new(), Vec::new(), Vec::new());
            for (digest, found) in some.iter().zip(answer.first_found()) {
                let Some(found) = found else { continue };
                let size = self.read::<Index>(&found)?.size;
                let (key, index) = self.index(mesh, digest, usize::try_from(size).unwrap_or(usize::MAX))?;
                conditions.push(request::there(&key));
                puts.push(request::put(&key, index));
                there.push((*digest).clone());
            }
            // Where one was taken away just now, all are written again; the others lose nothing by it.
            if !puts.is_empty()
                && self
                    .client
                    .txn("write", request::txn(conditions, puts, Vec::new()))
                    .await?
                    .succeeded
            {
                touched.extend(there);
            }
        }
        Ok(touched)
    }

    pub(super) async fn read_blob(&self, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let key = self.blob_key(mesh, digest);
        let parts = self.keys.parts(mesh, digest.as_str());
        let asked = vec![request::get(&key), request::range(request::under(&parts))];
        let mut found = self.client.txn("read", request::reads(asked)).await?.found();
        if found.next().is_none_or(|index| index.kvs.is_empty()) {
            return Ok(None);
        }
        let parts = found.next().map(|parts| parts.kvs).unwrap_or_default();
        let bytes: Vec<u8> = parts.into_iter().flat_map(|part| part.value).collect();
        if Digest::of(&bytes) != *digest {
            return Err(self.damaged(&key, "its content does not match its name".to_owned()));
        }
        Ok(Some(bytes))
    }

    pub(super) async fn list_blobs(&self, mesh: &str) -> Result<Vec<BlobInfo>> {
        let folder = self.keys.blobs(mesh);
        let mut infos = Vec::new();
        for kept in self.every(&folder, false).await? {
            let name = std::str::from_utf8(&kept.key).ok();
            let digest = name.and_then(|name| Digest::parse(name.strip_prefix(&folder)?));
            let Some(digest) = digest else { continue };
            let index: Index = self.read(&kept)?;
            infos.push(BlobInfo {
                digest,
                size: index.size,
                touched_at: index.touched_at,
            });
        }
        Ok(infos)
    }

    pub(super) async fn take_blobs(&self, mesh: &str, digests: &[Digest]) -> Result<()> {
        for some in digests.chunks(OPERATIONS / 2) {
            let deletes = some.iter().flat_map(|digest| {
                [
                    request::delete(&self.blob_key(mesh, digest)),
                    request::delete_under(&self.keys.parts(mesh, digest.as_str())),
                ]
            });
            self.client
                .txn("delete", request::reads(deletes.collect()))
                .await?;
        }
        Ok(())
    }

    fn blob_key(&self, mesh: &str, digest: &Digest) -> String {
        format!("{}{digest}", self.keys.blobs(mesh))
    }

    fn index(&self, mesh: &str, digest: &Digest, size: usize) -> Result<(String, Vec<u8>)> {
        let index = Index {
            size: size as u64,
            touched_at: self.clock.now(),
        };
        Ok((self.blob_key(mesh, digest), self.bytes(&index)?))
    }
}
