//! What happened to a mesh since a revision: how everything that keeps a mesh in memory follows the change feed.

use meshform_model::key::ResourceKey;
use meshform_store::{Action, ChangedRecords, Feed, Record, Result, Revision, Store};
use std::collections::BTreeMap;

/// How many changes are asked for at once: pages of a size that any store answers at once.
const STEP: usize = 500;

/// How often more may come while it is read. Beyond that others write faster than this process reads, and one listing
/// costs less than going on.
const ROUNDS: usize = 64;

/// What happened after a revision: the last change of each resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangesSince {
    /// Everything up to here is in it, and nothing of what came later.
    pub upto: Revision,
    /// What became of each resource.
    pub changed: BTreeMap<ResourceKey, ResourceChange>,
}

/// What became of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum ResourceChange {
    /// It has this content now.
    Written(Box<Record>),
    /// It is gone, by the write that made this revision.
    Deleted(Revision),
}

impl ResourceChange {
    /// The write that it comes from.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Written(record) => record.revision,
            Self::Deleted(revision) => *revision,
        }
    }
}

/// What happened to a mesh after a revision, up to now. None where that is not kept any more, or others write faster
/// than it is read: then the mesh is listed anew.
pub async fn since(store: &dyn Store, mesh: &str, after: Revision) -> Result<Option<ChangesSince>> {
    let mut since = ChangesSince {
        upto: after,
        ..ChangesSince::default()
    };
    // What was read before its turn: a record is as it is now, which may be later than the feed that named it.
    let mut ahead = Revision::default();
    let mut unread: BTreeMap<ResourceKey, Revision> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let ChangedRecords { feed, records } = store.changed_records(mesh, since.upto, STEP).await?;
        let Feed::Changes { changes, head } = feed else {
            return Ok(None);
        };
        // A revision that changed no resource (a compaction) has no entry.
        since.upto = since
            .upto
            .max(changes.last().map_or(head, |change| change.revision));
        for change in changes {
            match change.action {
                Action::Put => drop(unread.insert(change.key, change.revision)),
                Action::Delete => since.put(change.key, ResourceChange::Deleted(change.revision)),
            }
        }
        for record in records {
            ahead = ahead.max(record.revision);
            since.put(record.key.clone(), ResourceChange::Written(Box::new(record)));
        }
        unread.retain(|key, written| {
            let known = since.changed.get(key);
            known.is_none_or(|known| known.revision() < *written)
        });
        if since.upto >= head.max(ahead) && unread.is_empty() {
            return Ok(Some(since));
        }
    }
    Ok(None)
}

impl ChangesSince {
    /// Notes what became of a resource, unless something later is known.
    fn put(&mut self, key: ResourceKey, changed: ResourceChange) {
        let known = self.changed.get(&key).map(ResourceChange::revision);
        if known.is_none_or(|known| known < changed.revision()) {
            self.changed.insert(key, changed);
        }
    }
}
