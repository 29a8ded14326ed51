//! The log of one mesh, and what follows from it.

use super::CONCURRENCY;
use crate::change::{Action, Change, Feed};
use crate::error::Result;
use crate::record::{Author, Record, Revision};
use crate::seal;
use crate::storage::{Objects, number, numbered, numbered_name};
use crate::time::Timestamp;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use meshform_model::key::ResourceKey;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// So many writes after the last one there is a new snapshot. A reader that knows nothing reads one and at most as many
/// entries, side by side; a snapshot has every record of the mesh.
const SNAPSHOT_EVERY: u64 = 128;

/// So many entries of the feed are at hand. A follower that is further behind lists the mesh anew, which costs it no
/// more.
const FEED: usize = 2000;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogEntry {
    /// Tells this write from every other, so that one that was sent twice is recognised.
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) what: Operation,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Operation {
    Put(Box<Record>),
    Delete {
        key: ResourceKey,
        author: Author,
    },
    /// The feed up to this revision is forgotten.
    Compact(Revision),
}

/// A mesh as far as its log was read.
#[derive(Debug)]
pub(super) struct MeshLog {
    folder: String,
    read: u64,
    pub(super) records: BTreeMap<ResourceKey, Record>,
    feed: VecDeque<Change>,
    oldest: Revision,
    /// When the last look began that saw everything there was.
    seen: Option<Instant>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    records: Vec<Record>,
}

impl MeshLog {
    pub(super) fn new(folder: String) -> Self {
        Self {
            folder,
            read: 0,
            records: BTreeMap::new(),
            feed: VecDeque::new(),
            oldest: Revision(0),
            seen: None,
        }
    }

    /// Whether anything was read yet.
    pub(super) fn is_read(&self) -> bool {
        self.read > 0
    }

    /// Whether every write is known that was acknowledged before then.
    pub(super) fn is_read_since(&self, then: Instant) -> bool {
        self.seen.is_some_and(|seen| seen >= then)
    }

    pub(super) fn head(&self) -> Revision {
        Revision(self.read)
    }

    pub(super) fn next(&self) -> Revision {
        Revision(self.read + 1)
    }

    /// Reads the log entries since the last read.
    pub(super) async fn refresh(&mut self, objects: &Objects) -> Result<()> {
        let begun = Instant::now();
        self.follow(objects).await?;
        self.seen = Some(begun);
        Ok(())
    }

    async fn follow(&mut self, objects: &Objects) -> Result<()> {
        if self.read == 0 {
            self.load_snapshot(objects).await?;
        }
        let folder = self.entries();
        let after = (self.read > 0).then(|| numbered_name(self.read));
        let found = objects.list(&folder, after.as_deref()).await?;
        let Some(last) = found.iter().rev().find_map(|object| number(&object.name)) else {
            return Ok(());
        };
        // By number, not by what was listed: a listing of a directory may miss what was added meanwhile, but
        // never has a number without all before it.
        let reads = (self.read + 1..=last).map(|number| {
            let name = numbered(&folder, number);
            async move {
                let entry = objects.read::<LogEntry>(&name).await?;
                entry.ok_or_else(|| objects.damaged(&name, "it is missing, later ones are there".to_owned()))
            }
        });
        let entries: Vec<LogEntry> = stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
        for entry in entries {
            self.apply(entry);
        }
        Ok(())
    }

    /// Writes the next entry, unless somebody else has.
    pub(super) async fn append(&mut self, objects: &Objects, entry: LogEntry) -> Result<bool> {
        let begun = Instant::now();
        let name = numbered(&self.entries(), self.read + 1);
        if !objects.create(&name, &entry).await? {
            // Where an answer was lost and the request was sent again, what is there is our own.
            let there: Option<LogEntry> = objects.read(&name).await?;
            if there.is_none_or(|there| there.id != entry.id) {
                return Ok(false);
            }
        }
        self.apply(entry);
        // The number was free, so there is nothing after it.
        self.seen = Some(begun);
        if self.read.is_multiple_of(SNAPSHOT_EVERY) {
            let name = numbered(&self.snapshots(), self.read);
            let records = self.records.values().cloned().collect();
            if let Err(error) = objects.create(&name, &Snapshot { records }).await {
                // It only saves time; the write itself is done.
                tracing::warn!(%error, "a snapshot was not written");
            }
        }
        Ok(true)
    }

    pub(super) fn feed(&self, after: Revision, limit: usize) -> Feed {
        if after < self.oldest {
            return Feed::Compacted { oldest: self.oldest };
        }
        let new = self.feed.iter().filter(|change| change.revision > after);
        Feed::Changes {
            changes: new.take(limit).cloned().collect(),
            head: self.head(),
        }
    }

    pub(super) fn last_change(&self, key: &ResourceKey) -> Option<Change> {
        self.feed.iter().rev().find(|change| change.key == *key).cloned()
    }

    /// What was written last, there or not.
    pub(super) fn written_last(&self) -> Option<&ResourceKey> {
        self.feed.back().map(|change| &change.key)
    }

    async fn load_snapshot(&mut self, objects: &Objects) -> Result<()> {
        let folder = self.snapshots();
        let Some(last) = objects.last(&folder).await? else {
            return Ok(());
        };
        if let Some(snapshot) = objects.read::<Snapshot>(&numbered(&folder, last)).await? {
            self.read = last;
            self.oldest = Revision(last);
            self.records = snapshot
                .records
                .into_iter()
                .map(|record| (record.key.clone(), record))
                .collect();
        }
        Ok(())
    }

    fn apply(&mut self, entry: LogEntry) {
        self.read += 1;
        let revision = Revision(self.read);
        let LogEntry { at, what, .. } = entry;
        let (key, action, author) = match what {
            Operation::Compact(upto) => {
                self.oldest = self.oldest.max(upto);
                self.feed.retain(|change| change.revision > upto);
                return;
            }
            Operation::Put(record) => {
                let (key, author) = (record.key.clone(), record.author.clone());
                self.records.insert(key.clone(), *record);
                (key, Action::Put, author)
            }
            Operation::Delete { key, author } => {
                self.records.remove(&key);
                (key, Action::Delete, author)
            }
        };
        self.feed.push_back(Change {
            revision,
            key,
            action,
            author,
            at,
        });
        while self.feed.len() > FEED
            && let Some(dropped) = self.feed.pop_front()
        {
            self.oldest = dropped.revision;
        }
    }

    fn entries(&self) -> String {
        format!("m/{}/records", self.folder)
    }

    fn snapshots(&self) -> String {
        format!("m/{}/snapshots", self.folder)
    }
}

/// What [`crate::fuzzing::log`] calls: entries and snapshots of any bytes are read or refused, and come back as they
/// were written.
pub(crate) fn fuzzed(bytes: &[u8]) -> std::result::Result<(), String> {
    fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
        seal::is_intact(bytes).then(|| serde_json::from_slice(bytes).ok())?
    }
    fn again<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> std::result::Result<T, String> {
        let text = serde_json::to_vec(value).map_err(|error| error.to_string())?;
        let sealed = seal::seal(text.clone());
        let back: T =
            read(&sealed).ok_or_else(|| format!("not read: {}", String::from_utf8_lossy(&sealed)))?;
        match serde_json::to_vec(&back) {
            Ok(again) if again == text => Ok(back),
            other => Err(format!(
                "{} came back as {other:?}",
                String::from_utf8_lossy(&text)
            )),
        }
    }
    if let Some(snapshot) = read::<Snapshot>(bytes) {
        again(&snapshot)?;
    }
    if let Some(entry) = read::<LogEntry>(bytes) {
        let entry = again(&entry)?;
        let mut log = MeshLog::new("apps".to_owned());
        log.apply(entry.clone());
        log.apply(entry);
        if log.head() != Revision(2) {
            return Err(format!("two writes make revision 2, not {}", log.head()));
        }
        // Whatever it says, the feed can be asked.
        let _ = log.feed(Revision(0), 10);
    }
    Ok(())
}
