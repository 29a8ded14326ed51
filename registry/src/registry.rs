//! Creating and changing resources.

use crate::error::{RegistryError, Result};
use crate::merge;
use crate::owners::belongs_to;
use crate::policy::Policy;
use crate::view::Views;
use meshform_model::key::ResourceKey;
use meshform_model::resource::Resource;
use meshform_store::{Author, Conflict, Created, Expected, Record, RecordDraft, Revision, Store, StoreError};
use serde_json::Value;
use std::sync::Arc;

/// A store's resources, and what this process knows of them.
#[derive(Debug)]
pub struct Registry {
    store: Arc<dyn Store>,
    views: Arc<Views>,
}

/// A change of a resource that is there.
#[derive(Debug)]
pub struct Update<F> {
    /// What it is to be.
    pub draft: RecordDraft,
    /// The revision that the writer has seen; `None` for whatever is there now.
    pub seen: Option<Revision>,
    /// The body at that revision, asked for only where another run of the same owner has written since: what the two
    /// changed in different fields is merged. `None` where it is not known.
    pub base: F,
}

impl Registry {
    /// The resources of a store. Nothing is read yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            views: Arc::new(Views::new(Arc::clone(&store))),
            store,
        }
    }

    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The meshes as this process last saw them, for whoever else in it needs them.
    pub fn views(&self) -> &Arc<Views> {
        &self.views
    }

    /// What a resource is in, or would be in; none for a mesh. By a policy that wants it there first, it is an error
    /// where it is not: whoever creates or lists asks before anything else.
    pub async fn container(&self, key: &ResourceKey, policy: &Policy) -> Result<Option<Record>> {
        let Some(container) = key.container() else {
            return Ok(None);
        };
        match self.store.get(&container).await? {
            None if policy.container_first => Err(RegistryError::NoContainer {
                key: key.clone(),
                container,
            }),
            found => Ok(found),
        }
    }

    /// Creates a resource. What is there already is a conflict, unless it is the same and this owner's own run wrote
    /// it before it was killed, so that nobody learned of it.
    pub async fn create(&self, draft: RecordDraft, author: &Author) -> Result<Created> {
        self.refuse_ids(&draft).await?;
        let created = meshform_store::create(&*self.store, draft, author).await?;
        match &created {
            Created::New(record) | Created::Adopted(record) => self.views.wrote(record).await,
        }
        Ok(created)
    }

    /// Changes a resource. What another run of the same owner changed since it was seen stays, where it is something
    /// else; where it is the same field, and where another owner has written, nothing is written.
    pub async fn update<F>(&self, update: Update<F>, author: &Author, policy: &Policy) -> Result<Record>
    where
        F: FnOnce() -> Option<Value>,
    {
        let Update {
            mut draft,
            seen,
            base,
        } = update;
        self.refuse_ids(&draft).await?;
        let mut base = Some(base);
        let mut known = None;
        let mut expected = match seen {
            Some(revision) if policy.ignored_tags.is_empty() => revision,
            seen => {
                let found = self.store.get(&draft.key).await?;
                if let Some(found) = &found {
                    policy.ignored_tags.keep(&mut draft.body, found);
                }
                match (seen, found) {
                    (Some(revision), _) => revision,
                    (None, Some(found)) => found.revision,
                    (None, None) => return Err(self.absent(&draft)),
                }
            }
        };
        loop {
            let written = self
                .store
                .put(draft.clone(), Expected::At(expected), author)
                .await;
            let conflict = match written {
                Ok(record) => {
                    self.views.wrote(&record).await;
                    return Ok(record);
                }
                Err(StoreError::Conflict(conflict)) => conflict,
                Err(error) => return Err(error.into()),
            };
            let found = match &conflict.found {
                Some(found) if belongs_to(found, &author.owner) && found.revision != expected => found,
                _ => return Err(StoreError::Conflict(conflict).into()),
            };
            let before = match known.take() {
                Some(body) => Some(body),
                None => base.take().and_then(|base| base()).map(|mut body| {
                    policy.ignored_tags.keep(&mut body, found);
                    body
                }),
            };
            let Some(before) = before else {
                return Err(StoreError::Conflict(conflict).into());
            };
            match merge::merge(&before, &draft.body, &found.body) {
                Ok(merged) => draft.body = merged,
                Err(fields) => return Err(RegistryError::BothChanged { conflict, fields }),
            }
            expected = found.revision;
            known = Some(found.body.clone());
        }
    }

    /// A resource that names others by their ids would never find them.
    async fn refuse_ids(&self, draft: &RecordDraft) -> Result<()> {
        // What cannot be read is told by whoever reads it.
        let Ok(resource) = Resource::from_body(draft.key.clone(), &draft.body) else {
            return Ok(());
        };
        let problems = self.views.misnamed(&resource).await?;
        match problems.is_empty() {
            true => Ok(()),
            false => Err(RegistryError::Misnamed(problems)),
        }
    }

    fn absent(&self, draft: &RecordDraft) -> RegistryError {
        StoreError::Conflict(Box::new(Conflict {
            key: draft.key.clone(),
            expected: Expected::At(Revision::default()),
            found: None,
            deleted_by: None,
        }))
        .into()
    }
}
