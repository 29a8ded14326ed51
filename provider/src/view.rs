//! Who refers to whom and what is inside what, kept up to date by the store's change feed.
//!
//! A destroy of many resources asks before each delete. Listing the mesh each time would make the whole quadratic;
//! following the feed costs what has changed.

use crate::{codes, problem, session};
use meshform_model::diag::{Diagnostic as Problem, Place};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{Reference, Role, references};
use meshform_model::resource::Resource;
use meshform_store::{Action, Change, Feed, Prefix, Record, Revision, Store, StoreError};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use tfplugin::Diagnostics;

/// How many changes are asked for at once.
const STEP: usize = 500;

/// The meshes that were looked at.
#[derive(Debug, Default)]
pub(crate) struct Views(tokio::sync::Mutex<BTreeMap<String, View>>);

/// One mesh as of a revision.
#[derive(Debug, Default)]
struct View {
    upto: Revision,
    /// What this process wrote after that, where others have written in between, or may have.
    ahead: BTreeSet<Revision>,
    entries: BTreeMap<ResourceKey, Entry>,
    /// Who refers to a resource, by what it refers to.
    referrers: BTreeMap<ResourceKey, Vec<Reference>>,
}

/// What is known of a record.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Which.
    pub(crate) key: ResourceKey,
    /// Its owner.
    pub(crate) owner: String,
    /// Who wrote it last.
    pub(crate) actor: String,
    /// Which write made it so.
    revision: Revision,
    /// What it refers to.
    references: Vec<Reference>,
}

impl Views {
    /// The records inside a resource: a mesh's, a router's, a gateway's.
    pub(crate) async fn inside(
        &self,
        store: &dyn Store,
        key: &ResourceKey,
    ) -> Result<Vec<Entry>, Diagnostics> {
        self.with(store, key, None, |view| {
            if key.kind == Kind::Mesh {
                return view
                    .entries
                    .values()
                    .filter(|entry| entry.key != *key)
                    .cloned()
                    .collect();
            }
            let found = view.referrers.get(key).into_iter().flatten();
            let inside = found.filter(|reference| reference.role == Role::Container);
            inside
                .filter_map(|one| view.entries.get(&one.from).cloned())
                .collect()
        })
        .await
    }

    /// The references to a resource, each with the record that it is in, as of the last look.
    pub(crate) async fn referrers(&self, key: &ResourceKey) -> Vec<(Reference, Entry)> {
        let views = self.0.lock().await;
        let Some(view) = views.get(&key.mesh) else {
            return Vec::new();
        };
        let found = view.referrers.get(key).into_iter().flatten();
        found
            .filter_map(|one| Some((one.clone(), view.entries.get(&one.from)?.clone())))
            .collect()
    }

    /// Remembers what this process wrote, so that it need not be read again.
    pub(crate) async fn wrote(&self, record: &Record) {
        if let Some(view) = self.0.lock().await.get_mut(&record.key.mesh)
            && view.upto < record.revision
        {
            // Not in the place of what came later: writes of one resource may be told in another order.
            let known = view.entries.get(&record.key).map(|entry| entry.revision);
            if known.is_none_or(|known| known < record.revision) {
                view.forget(&record.key);
                view.add(record);
            }
            view.ahead.insert(record.revision);
            view.catch_up();
        }
    }

    /// What a resource of the store names and the store does not have: a warning each, with both ends. As of now, or
    /// as of a revision at least.
    pub(crate) async fn dangling(
        &self,
        store: &dyn Store,
        key: &ResourceKey,
        since: Option<Revision>,
    ) -> Result<Diagnostics, Diagnostics> {
        let missing = self
            .with(store, key, since, |view| {
                let references = view
                    .entries
                    .get(key)
                    .into_iter()
                    .flat_map(|entry| &entry.references);
                let missing = references.filter(|reference| !view.entries.contains_key(&reference.to));
                missing.cloned().collect::<Vec<_>>()
            })
            .await?;
        let mut found = Diagnostics::new();
        for reference in missing {
            let problem = Problem::warning(
                codes::DANGLING,
                format!(
                    "{} names {}, which does not exist yet",
                    reference.from, reference.to
                ),
            )
            .help("until it is written the mesh is not valid, and running proxies keep their last release")
            .at(Place::of(&reference.from, &reference.pointer));
            // Terraform folds warnings of one summary into the first: each missing resource has its own.
            let mut told = problem::of_resource(key.kind, &problem);
            let missing = problem::capital(&reference.to.to_string());
            told.summary = format!("{missing} does not exist yet ({})", codes::DANGLING);
            found.push(told);
        }
        Ok(found)
    }

    async fn with<T>(
        &self,
        store: &dyn Store,
        key: &ResourceKey,
        since: Option<Revision>,
        look: impl FnOnce(&View) -> T,
    ) -> Result<T, Diagnostics> {
        let mut views = self.0.lock().await;
        let view = views.entry(key.mesh.clone()).or_default();
        if since.is_none_or(|since| view.upto < since) {
            view.follow(store, &key.mesh)
                .await
                .map_err(|error| session::failed(&error))?;
        }
        Ok(look(view))
    }
}

impl View {
    async fn follow(&mut self, store: &dyn Store, mesh: &str) -> Result<(), StoreError> {
        if self.upto == Revision::default() {
            return self.load(store, mesh).await;
        }
        loop {
            match store.changes(mesh, self.upto, STEP).await? {
                Feed::Changes { changes, head } => {
                    let Some(last) = changes.last().map(|change| change.revision) else {
                        return Ok(());
                    };
                    self.take_up(store, changes).await?;
                    self.upto = self.upto.max(last);
                    self.catch_up();
                    if self.upto >= head {
                        return Ok(());
                    }
                }
                Feed::Compacted { .. } => return self.load(store, mesh).await,
            }
        }
    }

    /// Goes on over what this process wrote itself, as far as no revision of others lies in between.
    fn catch_up(&mut self) {
        while let Some(next) = self.ahead.first().copied() {
            match next.0.cmp(&(self.upto.0 + 1)) {
                Ordering::Greater => return,
                Ordering::Equal => self.upto = next,
                Ordering::Less => {}
            }
            self.ahead.pop_first();
        }
    }

    /// Takes up what has happened, and reads only what is neither gone nor written by this process itself.
    async fn take_up(&mut self, store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
        let last: BTreeMap<ResourceKey, (Action, Revision)> = changes
            .into_iter()
            .map(|change| (change.key, (change.action, change.revision)))
            .collect();
        let mut unread = Vec::new();
        for (key, (action, revision)) in last {
            let known = self.entries.get(&key).map(|entry| entry.revision);
            if known.is_some_and(|known| known >= revision) {
                continue;
            }
            self.forget(&key);
            if action != Action::Delete {
                unread.push(key);
            }
        }
        if !unread.is_empty() {
            let found = store.get_all(&unread).await?;
            found.iter().for_each(|record| self.add(record));
        }
        Ok(())
    }

    async fn load(&mut self, store: &dyn Store, mesh: &str) -> Result<(), StoreError> {
        let listing = store.list(&Prefix::mesh(mesh)).await?;
        *self = Self {
            upto: listing.revision,
            ..Self::default()
        };
        listing.records.iter().for_each(|record| self.add(record));
        Ok(())
    }

    fn add(&mut self, record: &Record) {
        let references = of_record(record);
        let entry = Entry {
            key: record.key.clone(),
            owner: record.author.owner.clone(),
            actor: record.author.actor.clone(),
            revision: record.revision,
            references: references.clone(),
        };
        for reference in references {
            self.referrers
                .entry(reference.to.clone())
                .or_default()
                .push(reference);
        }
        self.entries.insert(record.key.clone(), entry);
    }

    fn forget(&mut self, key: &ResourceKey) {
        let entry = self.entries.remove(key);
        for reference in entry.into_iter().flat_map(|entry| entry.references) {
            if let Some(list) = self.referrers.get_mut(&reference.to) {
                list.retain(|reference| reference.from != *key);
            }
        }
    }
}

/// What a record refers to. A record that does not fit the model refers to nothing: the release reports it.
pub(crate) fn of_record(record: &Record) -> Vec<Reference> {
    Resource::from_body(record.key.clone(), &record.body)
        .map(|resource| references(&resource))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_store::{Author, Draft, Expected, SqliteOptions, SqliteStore};
    use serde_json::json;

    struct Bench {
        _directory: tempfile::TempDir,
        store: SqliteStore,
        views: Views,
    }

    fn node(name: &str) -> ResourceKey {
        ResourceKey::in_mesh("apps", Kind::VirtualNode, name)
    }

    impl Bench {
        /// A store with a mesh that was looked at.
        async fn new() -> Self {
            let directory = tempfile::TempDir::new().unwrap();
            let store = SqliteStore::open(SqliteOptions::new(directory.path().join("store"))).unwrap();
            let bench = Self {
                _directory: directory,
                store,
                views: Views::default(),
            };
            bench.put(&ResourceKey::mesh("apps"), "us").await;
            assert_eq!(bench.inside().await, Vec::<String>::new());
            bench
        }

        async fn put(&self, key: &ResourceKey, owner: &str) -> Record {
            let author = Author {
                owner: owner.to_owned(),
                actor: "test".to_owned(),
                run: None,
            };
            let body = json!({"spec": {"backends": [{"virtualService": {"virtualServiceName": "b.local"}}]}});
            let body = if key.kind == Kind::VirtualNode {
                body
            } else {
                json!({"spec": {}})
            };
            let draft = Draft::new(key.clone(), body);
            self.store.put(draft, Expected::Absent, &author).await.unwrap()
        }

        async fn delete(&self, record: &Record) {
            let gone = self.store.delete(&record.key, record.revision, &record.author);
            gone.await.unwrap();
        }

        async fn inside(&self) -> Vec<String> {
            let mesh = ResourceKey::mesh("apps");
            let found = self.views.inside(&self.store, &mesh).await.unwrap();
            found.into_iter().map(|entry| entry.key.name).collect()
        }

        async fn upto(&self) -> u64 {
            self.views.0.lock().await["apps"].upto.0
        }
    }

    #[tokio::test]
    async fn what_a_process_wrote_is_not_asked_for() {
        let bench = Bench::new().await;
        let first = bench.put(&node("a"), "us").await;
        bench.views.wrote(&first).await;
        assert_eq!(bench.upto().await, 2);
        // Told in another order than written.
        let (second, third) = (
            bench.put(&node("b"), "us").await,
            bench.put(&node("c"), "us").await,
        );
        bench.views.wrote(&third).await;
        assert_eq!(bench.upto().await, 2, "what came before is not known");
        bench.views.wrote(&second).await;
        assert_eq!(bench.upto().await, 4);
        assert_eq!(bench.inside().await, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn what_others_wrote_in_between_is_seen() {
        let bench = Bench::new().await;
        let service = ResourceKey::in_mesh("apps", Kind::VirtualService, "b.local");
        let theirs = bench.put(&service, "them").await;
        let ours = bench.put(&node("a"), "us").await;
        bench.views.wrote(&ours).await;
        let warned = |since| bench.views.dangling(&bench.store, &ours.key, since);
        let found = warned(Some(ours.revision)).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
        bench.delete(&theirs).await;
        let found = warned(Some(ours.revision)).await.unwrap();
        assert!(found.is_empty(), "as of the write it was there: {found:?}");
        assert_eq!(warned(None).await.unwrap().iter().count(), 1);
    }

    #[tokio::test]
    async fn what_was_deleted_and_written_again_is_there() {
        let bench = Bench::new().await;
        let first = bench.put(&node("a"), "us").await;
        bench.views.wrote(&first).await;
        bench.delete(&first).await;
        let second = bench.put(&node("a"), "us").await;
        bench.views.wrote(&second).await;
        bench.views.wrote(&first).await;
        assert_eq!(bench.inside().await, ["a"]);
        bench.delete(&second).await;
        assert_eq!(bench.inside().await, Vec::<String>::new());
    }
}
