//! What is built on the contract alone, the same for every backend.

use crate::contract::{RunState, Store};
use crate::error::{Result, StoreError};
use crate::identity::StoreIdentity;
use crate::record::{Author, Expected, Record, RecordDraft};

/// How a create ended well.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    New(Record),
    /// The same was there, written by a run of the same owner that died before it could say so.
    Adopted(Record),
}

impl Created {
    /// The record as it is now.
    pub fn record(self) -> Record {
        match self {
            Self::New(record) | Self::Adopted(record) => record,
        }
    }
}

/// Creates a record. What is there already is a conflict, with one exception: an equal record that this owner's
/// own run wrote before it was killed. That run could not report it, so the same create comes again.
pub async fn create(store: &dyn Store, draft: RecordDraft, author: &Author) -> Result<Created> {
    let error = match store.put(draft.clone(), Expected::Absent, author).await {
        Ok(record) => return Ok(Created::New(record)),
        Err(error) => error,
    };
    let StoreError::Conflict(conflict) = &error else {
        return Err(error);
    };
    let Some(found) = &conflict.found else {
        return Err(error);
    };
    let Some(run) = &found.author.run else {
        return Err(error);
    };
    let same = found.body == draft.body && found.author.owner == author.owner;
    if !same || store.run_outcome(run).await? != RunState::Dead {
        return Err(error);
    }
    // Written once more, so that the record belongs to a living run: a second create of it is a conflict.
    let adopted = store.put(draft, Expected::At(found.revision), author).await?;
    Ok(Created::Adopted(adopted))
}

/// Makes sure that the store is the one that was used before, whose id somebody (Terraform's private state)
/// has kept. A lost store must never look like one from which everything was deleted.
pub async fn expect_identity(store: &dyn Store, id: &str) -> Result<StoreIdentity> {
    match store.identity().await? {
        Some(identity) if identity.id == id => Ok(identity),
        other => Err(StoreError::Other {
            place: store.place(),
            expected: id.to_owned(),
            found: other.map(|identity| identity.id),
        }),
    }
}
