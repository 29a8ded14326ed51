//! The releases that writes lead to. Each event tries for itself: who comes second finds it done.

use crate::claims::{self, Claims};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_registry::Views;
use meshform_release::{
    EnvoyBuilder, HoldPolicy, ReleaseError, ReleaseOutcome, ReleaseVerdict, Releaser, Timing, listed,
};
use meshform_store::{Author, Clock, Store, StoreError, SystemClock, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is left of the function's time for the answer: the pauses between its tries add up to six seconds (`runtime`).
const RESERVE: Duration = Duration::from_secs(8);

/// The pause after others have released the mesh sixteen times in a row. Events of one stack come together; by then the
/// others are done.
const PAUSE: Duration = Duration::from_millis(500);

/// How many problems of a mesh an answer tells: CloudFormation shows an answer in one line, and takes 4 KiB in all.
const TOLD: usize = 3;

/// What an answer says where proxies have everything.
const RELEASED: &str = "released";

#[derive(Debug)]
pub(crate) struct Releases {
    pub(crate) releaser: Releaser,
    author: Author,
}

impl Releases {
    pub(crate) fn new(store: Arc<dyn Store>, views: Arc<Views>) -> Self {
        let author = Author {
            owner: claims::OWNER.to_owned(),
            actor: "meshform-cfn".to_owned(),
            run: None,
        };
        Self {
            releaser: Releaser::new(store, Arc::new(EnvoyBuilder), author.clone()).with_views(views),
            author,
        }
    }

    pub(crate) fn author(&self) -> &Author {
        &self.author
    }

    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Releases a mesh after a write, and says what became of it. That a mesh is not valid is no failure: what mends it
    /// may come with the next event.
    pub(crate) async fn after(&self, mesh: &str, claims: &Claims, deadline: Instant) -> String {
        let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let said = match tokio::time::timeout_at(until, self.follow(mesh, HoldPolicy::Allowed)).await {
            Ok(Ok(outcome)) => {
                // Only what is wrong with a mesh quotes values.
                let secret = match outcome.verdict {
                    ReleaseVerdict::Invalid => claims.secret(mesh).await.ok(),
                    _ => Some(BTreeSet::new()),
                };
                self.said(&outcome, secret.as_ref())
            }
            Ok(Err(error)) => {
                let diagnostic = error.diagnostic();
                format!("written, but not released: {diagnostic}; the function's schedule tries again")
            }
            Err(_) => "written, but not released in time; the function's schedule continues".to_owned(),
        };
        if said != RELEASED {
            tracing::warn!(mesh, said, "not released");
        }
        said
    }

    /// Releases what was held or could not be released, in every mesh. The answer is what still cannot be.
    pub(crate) async fn finish(&self, store: &dyn Store, deadline: Instant) -> Vec<Diagnostic> {
        let meshes = match store.meshes().await {
            Ok(meshes) => meshes,
            Err(error) => return vec![error.diagnostic()],
        };
        let mut left = Vec::new();
        let mut held = Vec::new();
        for mesh in meshes {
            match self.follow(&mesh, HoldPolicy::Allowed).await {
                Ok(outcome) if matches!(outcome.verdict, ReleaseVerdict::Held(_)) => held.push(mesh),
                Ok(outcome) => left.extend(self.undelivered(&outcome)),
                Err(error) => left.push(error.diagnostic()),
            }
        }
        if !held.is_empty() {
            let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
            tokio::time::sleep_until(until.min(Instant::now() + Timing::HOLD)).await;
        }
        for mesh in held {
            match self.follow(&mesh, HoldPolicy::Over).await {
                Ok(outcome) => left.extend(self.undelivered(&outcome)),
                Err(error) => left.push(error.diagnostic()),
            }
        }
        left
    }

    async fn follow(&self, mesh: &str, holding: HoldPolicy) -> Result<ReleaseOutcome, ReleaseError> {
        loop {
            match self.releaser.follow(mesh, holding).await {
                // Events of one stack come at the same time, each in a process of its own.
                Err(ReleaseError::Contended { .. } | ReleaseError::Store(StoreError::PointerConflict(_))) => {
                    tokio::time::sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    fn undelivered(&self, outcome: &ReleaseOutcome) -> Vec<Diagnostic> {
        let all = outcome.deliveries.iter();
        all.filter_map(|one| self.releaser.undelivered(&outcome.mesh, one))
            .collect()
    }

    /// `secret`: the resources of which no value is told; none where these are not known.
    fn said(&self, outcome: &ReleaseOutcome, secret: Option<&BTreeSet<String>>) -> String {
        let undelivered = self.undelivered(outcome);
        match &outcome.verdict {
            ReleaseVerdict::Invalid => {
                let errors: Vec<&Diagnostic> =
                    outcome.diagnostics.iter().filter(|one| one.is_error()).collect();
                let first: Vec<String> = errors.iter().take(TOLD).map(|one| open(one, secret)).collect();
                let more = match errors.len().saturating_sub(TOLD) {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                format!(
                    "written; mesh `{}` is not valid yet, so that its proxies keep their last release: {}{more}",
                    outcome.mesh,
                    first.join("; ")
                )
            }
            ReleaseVerdict::Held(_) => format!(
                "written; the release is held, because it leaves no route for {}: the function's schedule makes it \
                 unless a write adds one",
                listed(&outcome.lost)
            ),
            ReleaseVerdict::Pinned(_) => format!(
                "written; the proxies of mesh `{0}` are pinned to a release until `meshform unpin --mesh {0}`",
                outcome.mesh
            ),
            ReleaseVerdict::Waits => format!(
                "written; mesh `{0}` has the release policy MANUAL: `meshform release --mesh {0}`",
                outcome.mesh
            ),
            _ if undelivered.is_empty() => RELEASED.to_owned(),
            _ => {
                let all: Vec<String> = undelivered.iter().map(ToString::to_string).collect();
                format!("released, but not everywhere: {}", all.join("; "))
            }
        }
    }
}

/// A problem of the mesh as everybody may read it.
fn open(problem: &Diagnostic, secret: Option<&BTreeSet<String>>) -> String {
    let keys: Vec<&ResourceKey> = problem
        .places
        .iter()
        .filter_map(|place| place.resource.as_ref())
        .collect();
    let hidden = secret.is_none_or(|secret| keys.iter().any(|key| secret.contains(&key.path())));
    if !hidden {
        return problem.to_string();
    }
    let of = keys.first().map(|key| format!(" of {key}")).unwrap_or_default();
    format!(
        "error[{}]{of}: not shown, because a NoEcho parameter is among the values",
        problem.code
    )
}
