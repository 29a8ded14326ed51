//! Records and the log of who wrote them.
//!
//! A write is one transaction: the record, the mesh's head and an entry of the log, all with one revision. It is tied to
//! what was there before, and its entry has a key of its own: a write whose answer was lost is sent again, and finds its
//! entry where it was done.

use super::kept::{CompactionFloor, MeshLogEntry, signed, unsigned};
use super::{EtcdStore, request};
use crate::change::{Action, Change, Feed};
use crate::error::{Result, StoreError};
use crate::r#gen::{Compare, KeyValue, RangeRequest, RequestOp};
use crate::next;
use crate::record::{Author, Expected, Listing, Prefix, Record, RecordDraft, Revision, Unreadable};
use meshform_model::key::ResourceKey;
use std::sync::atomic::Ordering;

/// How many entries of a log are kept. A follower that is further behind lists the mesh anew, which costs it no more.
const KEPT: i64 = 2000;
/// How many entries are taken away by one transaction: etcd takes 128 operations.
const TAKEN: usize = 100;
/// How many keys one transaction asks for: etcd takes 128 operations.
const ASKED: usize = 100;
/// How many writes a process makes between two looks at how long a log is: a log may be so much longer than it need be,
/// for each process.
const LOOK: u64 = 64;

/// One write: what it is tied to, and what it does to the record.
struct Write<'a> {
    key: &'a ResourceKey,
    expected: Expected,
    operation: RequestOp,
    entry: MeshLogEntry,
}

impl EtcdStore {
    pub(super) async fn get_records(&self, keys: &[ResourceKey]) -> Result<Vec<Record>> {
        let mut records = Vec::with_capacity(keys.len());
        for keys in keys.chunks(ASKED) {
            let gets = keys.iter().map(|key| request::get(&self.keys.record(key)));
            let answer = self.client.txn("read", request::reads(gets.collect())).await?;
            for found in answer.first_found().flatten() {
                records.push(self.read_record(&found)?);
            }
        }
        Ok(records)
    }

    pub(super) async fn list_mesh(&self, mesh: &str, prefix: &Prefix) -> Result<Listing> {
        let folder = self
            .keys
            .records(mesh, prefix.kind, prefix.kind.and(prefix.parent.as_deref()));
        loop {
            match self.list_once(mesh, prefix, &folder).await {
                // etcd was compacted between two pages: what is there now is read from the beginning.
                Err(StoreError::Storage(error)) if error.detail.contains("has been compacted") => {}
                other => return other,
            }
        }
    }

    /// All pages of one revision of the cluster.
    async fn list_once(&self, mesh: &str, prefix: &Prefix, folder: &str) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut next = RangeRequest {
            limit: request::PAGE,
            ..request::under(folder)
        };
        let mut head = Some(request::get(&self.keys.head(mesh)));
        loop {
            let asked = std::iter::once(request::range(next.clone())).chain(head.take());
            let answer = self.client.txn("list", request::reads(asked.collect())).await?;
            let revision = answer.revision();
            let mut found = answer.found();
            let Some(page) = found.next() else {
                return Ok(listing);
            };
            if let Some(head) = found.next().and_then(|head| head.kvs.into_iter().next()) {
                listing.revision = unsigned(head.mod_revision);
            }
            for kept in &page.kvs {
                match self.read_record(kept) {
                    Ok(record) if prefix.holds(&record.key) => listing.records.push(record),
                    Ok(_) => {}
                    Err(error) => listing.unreadable.push(Unreadable {
                        what: String::from_utf8_lossy(&kept.key).into_owned(),
                        why: error.to_string(),
                    }),
                }
            }
            let Some(last) = page.kvs.last().filter(|_| page.more) else {
                listing.records.sort_by(|a, b| a.key.cmp(&b.key));
                return Ok(listing);
            };
            next.key = [last.key.as_slice(), &[0]].concat();
            if next.revision == 0 {
                next.revision = revision;
            }
        }
    }

    pub(super) async fn mesh_names(&self) -> Result<Vec<String>> {
        let heads = self.every(&self.keys.heads(), true).await?;
        let mut names: Vec<String> = heads
            .iter()
            .filter_map(|head| self.keys.mesh_of_head(&head.key))
            .collect();
        names.sort();
        Ok(names)
    }

    pub(super) async fn put_record(
        &self,
        draft: RecordDraft,
        expected: Expected,
        author: &Author,
    ) -> Result<Record> {
        let identity = self.identity_or(&self.seed).await?;
        let key = draft.key.clone();
        let found = self.expect(&key, expected).await?;
        let at = self.clock.now();
        let stamp = next::Stamp {
            seed: &identity.seed,
            uid: self.ids.next(),
            now: at,
            // The key's, once it is written.
            revision: Revision::default(),
            author: author.clone(),
        };
        let mut record = next::next(draft, found.as_ref(), stamp);
        let write = Write {
            key: &key,
            expected,
            operation: request::put(&self.keys.record(&key), self.bytes(&record)?),
            entry: MeshLogEntry {
                key: key.clone(),
                deleted: false,
                author: author.clone(),
                at,
            },
        };
        record.revision = self.commit(write).await?.revision;
        Ok(record)
    }

    pub(super) async fn delete_record(
        &self,
        key: &ResourceKey,
        expected: Revision,
        author: &Author,
    ) -> Result<Change> {
        self.expect(key, Expected::At(expected)).await?;
        let write = Write {
            key,
            expected: Expected::At(expected),
            operation: request::delete(&self.keys.record(key)),
            entry: MeshLogEntry {
                key: key.clone(),
                deleted: true,
                author: author.clone(),
                at: self.clock.now(),
            },
        };
        self.commit(write).await
    }

    /// The record that is there, if it is what the writer expects.
    async fn expect(&self, key: &ResourceKey, expected: Expected) -> Result<Option<Record>> {
        let found = self.get_records(std::slice::from_ref(key)).await?.pop();
        let deleted_by = match (&found, expected) {
            (None, Expected::At(_)) => self.deleted_by(key).await?,
            _ => None,
        };
        next::check(key, expected, found.as_ref(), || Ok(deleted_by))?;
        Ok(found)
    }

    async fn commit(&self, write: Write<'_>) -> Result<Change> {
        let (record, mesh) = (self.keys.record(write.key), &write.key.mesh);
        let entry = format!("{}{}", self.keys.log(mesh), self.ids.next());
        let mut conditions: Vec<Compare> = vec![match write.expected {
            Expected::Absent => request::absent(&record),
            Expected::At(revision) => request::at(&record, signed(revision)),
        }];
        let run = write.entry.author.run.as_ref();
        let alive = run.map(|run| self.keys.alive(&run.0));
        conditions.extend(alive.iter().map(|alive| request::there(alive)));
        let then = vec![
            write.operation,
            request::put(&self.keys.head(mesh), Vec::new()),
            request::put(&entry, self.bytes(&write.entry)?),
        ];
        let otherwise = std::iter::once(entry.as_str())
            .chain(alive.as_deref())
            .map(request::get)
            .collect();
        let answer = self
            .client
            .txn("write", request::txn(conditions, then, otherwise))
            .await?;
        if answer.succeeded {
            let revision = unsigned(answer.revision());
            self.trim_sometimes(mesh).await;
            return Ok(write.entry.change(revision));
        }
        let mut found = answer.first_found();
        if let Some(ours) = found.next().flatten() {
            return Ok(write.entry.change(unsigned(ours.mod_revision)));
        }
        if let (Some(run), None) = (run, found.next().flatten()) {
            return Err(StoreError::RunLost {
                place: self.client.place(),
                run: run.0.clone(),
            });
        }
        self.expect(write.key, write.expected).await?;
        // Whoever was faster has put back what was there: there is nothing to be said about it but that.
        Err(StoreError::Busy {
            path: self.client.place().into(),
            waited_ms: 0,
        })
    }

    /// The write that took a resource away, where it is still known.
    async fn deleted_by(&self, key: &ResourceKey) -> Result<Option<Change>> {
        let entries = self.every(&self.keys.log(&key.mesh), false).await?;
        let mut last = None;
        for kept in &entries {
            let entry: MeshLogEntry = self.read(kept)?;
            if entry.key == *key {
                let change = entry.change(unsigned(kept.mod_revision));
                last = last
                    .into_iter()
                    .chain([change])
                    .max_by_key(|change: &Change| change.revision);
            }
        }
        Ok(last.filter(|change| change.action == Action::Delete))
    }

    pub(super) async fn feed(&self, mesh: &str, after: Revision, limit: usize) -> Result<Feed> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let entries = request::written_after(&self.keys.log(mesh), signed(after), limit);
        let operations = vec![
            request::get(&self.keys.head(mesh)),
            request::get(&self.keys.floor(mesh)),
            request::range(entries),
        ];
        let mut found = self.client.txn("read", request::reads(operations)).await?.found();
        let mut first = || found.next().and_then(|found| found.kvs.into_iter().next());
        let head = first().map_or(Revision(0), |head| unsigned(head.mod_revision));
        let floor: CompactionFloor = first()
            .map(|floor| self.read(&floor))
            .transpose()?
            .unwrap_or_default();
        // Where the cluster was restored from a backup, its revisions went back: what is there is read anew.
        if after < floor.oldest || after > head {
            return Ok(Feed::Compacted {
                oldest: floor.oldest.min(head),
            });
        }
        let kept = found.next().map(|found| found.kvs).unwrap_or_default();
        let changes = kept.iter().map(|kept| {
            let entry: MeshLogEntry = self.read(kept)?;
            Ok(entry.change(unsigned(kept.mod_revision)))
        });
        Ok(Feed::Changes {
            changes: changes.collect::<Result<_>>()?,
            head,
        })
    }

    /// Forgets the log up to a revision. That it does is said first: a follower reads no log with holes.
    pub(super) async fn compact_log(&self, mesh: &str, upto: Revision) -> Result<()> {
        self.identity_or(&self.seed).await?;
        let floor = self.keys.floor(mesh);
        loop {
            let asked = vec![request::get(&self.keys.head(mesh)), request::get(&floor)];
            let mut found = self
                .client
                .txn("read", request::reads(asked))
                .await?
                .first_found();
            let head = found.next().flatten();
            let Some(head) = head.map(|head| unsigned(head.mod_revision)) else {
                return Ok(());
            };
            let there = found.next().flatten();
            let upto = upto.min(head);
            let condition = match &there {
                Some(there) if self.read::<CompactionFloor>(there)?.oldest >= upto => break,
                Some(there) => request::at(&floor, there.mod_revision),
                None => request::absent(&floor),
            };
            let put = request::put(&floor, self.bytes(&CompactionFloor { oldest: upto })?);
            let write = request::txn(vec![condition], vec![put], Vec::new());
            if self.client.txn("compact", write).await?.succeeded {
                break;
            }
        }
        self.take_away(mesh, upto).await
    }

    async fn take_away(&self, mesh: &str, upto: Revision) -> Result<()> {
        let old = RangeRequest {
            max_mod_revision: signed(upto),
            keys_only: true,
            ..request::under(&self.keys.log(mesh))
        };
        let answer = self
            .client
            .txn("compact", request::reads(vec![request::range(old)]))
            .await?;
        let old: Vec<KeyValue> = answer.found().flat_map(|found| found.kvs).collect();
        for some in old.chunks(TAKEN) {
            let deletes = some
                .iter()
                .map(|kept| request::delete(&String::from_utf8_lossy(&kept.key)));
            self.client
                .txn("compact", request::reads(deletes.collect()))
                .await?;
        }
        Ok(())
    }

    /// Keeps the log short. A failure is no failure of the write: the next look will do it.
    async fn trim_sometimes(&self, mesh: &str) {
        if !self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK) {
            return;
        }
        if let Err(error) = self.trim(mesh).await {
            tracing::debug!(%error, mesh, "the log could not be shortened");
        }
    }

    async fn trim(&self, mesh: &str) -> Result<()> {
        let count = RangeRequest {
            count_only: true,
            ..request::under(&self.keys.log(mesh))
        };
        let answer = self
            .client
            .txn("read", request::reads(vec![request::range(count)]))
            .await?;
        let count = answer.found().next().map_or(0, |found| found.count);
        if count <= KEPT {
            return Ok(());
        }
        let oldest = RangeRequest {
            keys_only: true,
            ..request::written_after(&self.keys.log(mesh), 0, count - KEPT / 2)
        };
        let answer = self
            .client
            .txn("read", request::reads(vec![request::range(oldest)]))
            .await?;
        let last = answer.found().flat_map(|found| found.kvs).last();
        match last {
            Some(last) => self.compact_log(mesh, unsigned(last.mod_revision)).await,
            None => Ok(()),
        }
    }

    /// Every key that begins so, page by page; what is written meanwhile may be in it or not.
    pub(super) async fn every(&self, prefix: &str, keys_only: bool) -> Result<Vec<KeyValue>> {
        let mut all = Vec::new();
        let mut next = RangeRequest {
            limit: request::PAGE,
            keys_only,
            ..request::under(prefix)
        };
        loop {
            let asked = request::reads(vec![request::range(next.clone())]);
            let Some(page) = self.client.txn("list", asked).await?.found().next() else {
                return Ok(all);
            };
            let more = page.more;
            all.extend(page.kvs);
            let Some(last) = all.last().filter(|_| more) else {
                return Ok(all);
            };
            next.key = [last.key.as_slice(), &[0]].concat();
        }
    }
}
