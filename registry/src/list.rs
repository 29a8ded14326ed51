//! Reading: one resource, those of a prefix by pages, the meshes.

use crate::error::Result;
use crate::registry::Registry;
use meshform_model::key::ResourceKey;
use meshform_store::{Feed, Prefix, Record, Revision, StoreError, Unreadable};

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after this resource, in the order of keys.
    pub after: Option<ResourceKey>,
    /// At most so many; `None` for all.
    pub limit: Option<usize>,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paged {
    /// The records, ordered by key.
    pub records: Vec<Record>,
    /// Where the next page goes on: [`Page::after`]. `None` at the end.
    pub next: Option<ResourceKey>,
    /// Records that are there but cannot be read, wherever in the list they would stand.
    pub unreadable: Vec<Unreadable>,
}

impl Registry {
    pub async fn get(&self, key: &ResourceKey) -> Result<Option<Record>> {
        Ok(self.store().get(key).await?)
    }

    /// The resources under a prefix. What is written between two pages is in the second where its key comes after the
    /// first.
    pub async fn list(&self, prefix: &Prefix, page: &Page) -> Result<Paged> {
        let listing = self.store().list(prefix).await?;
        let mut records = listing.records;
        if let Some(after) = &page.after {
            records.retain(|record| record.key > *after);
        }
        let limit = page.limit.unwrap_or(usize::MAX);
        let more = records.len() > limit;
        records.truncate(limit);
        Ok(Paged {
            next: records.last().filter(|_| more).map(|record| record.key.clone()),
            records,
            unreadable: listing.unreadable,
        })
    }

    /// The meshes themselves, without what is in them. A mesh of which only other resources are there is not among
    /// them.
    pub async fn list_meshes(&self, page: &Page) -> Result<Paged> {
        let after = page.after.as_ref().map(|key| key.mesh.as_str());
        let limit = page.limit.unwrap_or(usize::MAX);
        let mut paged = Paged::default();
        for name in self.store().meshes().await? {
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            if paged.records.len() == limit {
                paged.next = paged.records.last().map(|record| record.key.clone());
                break;
            }
            match self.store().get(&ResourceKey::mesh(&name)).await {
                Ok(record) => paged.records.extend(record),
                Err(StoreError::Damaged { detail, .. }) => paged.unreadable.push(Unreadable {
                    what: format!("mesh/{name}"),
                    why: detail,
                }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(paged)
    }

    /// Waits until something happens to a mesh after a revision, and tells what.
    pub async fn watch(&self, mesh: &str, after: Revision) -> Result<Feed> {
        Ok(self.store().watch(mesh, after).await?)
    }
}
