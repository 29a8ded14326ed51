//! What a write makes of a record: the same in every backend.

use crate::change::Change;
use crate::error::{Conflict, Result, StoreError};
use crate::identity::Seed;
use crate::record::{Author, Expected, Record, RecordDraft, RecordIdentity, Revision};
use crate::time::Timestamp;
use meshform_model::key::ResourceKey;

/// What the store adds to a draft.
#[derive(Debug)]
pub(crate) struct Stamp<'a> {
    pub(crate) seed: &'a Seed,
    /// For a resource that is new.
    pub(crate) uid: String,
    pub(crate) now: Timestamp,
    pub(crate) revision: Revision,
    pub(crate) author: Author,
}

/// The record that a draft becomes, in place of `found`.
pub(crate) fn next(draft: RecordDraft, found: Option<&Record>, stamp: Stamp<'_>) -> Record {
    let RecordDraft {
        key,
        body,
        imported,
        request,
    } = draft;
    let Stamp {
        seed,
        uid,
        now,
        revision,
        author,
    } = stamp;
    let known = found.map(|found| &found.identity);
    let account = || seed.account().to_owned();
    let resource_owner = imported
        .resource_owner
        .or_else(|| known.map(|known| known.resource_owner.clone()))
        .unwrap_or_else(account);
    Record {
        body,
        identity: RecordIdentity {
            arn: imported
                .arn
                .or_else(|| known.map(|known| known.arn.clone()))
                .unwrap_or_else(|| seed.arn(&resource_owner, &key)),
            uid: imported
                .uid
                .or_else(|| known.map(|known| known.uid.clone()))
                .unwrap_or(uid),
            mesh_owner: imported
                .mesh_owner
                .or_else(|| known.map(|known| known.mesh_owner.clone()))
                .unwrap_or_else(account),
            resource_owner,
        },
        version: imported
            .version
            .unwrap_or_else(|| found.map_or(1, |found| found.version + 1)),
        revision,
        author,
        created_at: imported
            .created_at
            .unwrap_or_else(|| found.map_or(now, |found| found.created_at)),
        last_updated_at: imported.last_updated_at.unwrap_or(now),
        request,
        key,
    }
}

impl RecordDraft {
    /// The record that writing this makes where nothing is there yet, as far as that is certain: its uid, revision
    /// and times are not. For telling what a write will lead to.
    pub fn foreseen(self, seed: &Seed, author: &Author) -> Record {
        let stamp = Stamp {
            seed,
            uid: String::new(),
            now: Timestamp(0),
            revision: Revision::default(),
            author: author.clone(),
        };
        next(self, None, stamp)
    }
}

/// Whether what is there is what the writer expects. `deleted_by` is asked where nothing is there.
pub(crate) fn check(
    key: &ResourceKey,
    expected: Expected,
    found: Option<&Record>,
    deleted_by: impl FnOnce() -> Result<Option<Change>>,
) -> Result<()> {
    match (found, expected) {
        (None, Expected::Absent) => return Ok(()),
        (Some(record), Expected::At(revision)) if record.revision == revision => return Ok(()),
        _ => {}
    }
    let deleted_by = match found {
        Some(_) => None,
        None => deleted_by()?,
    };
    Err(StoreError::Conflict(Box::new(Conflict {
        key: key.clone(),
        expected,
        found: found.cloned(),
        deleted_by,
    })))
}
