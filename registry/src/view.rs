//! Who refers to whom and what is inside what, kept up to date by the store's change feed.
//!
//! A destroy of many resources asks before each delete. Listing the mesh each time would make the whole quadratic;
//! following the feed costs what has changed.

use crate::codes;
use crate::error::Hold;
use crate::follow::{self, Since};
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{Reference, Role, references};
use meshform_model::pointer::Pointer;
use meshform_model::resource::Resource;
use meshform_model::rules;
use meshform_model::validate::closest;
use meshform_store::{Action, Prefix, Record, Result, Revision, Store};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The meshes that were looked at.
#[derive(Debug)]
pub struct Views {
    store: Arc<dyn Store>,
    meshes: Mutex<BTreeMap<String, View>>,
}

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
#[derive(Debug)]
struct Entry {
    owner: String,
    /// Who wrote it last.
    actor: String,
    /// Its id, which some take for its name.
    uid: String,
    /// Which write made it so.
    revision: Revision,
    /// What it refers to.
    references: Vec<Reference>,
}

impl Views {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            meshes: Mutex::default(),
        }
    }

    /// What is inside a resource now: everything of a mesh, the routes of a router or gateway.
    pub async fn inside(&self, key: &ResourceKey) -> Result<Vec<Hold>> {
        self.with(&key.mesh, None, |view| view.inside(key)).await
    }

    /// Who refers to a resource without being inside it, as of the last look.
    pub async fn named_by(&self, key: &ResourceKey) -> Vec<Hold> {
        let meshes = self.meshes.lock().await;
        let view = meshes.get(&key.mesh);
        let holds = view.into_iter().flat_map(|view| view.holds(key));
        holds
            .filter(|hold| hold.reference.role != Role::Container)
            .collect()
    }

    /// Remembers what this process wrote, so that it need not be read again.
    pub async fn wrote(&self, record: &Record) {
        if let Some(view) = self.meshes.lock().await.get_mut(&record.key.mesh)
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

    /// What a resource of the store names and the store does not have, as of now, or as of a revision at least. What
    /// there is to say of each, [`dangling`] says.
    pub async fn missing(&self, key: &ResourceKey, since: Option<Revision>) -> Result<Vec<Missing>> {
        self.with(&key.mesh, since, |view| view.missing(key)).await
    }

    /// Whether a resource is there, as of a revision at least.
    pub async fn holds(&self, key: &ResourceKey, since: Option<Revision>) -> Result<bool> {
        self.with(&key.mesh, since, |view| view.entries.contains_key(key))
            .await
    }

    /// Where a resource gives the ids of others in the place of their names: nothing would ever be found by them.
    pub async fn misnamed(&self, resource: &Resource) -> Result<Vec<Diagnostic>> {
        let mut references = references(resource);
        references.retain(|reference| rules::looks_like_id(&reference.to.name));
        if references.is_empty() {
            return Ok(Vec::new());
        }
        self.with(&resource.key.mesh, None, |view| {
            references.iter().filter_map(|one| view.misnamed(one)).collect()
        })
        .await
    }

    /// Who wrote the resources of a mesh, each with how many.
    pub async fn owners(&self, mesh: &str) -> Result<BTreeMap<String, usize>> {
        self.with(mesh, Some(Revision(1)), |view| {
            let mut owners = BTreeMap::new();
            for entry in view.entries.values() {
                *owners.entry(entry.owner.clone()).or_default() += 1;
            }
            owners
        })
        .await
    }

    /// Who wrote a resource last: owner and actor.
    pub async fn owner_of(&self, key: &ResourceKey) -> Result<Option<(String, String)>> {
        self.with(&key.mesh, Some(Revision(1)), |view| {
            let entry = view.entries.get(key)?;
            Some((entry.owner.clone(), entry.actor.clone()))
        })
        .await
    }

    /// The name of a resource of the same kind that is nearly the one that is not there.
    pub async fn near(&self, key: &ResourceKey) -> Result<Option<String>> {
        self.with(&key.mesh, Some(Revision(1)), |view| view.near(key))
            .await
    }

    async fn with<T>(&self, mesh: &str, since: Option<Revision>, look: impl FnOnce(&View) -> T) -> Result<T> {
        let mut meshes = self.meshes.lock().await;
        let view = meshes.entry(mesh.to_owned()).or_default();
        if since.is_none_or(|since| view.upto < since) {
            view.follow(&*self.store, mesh).await?;
        }
        Ok(look(view))
    }
}

impl View {
    async fn follow(&mut self, store: &dyn Store, mesh: &str) -> Result<()> {
        if self.upto == Revision::default() {
            return self.load(store, mesh).await;
        }
        match follow::since(store, mesh, self.upto).await? {
            Some(since) => self.take_up(store, since).await,
            None => self.load(store, mesh).await,
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
    async fn take_up(&mut self, store: &dyn Store, since: Since) -> Result<()> {
        let mut unread = Vec::new();
        for (key, (action, revision)) in since.changed {
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
        self.upto = self.upto.max(since.upto);
        self.catch_up();
        Ok(())
    }

    fn inside(&self, key: &ResourceKey) -> Vec<Hold> {
        if key.kind == Kind::Mesh {
            let others = self.entries.iter().filter(|(other, _)| *other != key);
            return others
                .map(|(other, entry)| entry.hold(contained(other, key)))
                .collect();
        }
        let holds = self.holds(key);
        holds
            .filter(|hold| hold.reference.role == Role::Container)
            .collect()
    }

    /// Everything that refers to a resource.
    fn holds<'v>(&'v self, key: &ResourceKey) -> impl Iterator<Item = Hold> + use<'v> {
        let found = self.referrers.get(key).into_iter().flatten();
        found.filter_map(|one| Some(self.entries.get(&one.from)?.hold(one.clone())))
    }

    /// What a resource names and is not there.
    fn missing(&self, key: &ResourceKey) -> Vec<Missing> {
        let entry = self.entries.get(key).into_iter();
        let references = entry.flat_map(|entry| &entry.references);
        let missing = references.filter(|reference| !self.entries.contains_key(&reference.to));
        let missing = missing.map(|reference| Missing {
            near: self.near(&reference.to),
            reference: reference.clone(),
        });
        missing.collect()
    }

    fn near(&self, key: &ResourceKey) -> Option<String> {
        let of_kind = self.entries.keys();
        let of_kind = of_kind.filter(|other| other.kind == key.kind && other.parent == key.parent);
        let names: Vec<&str> = of_kind
            .map(|other| other.name.as_str())
            .take(MAX_SUGGESTIONS)
            .collect();
        closest(&key.name, &names).map(str::to_owned)
    }

    fn misnamed(&self, reference: &Reference) -> Option<Diagnostic> {
        let Reference {
            from, to, pointer, ..
        } = reference;
        let (meant, _) = self
            .entries
            .iter()
            .find(|(key, entry)| key.kind == to.kind && entry.uid == to.name)?;
        let problem = Diagnostic::error(
            meshform_model::codes::NOT_A_NAME,
            format!(
                "`{}` is the id of {} `{}`, where a name belongs",
                to.name, to.kind, meant.name
            ),
        );
        let help = format!("use its name: `{}`", meant.name);
        Some(problem.help(help).at(Place::of(from, pointer)))
    }

    async fn load(&mut self, store: &dyn Store, mesh: &str) -> Result<()> {
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
            owner: record.author.owner.clone(),
            actor: record.author.actor.clone(),
            uid: record.identity.uid.clone(),
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

impl Entry {
    fn hold(&self, reference: Reference) -> Hold {
        Hold {
            reference,
            owner: self.owner.clone(),
            actor: self.actor.clone(),
        }
    }
}

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Who names what, in which field.
    pub reference: Reference,
    /// A name that is there and nearly the same.
    pub near: Option<String>,
}

/// The warning that a resource names what is not there.
pub fn dangling(missing: &Missing) -> Diagnostic {
    let Reference {
        from, to, pointer, ..
    } = &missing.reference;
    let near = match &missing.near {
        Some(near) => format!("did you mean `{near}`? "),
        None => String::new(),
    };
    Diagnostic::warning(
        codes::DANGLING,
        format!("{from} names {to}, which does not exist yet"),
    )
    .help(format!(
        "{near}until it is written the mesh is not valid, and running proxies keep their last release"
    ))
    .at(Place::of(from, pointer))
}

/// Among how many names the one that was meant is looked for.
const MAX_SUGGESTIONS: usize = 500;

/// That a resource is inside another, however deep.
fn contained(from: &ResourceKey, to: &ResourceKey) -> Reference {
    Reference {
        from: from.clone(),
        pointer: Pointer::root(),
        to: to.clone(),
        role: Role::Container,
    }
}

/// What a record refers to. A record that does not fit the model refers to nothing: the release reports it.
fn of_record(record: &Record) -> Vec<Reference> {
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
        store: Arc<dyn Store>,
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
            let store: Arc<dyn Store> = Arc::new(store);
            let bench = Self {
                _directory: directory,
                views: Views::new(Arc::clone(&store)),
                store,
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
            let found = self.views.inside(&mesh).await.unwrap();
            found.into_iter().map(|hold| hold.reference.from.name).collect()
        }

        async fn upto(&self) -> u64 {
            self.views.meshes.lock().await["apps"].upto.0
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
        let warned = |since| bench.views.missing(&ours.key, since);
        let found = warned(Some(ours.revision)).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
        bench.delete(&theirs).await;
        let found = warned(Some(ours.revision)).await.unwrap();
        assert!(found.is_empty(), "as of the write it was there: {found:?}");
        assert_eq!(warned(None).await.unwrap().len(), 1);
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
