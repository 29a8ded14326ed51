//! Taking over a resource that lived elsewhere: with its identity, and never over something else.

use crate::error::Result;
use crate::registry::Registry;
use meshform_store::{Author, Record, RecordDraft};
use serde_json::{Map, Value};

/// How a resource that is to be taken over stands to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum AdoptionState {
    /// Nothing of its name is there.
    Absent,
    Same(Record),
    /// A different resource has that name.
    Different(Record),
}

/// What became of a resource that was to be taken over.
#[derive(Debug, Clone, PartialEq)]
pub enum Adoption {
    Adopted(Record),
    /// The same was there already.
    Unchanged(Record),
    /// Something else is there, and stays.
    Different(Record),
}

impl Registry {
    /// How a resource stands to the store. Writes nothing.
    pub async fn standing(&self, draft: &RecordDraft) -> Result<AdoptionState> {
        Ok(match self.get(&draft.key).await? {
            None => AdoptionState::Absent,
            Some(record) if is_same(&record.body, &draft.body) => AdoptionState::Same(record),
            Some(record) => AdoptionState::Different(record),
        })
    }

    /// Writes a resource with what it brings with it, unless something of its name is there.
    pub async fn adopt(&self, draft: RecordDraft, author: &Author) -> Result<Adoption> {
        Ok(match self.standing(&draft).await? {
            AdoptionState::Absent => Adoption::Adopted(self.create(draft, author).await?.record()),
            AdoptionState::Same(record) => Adoption::Unchanged(record),
            AdoptionState::Different(record) => Adoption::Different(record),
        })
    }
}

/// Whether two bodies say the same; null and empty parts say nothing.
pub fn is_same(one: &Value, other: &Value) -> bool {
    let part = |body: &Value, name: &str| {
        let empty = |value: &Value| {
            value.is_null()
                || value.as_object().is_some_and(Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty)
        };
        body.get(name).filter(|value| !empty(value)).cloned()
    };
    ["spec", "tags", "extensions"]
        .into_iter()
        .all(|name| part(one, name) == part(other, name))
}
