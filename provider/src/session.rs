//! One configured provider at work: the store, the run that writes to it, and the releases that follow.

use crate::flights::Flights;
use crate::foresight::Foresight;
use crate::problem;
use crate::settings::Settings;
use meshform_envoy::codes::CLOUD_MAP;
use meshform_model::diag::Diagnostic as Problem;
use meshform_model::key::ResourceKey;
use meshform_model::rules::Options;
use meshform_registry::{Policy, Registry, belongs_to};
use meshform_release::{EnvoyBuilder, Patience, ReleaseResult, ReleaseScheduler, Releaser, Timing, Warnings};
use meshform_store::{Author, Feed, Record, Revision, RunId, RunState, Store, StoreError, StoreIdentity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tfplugin::codec::msgpack;
use tfplugin::{Diagnostic, Diagnostics, Type, Value};
use tokio::sync::OnceCell;

/// How long what is left may take when Terraform ends the process; it gives two seconds in all. Every answer waits
/// for its release, so that something is left only where the user interrupted, or a release took too long.
const LAST_RELEASE: Duration = Duration::from_millis(1300);

/// How long a delete waits for what is inside to go, as long as nothing goes. Terraform deletes in parallel what
/// does not refer to each other, so a mesh named by a literal may be asked to go before its last node.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many changes are looked at to learn whether a run has left them: one page of the feed. A run that left more is
/// found by the records that a plan reads.
const NEWEST: usize = 500;

/// How long a plan waits to learn how the places stand that a mesh is published to.
const LOOK_AT_TARGETS: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    /// The rules of writing to it.
    pub(crate) registry: Registry,
    /// Begun with the first write: a plan leaves no trace.
    run: OnceCell<RunId>,
    pub(crate) flights: Flights,
    /// Makes releases in the background; begun with the first write.
    releases: OnceLock<Arc<ReleaseScheduler>>,
    /// Tells of releases; the first question begins it.
    foreteller: OnceLock<Releaser>,
    /// Who the store is, once it is known to be the one that the state remembers.
    identity: OnceLock<StoreIdentity>,
    /// What the meshes will be by these plans.
    pub(crate) foresight: Foresight,
    /// What this process has shown Terraform as it is.
    read: Mutex<BTreeSet<ResourceKey>>,
    /// What this process has planned, for who plans after it.
    planned: Mutex<BTreeMap<ResourceKey, Packed>>,
    /// The revision of each mesh that was looked at when it was last released.
    judged: Mutex<BTreeMap<String, Option<Revision>>>,
    /// Runs of others that were looked at, and meshes whose warnings were told.
    seen: Mutex<BTreeSet<String>>,
    /// Meshes of which an answer said that proxies are behind, and none since that they are not.
    behind: Mutex<BTreeSet<String>>,
}

/// What a plan will leave of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PlannedState {
    /// It will be deleted.
    Gone,
    /// This, of which parts may be unknown.
    As(Value),
}

/// The same in a tenth of the memory: it is kept of every resource, and few ask for it.
#[derive(Debug)]
pub(crate) enum Packed {
    Gone,
    As(Type, Box<[u8]>),
    /// What does not fit its schema, which the plan's answer will say.
    Unclear,
}

impl Packed {
    /// A value of that type.
    pub(crate) fn new(ty: &Type, value: &Value) -> Self {
        match msgpack::encode(ty, value) {
            Ok(bytes) => Self::As(ty.clone(), bytes.into()),
            Err(_) => Self::Unclear,
        }
    }

    fn unpacked(&self) -> PlannedState {
        match self {
            Self::Gone => PlannedState::Gone,
            Self::As(ty, bytes) => PlannedState::As(msgpack::decode(ty, bytes).unwrap_or(Value::UNKNOWN)),
            Self::Unclear => PlannedState::As(Value::UNKNOWN),
        }
    }
}

impl Session {
    /// Opens the store; nothing is created.
    pub(crate) fn new(settings: Settings) -> Result<Self, Diagnostics> {
        let store = settings.store.open(&settings.access, &settings.seed);
        let store = store.map_err(|error| failed(&error))?;
        Ok(Self {
            settings,
            registry: Registry::new(Arc::clone(&store)),
            store,
            run: OnceCell::new(),
            flights: Flights::default(),
            releases: OnceLock::new(),
            foreteller: OnceLock::new(),
            identity: OnceLock::new(),
            foresight: Foresight::default(),
            read: Mutex::default(),
            planned: Mutex::default(),
            judged: Mutex::default(),
            seen: Mutex::default(),
            behind: Mutex::default(),
        })
    }

    /// By which rules this provider writes.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            strict_deletes: self.settings.strict_deletes,
            // Terraform writes in any order, by one apply of several teams too.
            container_first: false,
            ignored_tags: self.settings.tags.ignored.clone(),
            patience: PATIENCE,
        }
    }

    /// Makes sure that the store is the one that a state remembers.
    pub(crate) async fn expect(&self, id: &str) -> Result<(), Diagnostics> {
        if self.identity.get().is_some_and(|known| known.id == id) {
            return Ok(());
        }
        let identity = meshform_store::expect_identity(&*self.store, id)
            .await
            .map_err(|error| failed(&error))?;
        let _ = self.identity.set(identity);
        Ok(())
    }

    /// Who the store is, if it exists.
    pub(crate) async fn identity(&self) -> Result<Option<StoreIdentity>, Diagnostics> {
        if let Some(known) = self.identity.get() {
            return Ok(Some(known.clone()));
        }
        let found = self.store.identity().await.map_err(|error| failed(&error))?;
        if let Some(identity) = &found {
            let _ = self.identity.set(identity.clone());
        }
        Ok(found)
    }

    /// Who writes. The first call begins the run.
    pub(crate) async fn author(&self) -> Result<Author, Diagnostics> {
        let run = self
            .run
            .get_or_try_init(|| self.store.open_run(&self.settings.actor))
            .await;
        let run = run.map_err(|error| failed(&error))?;
        Ok(self.authored_by(Some(run.clone())))
    }

    /// The store as `meshform --store` takes it.
    pub(crate) fn store_argument(&self) -> String {
        meshform_release::store_argument(&*self.store)
    }

    /// Whether this process has written anything, or is about to.
    pub(crate) fn has_written(&self) -> bool {
        self.run.get().is_some()
    }

    /// Who writes, in a run or outside of any.
    pub(crate) fn authored_by(&self, run: Option<RunId>) -> Author {
        Author {
            owner: self.settings.owner.clone(),
            actor: self.settings.actor.clone(),
            run,
        }
    }

    /// Says that something of a mesh was written or deleted, so that a release follows.
    pub(crate) fn written(&self, mesh: &str) {
        match self.releases() {
            Ok(releases) => releases.note(mesh),
            // The records are safe; the next run, or `meshform release`, makes the release.
            Err(error) => tracing::error!(%error, mesh, "no release can be made now"),
        }
    }

    /// Says that something of a mesh was deleted that is about to be made anew.
    pub(crate) fn replacing(&self, mesh: &str) {
        match self.releases() {
            Ok(releases) => releases.replacing(mesh),
            Err(error) => tracing::error!(%error, mesh, "no release can be made now"),
        }
    }

    /// Says that a write to a mesh begins.
    pub(crate) fn write_begins(&self, mesh: &str) {
        if let Some(releases) = self.releases.get() {
            releases.begun(mesh);
        }
    }

    /// What makes the releases, where something was written to a mesh of whose release nobody was told.
    pub(crate) fn untold_releases(&self, mesh: &str) -> Option<Arc<ReleaseScheduler>> {
        let releases = self.releases.get()?;
        releases.is_untold(mesh).then(|| Arc::clone(releases))
    }

    fn releases(&self) -> std::io::Result<&Arc<ReleaseScheduler>> {
        if let Some(releases) = self.releases.get() {
            return Ok(releases);
        }
        let run = self.run.get().cloned();
        let timing = Timing {
            hold: self.settings.hold_time,
            ..Timing::default()
        };
        let releaser = self.foreteller().written_by(self.authored_by(run));
        let begun = Arc::new(ReleaseScheduler::start(releaser, timing)?);
        Ok(self.releases.get_or_init(|| begun))
    }

    /// Releases what was written so far, whatever the mesh's policy says, and says which proxies this process has
    /// changed. None where no release can be made.
    pub(crate) async fn release_now(&self, mesh: &str) -> Option<(ReleaseResult, BTreeSet<String>)> {
        let releases = Arc::clone(self.releases().ok()?);
        releases.demand(mesh);
        let report = releases.settled(mesh, Patience::Usual).await?;
        Some((report, releases.take_changed(mesh)))
    }

    /// Remembers for this process that Terraform was shown a record.
    pub(crate) fn was_read(&self, key: &ResourceKey) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(key.clone());
    }

    /// Whether this process has shown Terraform the record.
    pub(crate) fn has_read(&self, key: &ResourceKey) -> bool {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.contains(key)
    }

    /// Remembers for this process what was planned for a resource; a later plan of it replaces that.
    pub(crate) fn plan(&self, key: ResourceKey, planned: Packed) {
        self.planned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, planned);
    }

    /// What this process has planned for a resource.
    pub(crate) fn planned_for(&self, key: &ResourceKey) -> Option<PlannedState> {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.get(key).map(Packed::unpacked)
    }

    /// What this process has planned for a mesh.
    pub(crate) fn planned_of(&self, mesh: &str) -> Vec<(ResourceKey, PlannedState)> {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let of_mesh = planned.iter().filter(|(key, _)| key.mesh == mesh);
        of_mesh
            .map(|(key, planned)| (key.clone(), planned.unpacked()))
            .collect()
    }

    /// What tells of releases and foretells them; it releases nothing. What releases in the background
    /// ([`releases`](Self::releases)) shares what it remembers of the meshes.
    pub(crate) fn foreteller(&self) -> &Releaser {
        self.foreteller.get_or_init(|| {
            let author = self.authored_by(None);
            let releaser = Releaser::new(Arc::clone(&self.store), Arc::new(EnvoyBuilder), author)
                .with_views(Arc::clone(self.registry.views()))
                .with_rules(Options {
                    quotas: self.settings.quotas.clone(),
                });
            let targets = self.settings.publish.iter().cloned();
            targets.fold(releaser, Releaser::publish_to)
        })
    }

    /// A record may never have been released: its writer was killed, or could not make the release. This run sees to
    /// it.
    pub(crate) async fn finish_what_was_left(&self, record: &Record) {
        let run = record.author.run.as_ref();
        let Some(run) = run.filter(|run| self.run.get() != Some(run)) else {
            return;
        };
        let mesh = &record.key.mesh;
        if !self.first_time(format!("{run} {mesh}")) {
            return;
        }
        let left = match self.store.run_state(run).await {
            Ok(RunState::Dead) => true,
            Ok(RunState::Closed) => self.is_unjudged(record).await,
            Ok(RunState::Alive) | Err(_) => false,
        };
        if left {
            self.written(mesh);
        }
    }

    /// Whether a record is newer than what was looked at when its mesh was last released.
    async fn is_unjudged(&self, record: &Record) -> bool {
        let mesh = &record.key.mesh;
        let known = self
            .judged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(mesh)
            .copied();
        let judged = match known {
            Some(judged) => judged,
            None => {
                let judged = self.foreteller().judged(mesh).await.ok().flatten();
                self.judged
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(mesh.clone(), judged);
                judged
            }
        };
        judged.is_some_and(|judged| record.revision > judged)
    }

    /// That proxies are held at a release, or that the mesh is not valid; and where a plan leaves a resource as it is,
    /// what was written and has not reached its proxies. Once for each mesh.
    pub(crate) async fn warnings(&self, mesh: &str, changes: bool) -> Diagnostics {
        if self.has_written() {
            // This is an apply, and the answers to its writes tell how the mesh stands.
            return Diagnostics::new();
        }
        self.finish_what_runs_left(mesh).await;
        let mut told = self.finished_for_others(mesh).await;
        let always = self.first_time(format!("warnings {mesh}"));
        let idle = !changes && self.first_time(format!("idle {mesh}"));
        if always || idle {
            // Where a bucket takes the connection and never answers, a plan is not to wait for all that is tried again.
            let found = tokio::time::timeout(LOOK_AT_TARGETS, self.foreteller().warnings(mesh)).await;
            let found = match found {
                Ok(found) => found.unwrap_or_default(),
                Err(_) => {
                    let seconds = LOOK_AT_TARGETS.as_secs();
                    told.push(Diagnostic::warning(
                        format!("It is not known whether the proxies of mesh `{mesh}` are current"),
                        format!(
                            "Its publish targets could not be read within {seconds} s. `meshform status --mesh \
                             {mesh}` shows which one does not answer."
                        ),
                    ));
                    Warnings::default()
                }
            };
            let found = [(always, found.always), (idle, found.idle)];
            let found = found.into_iter().filter(|(now, _)| *now);
            let found: Vec<Problem> = found.flat_map(|(_, found)| found).collect();
            if found.iter().any(|one| one.code == CLOUD_MAP) {
                self.first_time(endpoints_of(mesh));
            }
            told.extend(in_short(&found));
        }
        if idle && self.first_time(whole_of(mesh)) {
            // Not while the mesh changes: what a router lacks now, a resource that is planned later may be.
            told.extend(in_short(&self.foresight.worth_a_look(mesh).await));
        }
        told
    }

    /// What runs of this owner that are over have left of a mesh is released before anything is said of the mesh. Otherwise
    /// a plan would tell of proxies that are behind, and then bring them up with the first record that it reads.
    async fn finish_what_runs_left(&self, mesh: &str) {
        if !self.first_time(format!("left {mesh}")) {
            return;
        }
        let Ok(Some(judged)) = self.foreteller().judged(mesh).await else {
            return;
        };
        let Ok(Feed::Changes { changes, .. }) = self.store.changes(mesh, judged, NEWEST).await else {
            return;
        };
        let keys: Vec<ResourceKey> = changes.into_iter().map(|change| change.key).collect();
        let records = self.store.get_all(&keys).await.unwrap_or_default();
        for record in records
            .iter()
            .filter(|record| belongs_to(record, &self.settings.owner))
        {
            self.finish_what_was_left(record).await;
        }
    }

    /// Whether this is asked for the first time in this process.
    pub(crate) fn first_time(&self, what: String) -> bool {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(what)
    }

    /// Notes that an answer says of a mesh that proxies are behind, or that they are not. Whether the last one said that
    /// they are.
    pub(crate) fn told_behind(&self, mesh: &str, now: bool) -> bool {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        match now {
            true => !behind.insert(mesh.to_owned()),
            false => behind.remove(mesh),
        }
    }

    /// Makes the last release and ends the run.
    pub(crate) async fn close(&self) {
        if let Some(releases) = self.releases.get() {
            let late = releases.flush(LAST_RELEASE).await;
            for problem in releases.diagnostics() {
                tracing::warn!(code = %problem.code, "{problem}");
            }
            if !late.is_empty() {
                tracing::warn!(meshes = ?late, "not everything is released; the next run does it");
            }
        }
        if let Some(run) = self.run.get()
            && let Err(error) = self.store.close_run(run).await
        {
            tracing::warn!(%error, "the run could not be closed; the next one will find it dead");
        }
    }
}

/// What stands for the telling of nodes without endpoints, which is done once in a process.
pub(crate) fn endpoints_of(mesh: &str) -> String {
    format!("endpoints {mesh}")
}

/// What stands for the telling of what is worth a look in a mesh, which is done once in a process.
pub(crate) fn whole_of(mesh: &str) -> String {
    format!("whole {mesh}")
}

/// How many problems of one kind are shown in full; `meshform status` has them all.
const SHOWN: usize = 5;

/// Problems as one diagnostic for each kind: of several with one summary, Terraform shows the first and counts the rest.
pub(crate) fn in_short(found: &[Problem]) -> Vec<Diagnostic> {
    let mut told: Vec<(Diagnostic, usize)> = Vec::new();
    for problem in found {
        let one = problem::plain(problem);
        let known = told.iter_mut().find(|(known, _)| known.summary == one.summary);
        let Some((known, count)) = known else {
            told.push((one, 1));
            continue;
        };
        *count += 1;
        if *count <= SHOWN {
            known.detail = format!("{}\n\n{}", known.detail, one.detail);
        }
    }
    let in_full = |(mut one, count): (Diagnostic, usize)| {
        if let more @ 1.. = count.saturating_sub(SHOWN) {
            one.detail = format!(
                "{}\n\nand {more} more of this kind; `meshform status` shows them all",
                one.detail
            );
        }
        one
    };
    told.into_iter().map(in_full).collect()
}

/// A failure of the store as Terraform shows it.
pub(crate) fn failed(error: &StoreError) -> Diagnostics {
    problem::plain(&Problem::from(error.clone())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_planned_is_remembered_as_it_was() {
        let ty = Type::object([
            ("name", Type::String),
            ("arn", Type::String),
            ("port", Type::Number),
        ]);
        let value = Value::object([
            ("name", Value::from("a")),
            ("arn", Value::UNKNOWN),
            ("port", Value::Null),
        ]);
        assert_eq!(Packed::new(&ty, &value).unpacked(), PlannedState::As(value));
        assert_eq!(Packed::Gone.unpacked(), PlannedState::Gone);
        let misfit = Value::object([("name", Value::from(1))]);
        assert_eq!(
            Packed::new(&ty, &misfit).unpacked(),
            PlannedState::As(Value::UNKNOWN)
        );
    }
}
