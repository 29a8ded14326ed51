//! Each mesh as this process last saw it, kept up to date by the store's change feed: who is inside what, who refers to
//! whom, and the typed mesh that releases are made of. There is one such view of a mesh in a process.
//!
//! A destroy of many resources asks before each delete, and an apply releases again and again. Listing the mesh each time
//! would make the whole quadratic; following the feed costs what has changed.
//!
//! Locks: the table of meshes is locked to find a view and never while the store is asked; a view is locked while it
//! follows, so that those who ask at the same time wait for one look instead of asking each for itself. Who gets a
//! [`Snapshot`] shares the mesh and holds no lock.

use crate::collection::Collection;
use crate::error::DeletionBlocker;
use crate::follow::{self, ChangesSince, ResourceChange};
use crate::records;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{self, Mesh, Reference, Role};
use meshform_model::pointer::Pointer;
use meshform_model::resource::Resource;
use meshform_model::rules;
use meshform_model::validate::{MAX_SUGGESTIONS, closest};
use meshform_store::{Prefix, Record, Result, Revision, Store, StoreError, Timestamp};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

mod missing;
mod written;

pub use missing::{Missing, dangling};
pub use written::LastWrite;

/// The meshes that were looked at.
#[derive(Debug)]
pub struct Views {
    store: Arc<dyn Store>,
    meshes: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<View>>>>,
}

/// A mesh of one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The id of the store that it is of; empty where there is none yet.
    pub store: String,
    /// Everything up to this revision is in it.
    pub revision: Revision,
    pub mesh: Arc<Mesh>,
    /// What is said of records that cannot be read, or are not of this mesh.
    pub problems: Vec<Diagnostic>,
    /// Those of the problems that belong to one record, which the mesh does not have.
    pub unfit: BTreeMap<ResourceKey, Diagnostic>,
}

/// A snapshot, and what may have become different since whoever asks has judged the mesh.
#[derive(Debug, Clone)]
pub struct FollowedSnapshot {
    pub snapshot: Snapshot,
    /// What to ask with next time.
    pub turn: ViewVersion,
    /// What changes since the turn that was asked with have reached. None where that is not known: everything.
    pub reached: Option<AffectedByChanges>,
}

/// A look at a mesh by whoever judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewVersion(u64);

/// What changes have reached; see [`ChangeEffects`](mesh::ChangeEffects).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AffectedByChanges {
    /// The resources of which the rules may say something else.
    pub subjects: BTreeSet<ResourceKey>,
    /// The proxies whose configuration may differ.
    pub proxies: BTreeSet<ResourceKey>,
}

/// A part of the names of a collection.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
    /// Whether there are names after these.
    pub(crate) more: bool,
    /// What is said of records of the mesh that cannot be read.
    pub(crate) unreadable: Vec<Diagnostic>,
}

/// One mesh as of a revision.
#[derive(Debug)]
struct View {
    name: String,
    /// The id of the store.
    store: String,
    upto: Revision,
    /// What this process wrote after that, where others have written in between, or may have.
    ahead: BTreeSet<Revision>,
    entries: BTreeMap<ResourceKey, RecordState>,
    /// Shared with snapshots: it is copied only where one of them is still in use when something changes.
    mesh: Arc<Mesh>,
    /// What the mesh has yet to take up. A snapshot that a release is being built from keeps the mesh from being changed
    /// in place, so it is only brought up to date for those who look at it.
    waiting: Vec<mesh::Change>,
    /// What is said of records that the store has and cannot read.
    unreadable: Vec<Diagnostic>,
    /// The last look by whoever judges the mesh.
    turn: ViewVersion,
    /// What changed since then; none where the mesh was listed anew, or nobody judges it.
    reached: Option<AffectedByChanges>,
}

/// What is known of a record beside the resource in it.
#[derive(Debug)]
struct RecordState {
    owner: String,
    actor: String,
    /// Its id, which some take for its name.
    uid: String,
    /// Which write made it so.
    revision: Revision,
    /// The how manieth write of it that was, and when.
    version: u64,
    at: Timestamp,
    /// Why the mesh does not have it.
    problem: Option<Box<Diagnostic>>,
}

impl Views {
    /// The meshes of a store. Nothing is read yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            meshes: Mutex::default(),
        }
    }

    /// A mesh as it is now.
    pub async fn snapshot(&self, mesh: &str) -> Result<Snapshot> {
        let view = self.of(mesh);
        let mut view = view.lock().await;
        view.follow_whole(&*self.store).await?;
        Ok(view.snapshot())
    }

    /// A mesh as it is now, and what changes have reached since a turn. It is meant for the one who judges the mesh in
    /// this process: whoever asks with another turn than the last one that was given is told of no changes, and judges
    /// everything.
    pub async fn followed(&self, mesh: &str, since: Option<ViewVersion>) -> Result<FollowedSnapshot> {
        let view = self.of(mesh);
        let mut view = view.lock().await;
        view.follow_whole(&*self.store).await?;
        let reached = view.reached.replace(AffectedByChanges::default());
        let reached = reached.filter(|_| since == Some(view.turn));
        view.turn.0 += 1;
        Ok(FollowedSnapshot {
            snapshot: view.snapshot(),
            turn: view.turn,
            reached,
        })
    }

    /// The names of a collection's resources that come after a name, ordered; at most so many.
    pub(crate) async fn names(&self, of: Collection<'_>, after: Option<&str>, limit: usize) -> Result<Names> {
        let view = self.of(of.mesh);
        let mut view = view.lock().await;
        // The mesh itself is not looked at, so it need not be brought up to date.
        match view.unreadable.is_empty() {
            true => view.catch_up_with(&*self.store).await?,
            false => view.load(&*self.store).await?,
        }
        Ok(view.names(of, after, limit))
    }

    /// What is inside a resource now: everything of a mesh, the routes of a router or gateway.
    pub async fn inside(&self, key: &ResourceKey) -> Result<Vec<DeletionBlocker>> {
        self.with(&key.mesh, None, |view| view.inside(key)).await
    }

    /// Who refers to a resource without being inside it, as of the last look.
    pub async fn named_by(&self, key: &ResourceKey) -> Vec<DeletionBlocker> {
        let view = self.of(&key.mesh);
        let mut view = view.lock().await;
        view.settle();
        let holds = view.holds(key);
        holds
            .filter(|hold| hold.reference.role != Role::Container)
            .collect()
    }

    /// Remembers what this process wrote, so that it need not be read again. A mesh that was never looked at is not
    /// remembered.
    pub async fn wrote(&self, record: &Record) {
        let view = self.meshes().get(&record.key.mesh).map(Arc::clone);
        let Some(view) = view else {
            return;
        };
        let mut view = view.lock().await;
        if view.upto == Revision::default() || view.upto >= record.revision {
            return;
        }
        view.ahead.insert(record.revision);
        view.take_up([(
            record.key.clone(),
            ResourceChange::Written(Box::new(record.clone())),
        )]);
        view.catch_up();
    }

    /// What a resource of the store names and the store does not have, as of now, or as of a revision at least. What
    /// there is to say of each, [`dangling`] says.
    pub async fn missing(&self, key: &ResourceKey, since: Option<Revision>) -> Result<Vec<Missing>> {
        let mut missing = self.with(&key.mesh, since, |view| view.missing(key)).await?;
        // A mesh's view knows no other mesh.
        for missing in &mut missing {
            let to = &missing.reference.to;
            if to.kind == Kind::Mesh {
                let meshes = self.store.meshes().await?;
                let others = meshes.iter().map(String::as_str);
                let others: Vec<&str> = others.filter(|name| *name != to.name).collect();
                missing.near = closest(&to.name, &others).map(str::to_owned);
            }
        }
        Ok(missing)
    }

    /// With the name that was probably meant, where a problem says that something is missing.
    pub async fn with_what_was_meant(&self, problem: Diagnostic) -> Diagnostic {
        let Some(key) = rules::missing(&problem).cloned() else {
            return problem;
        };
        let meant = self.with(&key.mesh, None, |view| {
            rules::suggested(&view.mesh, problem.clone(), &key, view.near(&key).as_deref())
        });
        // The name is a help, and the problem is whole without it.
        meant.await.unwrap_or(problem)
    }

    /// Whether a resource is there, as of a revision at least.
    pub async fn holds(&self, key: &ResourceKey, since: Option<Revision>) -> Result<bool> {
        self.with(&key.mesh, since, |view| view.entries.contains_key(key))
            .await
    }

    /// Where a resource gives the ids of others instead of their names: nothing would ever be found by them.
    pub async fn misnamed(&self, resource: &Resource) -> Result<Vec<Diagnostic>> {
        let mut references = mesh::references(resource);
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

    /// The name of a resource of the same kind that is nearly the one that is not there.
    pub async fn near(&self, key: &ResourceKey) -> Result<Option<String>> {
        self.with(&key.mesh, Some(Revision(1)), |view| view.near(key))
            .await
    }

    async fn with<T>(&self, mesh: &str, since: Option<Revision>, look: impl FnOnce(&View) -> T) -> Result<T> {
        let view = self.of(mesh);
        let mut view = view.lock().await;
        if since.is_none_or(|since| view.upto < since) {
            view.follow(&*self.store).await?;
        }
        view.settle();
        Ok(look(&view))
    }

    fn of(&self, mesh: &str) -> Arc<tokio::sync::Mutex<View>> {
        let mut meshes = self.meshes();
        if let Some(view) = meshes.get(mesh) {
            return Arc::clone(view);
        }
        let view = Arc::new(tokio::sync::Mutex::new(View::new(mesh)));
        meshes.insert(mesh.to_owned(), Arc::clone(&view));
        view
    }

    fn meshes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<tokio::sync::Mutex<View>>>> {
        self.meshes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            store: String::new(),
            upto: Revision::default(),
            ahead: BTreeSet::new(),
            entries: BTreeMap::new(),
            mesh: Arc::new(Mesh::empty(name)),
            waiting: Vec::new(),
            unreadable: Vec::new(),
            turn: ViewVersion(0),
            reached: None,
        }
    }

    fn snapshot(&self) -> Snapshot {
        let unfit = self.entries.iter();
        let unfit = unfit.filter_map(|(key, entry)| Some((key.clone(), entry.problem.as_deref()?.clone())));
        let unfit: BTreeMap<_, _> = unfit.collect();
        Snapshot {
            store: self.store.clone(),
            revision: self.upto,
            mesh: Arc::clone(&self.mesh),
            problems: self.unreadable.iter().chain(unfit.values()).cloned().collect(),
            unfit,
        }
    }

    /// Follows; a mesh with records that the store cannot read is listed anew, as nobody tells when they can be.
    async fn follow_whole(&mut self, store: &dyn Store) -> Result<()> {
        if self.unreadable.is_empty() {
            self.follow(store).await
        } else {
            self.load(store).await
        }
    }

    async fn follow(&mut self, store: &dyn Store) -> Result<()> {
        self.catch_up_with(store).await?;
        self.settle();
        Ok(())
    }

    async fn catch_up_with(&mut self, store: &dyn Store) -> Result<()> {
        let same = store
            .identity()
            .await?
            .is_some_and(|identity| identity.id == self.store);
        if self.upto == Revision::default() || !same {
            return self.load(store).await;
        }
        match follow::since(store, &self.name, self.upto).await {
            Ok(Some(ChangesSince { upto, changed })) => {
                self.take_up(changed);
                self.upto = self.upto.max(upto);
                self.catch_up();
                Ok(())
            }
            // A listing says which record it is, and has the others.
            Ok(None) | Err(StoreError::Damaged { .. }) => self.load(store).await,
            Err(error) => Err(error),
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

    /// Takes up what has happened, but for what is older than what is known: writes of one resource may be told in
    /// another order.
    fn take_up(&mut self, changed: impl IntoIterator<Item = (ResourceKey, ResourceChange)>) {
        for (key, changed) in changed {
            let known = self.entries.get(&key).map(|entry| entry.revision);
            if known.is_some_and(|known| known >= changed.revision()) {
                continue;
            }
            let resource = match changed {
                ResourceChange::Deleted(_) => {
                    self.entries.remove(&key);
                    None
                }
                ResourceChange::Written(record) => {
                    let (entry, resource) = read(*record);
                    self.entries.insert(key.clone(), entry);
                    resource
                }
            };
            self.waiting.push(match resource {
                Some(resource) => mesh::Change::Written(Box::new(resource)),
                None => mesh::Change::Deleted(key),
            });
        }
    }

    /// Brings the mesh to what is known.
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match Arc::make_mut(&mut self.mesh).apply(std::mem::take(&mut self.waiting)) {
            Ok(applied) => {
                if let Some(reached) = &mut self.reached {
                    reached.subjects.extend(applied.subjects);
                    reached.proxies.extend(applied.proxies);
                }
            }
            // Each of them was looked at when it was read.
            Err(problems) => self.unreadable.extend(problems),
        }
    }

    async fn load(&mut self, store: &dyn Store) -> Result<()> {
        let id = store.identity().await?.map(|identity| identity.id);
        let listing = store.list(&Prefix::mesh(&self.name)).await?;
        let mut loaded = Self {
            store: id.unwrap_or_default(),
            upto: listing.revision,
            unreadable: records::unreadable(&self.name, &listing.unreadable),
            turn: self.turn,
            ..Self::new(&self.name)
        };
        let mut resources = Vec::with_capacity(listing.records.len());
        for record in listing.records {
            let key = record.key.clone();
            let (entry, resource) = read(record);
            loaded.entries.insert(key, entry);
            resources.extend(resource);
        }
        if !resources.is_empty() {
            match Mesh::new(resources) {
                Ok(mesh) => loaded.mesh = Arc::new(mesh),
                Err(problems) => loaded.unreadable.extend(problems),
            }
        }
        *self = loaded;
        Ok(())
    }

    fn names(&self, of: Collection<'_>, after: Option<&str>, limit: usize) -> Names {
        let from = match after {
            Some(name) => Bound::Excluded(of.key(name)),
            None => Bound::Included(of.key("")),
        };
        let rest = self.entries.range((from, Bound::Unbounded));
        let rest = rest.map(|(key, _)| key);
        let mut rest = rest.take_while(|key| of.holds(key));
        let names = rest.by_ref().take(limit).map(|key| key.name.clone()).collect();
        Names {
            names,
            more: rest.next().is_some(),
            unreadable: self.unreadable.clone(),
        }
    }

    fn inside(&self, key: &ResourceKey) -> Vec<DeletionBlocker> {
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
    fn holds<'v>(&'v self, key: &'v ResourceKey) -> impl Iterator<Item = DeletionBlocker> + use<'v> {
        let found = self.mesh.referrers(key);
        found.filter_map(|one| Some(self.entries.get(&one.from)?.hold(one.clone())))
    }

    /// What a resource names and is not there.
    fn missing(&self, key: &ResourceKey) -> Vec<Missing> {
        let mut references = self.mesh.references_from(key);
        references.retain(|reference| !self.entries.contains_key(&reference.to));
        let missing = references.into_iter().map(|reference| Missing {
            near: self.near(&reference.to),
            other: rules::of_another_kind(&self.mesh, &reference.to).cloned(),
            reference,
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
        Some(problem.help(help).at(ProblemLocation::of(from, pointer)))
    }
}

impl RecordState {
    fn hold(&self, reference: Reference) -> DeletionBlocker {
        DeletionBlocker {
            reference,
            owner: self.owner.clone(),
            actor: self.actor.clone(),
        }
    }
}

/// What a record says. One that does not fit the model refers to nothing, and keeps its mesh from being released.
fn read(record: Record) -> (RecordState, Option<Resource>) {
    let mut entry = RecordState {
        owner: record.author.owner.clone(),
        actor: record.author.actor.clone(),
        uid: record.identity.uid.clone(),
        revision: record.revision,
        version: record.version,
        at: record.last_updated_at,
        problem: None,
    };
    let found = records::resource(record).and_then(|resource| match mesh::misfit(&resource) {
        Some(problem) => Err(problem),
        None => Ok(resource),
    });
    entry.problem = found.as_ref().err().cloned().map(Box::new);
    (entry, found.ok())
}

/// That a resource is inside another, however deep.
fn contained(from: &ResourceKey, to: &ResourceKey) -> Reference {
    Reference {
        from: from.clone(),
        pointer: Pointer::root(),
        to: to.clone(),
        role: Role::Container,
    }
}

#[cfg(test)]
mod tests;
