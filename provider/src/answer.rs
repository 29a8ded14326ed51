//! The answer to a write: it comes when what the write led to is released and published everywhere, or with a warning
//! that says what is not.
//!
//! Terraform gives a provider two seconds after its last answer, so no promise may rest on them. Writes that are under
//! way together share one release: who finds another under way leaves the answer to that one.

use crate::codes;
use crate::flights::Flight;
use crate::problem;
use crate::resource::dangling_of;
use crate::session::{Session, endpoints_of};
use meshform_envoy::codes::CLOUD_MAP;
use meshform_model::diag::{Diagnostic as Problem, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_release::{
    LaggingProxies, Patience, ProxyChange, ReleaseOutcome, ReleaseResult, ReleaseVerdict, listed,
};
use std::time::Duration;
use tfplugin::{Context, Diagnostic, Diagnostics};

/// How long it may take to learn which proxies are behind, once it is too late for them. The answer is late already, so
/// it is better given without names.
const LOOK: Duration = Duration::from_secs(2);

/// How many problems of a mesh a write tells: Terraform shows each warning in full, and the whole list is what
/// `meshform validate` is for.
const TOLD: usize = 5;

/// How waiting for a release ended.
enum WaitOutcome {
    Ended(ReleaseResult),
    /// Another write answers for this one.
    LeftToAnother,
    /// It took longer than `release_timeout`.
    Late,
    /// The user wants everything to stop.
    Stopped,
}

impl Session {
    /// A write to a mesh begins. Who waits for a release leaves that to it.
    pub(crate) fn begin(&self, mesh: &str) -> Flight {
        let flight = self.flights.begin(mesh);
        self.write_begins(mesh);
        flight
    }

    /// What a write has to say when it is done, well or not: after the release that it led to, or that others have
    /// left to it.
    pub(crate) async fn landed(
        &self,
        cx: &Context,
        flight: Flight,
        key: Option<&ResourceKey>,
    ) -> Diagnostics {
        let mesh = flight.mesh().to_owned();
        drop(flight);
        // What could mend a mesh without its last route waits for the answer to the delete.
        let patience = key.map_or(Patience::Brief, |_| Patience::Usual);
        match self.wait(cx, &mesh, patience).await {
            None | Some(WaitOutcome::LeftToAnother) => Diagnostics::new(),
            Some(WaitOutcome::Ended(report)) => self.told(&mesh, key, &report).await,
            Some(WaitOutcome::Late) => {
                let limit = self.settings.release_timeout.as_secs_f64();
                let why = format!("it took longer than {limit} s (`release_timeout`)");
                self.unfinished(&mesh, &why).await.into()
            }
            Some(WaitOutcome::Stopped) => self.unfinished(&mesh, "the apply was interrupted").await.into(),
        }
    }

    /// Waits for the release of what is written. None where nothing was written that nobody has told the end of.
    async fn wait(&self, cx: &Context, mesh: &str, patience: Patience) -> Option<WaitOutcome> {
        let releases = self.untold_releases(mesh)?;
        Some(tokio::select! {
            biased;
            () = self.flights.another(mesh) => WaitOutcome::LeftToAnother,
            report = releases.settled(mesh, patience) => WaitOutcome::Ended(report?),
            () = cx.cancelled() => WaitOutcome::Stopped,
            () = tokio::time::sleep(self.settings.release_timeout) => WaitOutcome::Late,
        })
    }

    /// What a plan has to say of releases that reading has begun: those that a run left which died.
    pub(crate) async fn finished_for_others(&self, mesh: &str) -> Diagnostics {
        let Some(releases) = self.untold_releases(mesh) else {
            return Diagnostics::new();
        };
        let settled = tokio::time::timeout(
            self.settings.release_timeout,
            releases.settled(mesh, Patience::Usual),
        );
        match settled.await {
            // Not as the answer to a delete: the plan's own warnings tell why the mesh is not valid.
            Ok(Some(Ok(outcome))) if outcome.verdict == ReleaseVerdict::Invalid => Diagnostics::new(),
            Ok(Some(report)) => {
                let mut told = self.told(mesh, None, &report).await;
                if let Ok(outcome) = &report
                    && let ReleaseVerdict::Released { changes, .. } = &outcome.verdict
                {
                    told.push(released_late(mesh, changes));
                }
                told
            }
            Ok(None) => Diagnostics::new(),
            Err(_) => self
                .unfinished(mesh, "it took longer than `release_timeout`")
                .await
                .into(),
        }
    }

    /// What is to be said of a release that ended.
    async fn told(&self, mesh: &str, key: Option<&ResourceKey>, report: &ReleaseResult) -> Diagnostics {
        let mut told = Diagnostics::new();
        let outcome = match report {
            Ok(outcome) => outcome,
            Err(error) => {
                let cause = error.to_string();
                told.push(self.unfinished(mesh, cause.trim_end_matches('.')).await);
                return told;
            }
        };
        match &outcome.verdict {
            ReleaseVerdict::Invalid => match key {
                Some(key) => told.extend(invalid(self, mesh, key, outcome).await),
                None => told.push(invalid_for_now(self, mesh, outcome)),
            },
            // Nothing judges what waits for an order.
            ReleaseVerdict::Waits | ReleaseVerdict::Pinned(_) => {
                if let Some(key) = key
                    && let Ok(missing) = dangling_of(self, key, None).await
                {
                    told.extend(missing);
                }
            }
            _ => {}
        }
        if !outcome.lost.is_empty() {
            told.push(lost(mesh, outcome));
        }
        let without_endpoints = outcome.diagnostics.iter();
        let mut without_endpoints = without_endpoints.filter(|one| one.code == CLOUD_MAP).peekable();
        // How it stands does not change with each write of an apply.
        if without_endpoints.peek().is_some() && self.first_time(endpoints_of(mesh)) {
            told.extend(without_endpoints.map(problem::plain));
        }
        if let Some(settled) = self.settled(outcome) {
            told.push(settled);
        }
        let releaser = self.foreteller();
        let undelivered = outcome.deliveries.iter();
        told.extend(undelivered.filter_map(|one| {
            let problem = releaser.undelivered(mesh, one)?;
            let mut told = problem::plain(&problem);
            // Terraform folds warnings of one summary into the first, which may know of fewer proxies or another target.
            let count = behind(mesh, one.behind.len());
            told.summary = format!("{count}, in {} ({})", one.target, problem.code);
            self.told_behind(mesh, true);
            Some(told)
        }));
        told
    }

    /// That what this apply has warned of came right within it. Terraform shows all warnings at the end, and takes none
    /// back.
    pub(crate) fn settled(&self, outcome: &ReleaseOutcome) -> Option<Diagnostic> {
        let has_current = matches!(
            outcome.verdict,
            ReleaseVerdict::Released { .. } | ReleaseVerdict::Unchanged(_) | ReleaseVerdict::Withdrawn(_)
        );
        let mesh = &outcome.mesh;
        (has_current && outcome.is_published() && self.told_behind(mesh, false)).then(|| {
            Diagnostic::warning(
                format!("Mesh `{mesh}` is released and published now"),
                "Earlier warnings of this apply, that proxies of this mesh are behind, no longer hold: nothing is left to do.",
            )
        })
    }

    /// That everything is written and not released.
    async fn unfinished(&self, mesh: &str, why: &str) -> Diagnostic {
        self.told_behind(mesh, true);
        let releaser = self.foreteller();
        let LaggingProxies { paths, unknown } = releaser.lagging(mesh, LOOK).await;
        let named = match paths.as_slice() {
            [] => "It is not known which proxies are behind".to_owned(),
            paths => format!("Behind are {}", listed(paths)),
        };
        let named = match unknown.as_slice() {
            [] => named,
            unknown => format!(
                "{named}; {} could not be read within {} s",
                unknown.join(", "),
                LOOK.as_secs()
            ),
        };
        Diagnostic::warning(
            format!("{} ({})", behind(mesh, paths.len()), codes::NOT_RELEASED),
            format!(
                "The resources are written. The release of mesh `{mesh}` is not finished: {why}. {named}. Proxies keep their \
                 last release until then. Apply again, or run `{}`.",
                releaser.command(mesh, None)
            ),
        )
    }
}

/// That reading has released what an earlier run wrote: nobody expects that of a plan.
fn released_late(mesh: &str, changes: &[ProxyChange]) -> Diagnostic {
    let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
    Diagnostic::warning(
        format!("What an earlier apply wrote to mesh `{mesh}` is released now"),
        format!(
            "The apply was cut off between its writes and their release, or could not release them. The mesh is as the store \
             has it, which is valid; the proxies that changed: {}. What the configuration says beyond that, this plan shows.",
            listed(&paths)
        ),
    )
}

/// How many proxies are behind, as a summary.
fn behind(mesh: &str, count: usize) -> String {
    match count {
        0 => format!("Release of mesh `{mesh}` not finished"),
        1 => format!("1 proxy of mesh `{mesh}` is behind"),
        count => format!("{count} proxies of mesh `{mesh}` are behind"),
    }
}

/// Why a mesh is not valid: a warning for each of the first problems, at the attribute where it is of this resource.
async fn invalid(
    session: &Session,
    mesh: &str,
    key: &ResourceKey,
    outcome: &ReleaseOutcome,
) -> Vec<Diagnostic> {
    let errors: Vec<&Problem> = outcome.diagnostics.iter().filter(|one| one.is_error()).collect();
    let more = match errors.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" `meshform status` lists {more} more problems."),
    };
    let views = session.registry.views();
    let mut first = Vec::with_capacity(TOLD);
    for error in errors.into_iter().take(TOLD) {
        first.push(views.with_what_was_meant(error.clone()).await);
    }
    let told = first.iter().map(|error| {
        let own = error.places.first().and_then(|place| place.resource.as_ref());
        let mut problem = Problem::warning(error.code, error.message.clone());
        problem.help.clone_from(&error.help);
        problem.example.clone_from(&error.example);
        problem.places.clone_from(&error.places);
        let mut told = if own == Some(key) {
            problem::of_resource(key.kind, &problem)
        } else {
            // Every place is one of another resource.
            let nowhere = ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root());
            problem.places.insert(0, nowhere);
            problem::plain(&problem)
        };
        // Terraform folds warnings of one summary into the first: each problem has its own.
        told.summary = match missing(error) {
            Some(missing) => format!(
                "{} does not exist yet ({})",
                problem::capital(&missing.to_string()),
                meshform_registry::codes::DANGLING
            ),
            None => format!("{} ({})", problem::capital(&error.message), error.code),
        };
        told.detail.push_str(&format!(
            "\nUntil this is fixed, mesh `{mesh}` is not valid and its proxies keep their last release.{more}"
        ));
        told
    });
    told.collect()
}

/// That a delete has left a mesh that is not valid. Where the resources that name it are changed after it, as when a
/// canary goes, their writes mend it: it is said once, in a whole.
fn invalid_for_now(session: &Session, mesh: &str, outcome: &ReleaseOutcome) -> Diagnostic {
    let errors: Vec<&Problem> = outcome.diagnostics.iter().filter(|one| one.is_error()).collect();
    let named = errors.iter().take(TOLD);
    let named: Vec<String> = named
        .map(|one| format!("{} ({})", one.message, one.code))
        .collect();
    let more = match errors.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    Diagnostic::warning(
        codes::summary(meshform_release::codes::INVALID_MESH),
        format!(
            "This delete left mesh `{mesh}` invalid:\n  {}{more}\nIts proxies keep their last release until a later change of \
             this apply, or the next apply, makes the mesh valid. `meshform status --store {} --mesh {mesh}` shows the state.",
            named.join("\n  "),
            session.store_argument()
        ),
    )
}

/// What a problem says that does not exist.
fn missing(problem: &Problem) -> Option<&ResourceKey> {
    let mut places = problem.places.iter();
    let place = places.find(|place| place.label.as_deref() == Some("missing"))?;
    place.resource.as_ref()
}

/// That a release took the last routes away.
fn lost(mesh: &str, outcome: &ReleaseOutcome) -> Diagnostic {
    let named = outcome
        .lost
        .iter()
        .map(|path| ResourceKey::from_path(path).map_or_else(|| path.clone(), |key| key.to_string()));
    let named: Vec<String> = named.collect();
    Diagnostic::warning(
        codes::summary(meshform_release::codes::LOST),
        format!(
            "Mesh `{mesh}` has no route left for {}: requests to it are answered with 404.",
            listed(&named)
        ),
    )
}
