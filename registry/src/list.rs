//! Reading: one resource, those of a collection by pages, the meshes.

use crate::collection::Collection;
use crate::error::Result;
use crate::records;
use crate::registry::Registry;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_store::{Feed, Record, Revision, StoreError, Unreadable};

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after this name, in the order of names.
    pub after: Option<String>,
    /// At most so many; `None` for all.
    pub limit: Option<usize>,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paged {
    /// The records, ordered by name.
    pub records: Vec<Record>,
    /// Where the next page goes on: [`Page::after`]. `None` at the end.
    pub next: Option<String>,
    /// What is said of records that are there and cannot be read: those of this page, and those of which nobody knows
    /// where in the list they would stand.
    pub unreadable: Vec<Diagnostic>,
}

impl Registry {
    pub async fn get(&self, key: &ResourceKey) -> Result<Option<Record>> {
        Ok(self.store().get(key).await?)
    }

    /// The resources of a collection. What is written between two pages is in the second where its name comes after the
    /// first.
    ///
    /// The names come from the mesh as this process follows it, so that a page reads its own records and no others,
    /// however many there are.
    pub async fn list(&self, of: Collection<'_>, page: &Page) -> Result<Paged> {
        let limit = page.limit.unwrap_or(usize::MAX);
        let found = self.views().names(of, page.after.as_deref(), limit).await?;
        let keys: Vec<ResourceKey> = found.names.iter().map(|name| of.key(name)).collect();
        let (records, damaged) = self.read(&keys).await?;
        let mut unreadable = found.unreadable;
        unreadable.extend(records::unreadable(of.mesh, &damaged));
        Ok(Paged {
            records,
            next: found.names.into_iter().next_back().filter(|_| found.more),
            unreadable,
        })
    }

    /// The records of these keys. One that cannot be read does not hide the others.
    async fn read(&self, keys: &[ResourceKey]) -> Result<(Vec<Record>, Vec<Unreadable>)> {
        match self.store().get_all(keys).await {
            Ok(records) => return Ok((records, Vec::new())),
            Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let (mut records, mut damaged) = (Vec::with_capacity(keys.len()), Vec::new());
        for key in keys {
            match self.store().get(key).await {
                Ok(record) => records.extend(record),
                Err(StoreError::Damaged { detail, .. }) => damaged.push(Unreadable {
                    what: key.path(),
                    why: detail,
                }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok((records, damaged))
    }

    /// The meshes themselves, without what is in them. A mesh of which only other resources are there is not among
    /// them.
    pub async fn list_meshes(&self, page: &Page) -> Result<Paged> {
        let limit = page.limit.unwrap_or(usize::MAX);
        let mut paged = Paged::default();
        for name in self.store().meshes().await? {
            if page.after.as_ref().is_some_and(|after| name <= *after) {
                continue;
            }
            if paged.records.len() == limit {
                paged.next = paged.records.last().map(|record| record.key.name.clone());
                break;
            }
            let (records, damaged) = self.read(&[ResourceKey::mesh(&name)]).await?;
            paged.records.extend(records);
            paged.unreadable.extend(records::unreadable(&name, &damaged));
        }
        Ok(paged)
    }

    /// Waits until something happens to a mesh after a revision, and tells what.
    pub async fn watch(&self, mesh: &str, after: Revision) -> Result<Feed> {
        Ok(self.store().watch(mesh, after).await?)
    }
}
