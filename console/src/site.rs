//! Pages about what a store has. What has not changed since it was last looked at is not read again.

use crate::live::Prometheus;
use crate::released::Released;
use crate::view::{Records, Stream, View};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_registry::Views;
use meshform_release::{FleetReader, ReleaseEntry, ReleaseError, Releaser};
use meshform_store::{Author, Change, Feed, Revision, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

type Problem = Box<Diagnostic>;

/// How far back the writes of a resource are looked for.
const WRITES: u64 = 2000;
/// How many comparisons of releases are kept.
const KEPT: usize = 200;

/// A store as the console sees it.
#[derive(Debug)]
pub struct Site {
    store: Arc<dyn Store>,
    releaser: Releaser,
    records: Mutex<BTreeMap<String, Arc<Records>>>,
    fleet: tokio::sync::Mutex<FleetReader>,
    prometheus: Option<Arc<Prometheus>>,
    /// By mesh and release: what it changed is always the same.
    released: Mutex<BTreeMap<(String, String, String), Arc<Released>>>,
}

/// What the console does to releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Holds proxies at a release.
    Pin(String),
    /// Proxies follow the newest release again.
    Unpin,
    /// Releases and publishes what is valid now.
    Publish,
}

fn of_store(error: &StoreError) -> Problem {
    Box::new(error.diagnostic())
}

fn of_release(error: &ReleaseError) -> Problem {
    Box::new(error.diagnostic())
}

impl Site {
    /// Of a store. `releaser` publishes where releases are published from here.
    pub fn new(store: Arc<dyn Store>, releaser: Releaser) -> Self {
        Self {
            store,
            releaser,
            records: Mutex::default(),
            fleet: tokio::sync::Mutex::default(),
            prometheus: None,
            released: Mutex::default(),
        }
    }

    /// Shows what this Prometheus measures beside the proxies.
    pub fn with_prometheus(self, prometheus: Option<Prometheus>) -> Self {
        Self {
            prometheus: prometheus.map(Arc::new),
            ..self
        }
    }

    /// The meshes as this process sees them.
    pub fn views(&self) -> &Arc<Views> {
        self.releaser.views()
    }

    /// The names of the meshes.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn meshes(&self) -> Result<Vec<String>, Problem> {
        self.store.meshes().await.map_err(|error| of_store(&error))
    }

    /// A mesh; none where the store has nothing of it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn view(&self, mesh: &str, streams: Vec<Stream>) -> Result<Option<View>, Problem> {
        let records = self.records(mesh).await?;
        let state = self
            .releaser
            .state(mesh)
            .await
            .map_err(|error| of_release(&error))?;
        if records.mesh.is_empty() && state.history.is_empty() && records.problems.is_empty() {
            return Ok(None);
        }
        let refusals = self.releaser.all_refusals(mesh).await;
        let mut reader = self.fleet.lock().await;
        let fleet = self.releaser.fleet(mesh, &mut reader).await;
        let live = match &self.prometheus {
            Some(prometheus) => Some(prometheus.live(&records.mesh).await),
            None => None,
        };
        Ok(Some(View {
            live,
            records,
            state: Some(state),
            refusals: refusals.map_err(|error| of_release(&error))?,
            fleet: fleet.map_err(|error| of_release(&error))?,
            streams,
        }))
    }

    async fn records(&self, mesh: &str) -> Result<Arc<Records>, Problem> {
        let known = self.lock().get(mesh).map(Arc::clone);
        let snapshot = self.views().snapshot(mesh).await;
        let snapshot = snapshot.map_err(|error| of_store(&error))?;
        if let Some(known) = known.filter(|known| known.revision == snapshot.revision) {
            return Ok(known);
        }
        let written = self.views().written(mesh, Some(snapshot.revision)).await;
        let (snapshot, written) = written.map_err(|error| of_store(&error))?;
        let records = Arc::new(Records::of_store(snapshot, written));
        if records.mesh.is_empty() {
            self.lock().remove(mesh);
        } else {
            self.lock().insert(mesh.to_owned(), Arc::clone(&records));
        }
        Ok(records)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Records>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last writes of a resource, the newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn writes(&self, key: &ResourceKey, upto: Revision) -> Result<Vec<Change>, Problem> {
        let after = Revision(upto.0.saturating_sub(WRITES));
        let limit = usize::try_from(WRITES).unwrap_or(usize::MAX);
        let feed = self.store.changes(&key.mesh, after, limit).await;
        let mut changes = match feed.map_err(|error| of_store(&error))? {
            Feed::Changes { changes, .. } => changes,
            Feed::Compacted { oldest } => match self.store.changes(&key.mesh, oldest, limit).await {
                Ok(Feed::Changes { changes, .. }) => changes,
                Ok(Feed::Compacted { .. }) => Vec::new(),
                Err(error) => return Err(of_store(&error)),
            },
        };
        changes.retain(|change| change.key == *key);
        changes.reverse();
        Ok(changes)
    }

    /// What a release changed after the one before it.
    pub(crate) async fn released(
        &self,
        mesh: &str,
        entry: &ReleaseEntry,
        before: Option<&ReleaseEntry>,
    ) -> Arc<Released> {
        let name = |entry: &ReleaseEntry| entry.release.as_str().to_owned();
        let of = (mesh.to_owned(), name(entry), before.map(name).unwrap_or_default());
        let known = |site: &Self| site.comparisons().get(&of).map(Arc::clone);
        if let Some(known) = known(self) {
            return known;
        }
        let found = match before {
            None => {
                Released::unknown("The oldest release that is kept: there is none before it to compare with.")
            }
            Some(before) => self.compared(mesh, entry, before).await,
        };
        let found = Arc::new(found);
        let mut all = self.comparisons();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(of, Arc::clone(&found));
        found
    }

    async fn compared(&self, mesh: &str, entry: &ReleaseEntry, before: &ReleaseEntry) -> Released {
        let resources = (
            self.releaser.resources_of(mesh, before).await,
            self.releaser.resources_of(mesh, entry).await,
        );
        match resources {
            (Ok(Some(before)), Ok(Some(after))) => Released::between(before, after),
            (Err(error), _) | (_, Err(error)) => Released::unknown(&error.to_string()),
            _ => Released::unknown(
                "An older version made one of the two releases, without a copy of its resources.",
            ),
        }
    }

    fn comparisons(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String, String), Arc<Released>>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins, lets go or publishes as `author`; what is to be said of it.
    ///
    /// # Errors
    /// When it cannot be done.
    pub async fn act(&self, mesh: &str, action: &Action, author: Author) -> Result<Vec<Diagnostic>, Problem> {
        let releaser = self.releaser.written_by(author);
        let (deliveries, mut told) = match action {
            Action::Pin(release) => {
                let pinned = releaser.pin(mesh, release).await;
                (pinned.map_err(|error| of_release(&error))?.1, Vec::new())
            }
            Action::Unpin | Action::Publish => {
                let outcome = match action {
                    Action::Unpin => releaser.unpin(mesh).await.map(|(_, outcome)| outcome),
                    _ => releaser.release(mesh).await,
                };
                let outcome = outcome.map_err(|error| of_release(&error))?;
                // What is to be said of the mesh, its page says.
                let errors = outcome.diagnostics.into_iter().filter(Diagnostic::is_error);
                (outcome.deliveries, errors.collect())
            }
        };
        told.extend(
            deliveries
                .iter()
                .filter_map(|one| releaser.undelivered(mesh, one)),
        );
        Ok(told)
    }
}
