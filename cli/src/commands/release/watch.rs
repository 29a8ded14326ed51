//! `meshform release --watch`: releases and publishes whatever is written to a store, as long as it runs.
//!
//! For those who have a directory that their proxies read and no provider that publishes to it: on the machine with the
//! directory this brings it up after every write, by whomever. A mesh that is released by hand, or held, is published as
//! its pointer says and not released.

use super::super::said::{CommandReport, MeshArguments, Problem, Report};
use crate::exit::Exit;
use crate::io::Io;
use crate::store;
use meshform_model::diag::Diagnostic;
use meshform_release::{HoldPolicy, ReleaseOutcome, ReleaseVerdict, Releaser, Timing};
use meshform_store::{Feed, Revision, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long after a write more may follow that belong to it.
const PAUSE: Duration = Duration::from_millis(500);

/// So often a mesh is looked at without a write: it may have been pinned, and another may have come.
const AGAIN: Duration = Duration::from_secs(10);

/// A mesh that is followed.
#[derive(Default)]
struct Followed {
    /// The revision that was released last.
    revision: Revision,
    /// Since when a release is held.
    held: Option<Instant>,
    /// What was wrong when it was last looked at.
    problems: Vec<Diagnostic>,
}

/// Until the process is ended; a release may be left off anywhere, and the next one finishes it.
pub(super) fn follow(
    arguments: &MeshArguments,
    io: &mut Io,
    store: &Arc<dyn Store>,
    releaser: &Releaser,
) -> Result<Exit, Problem> {
    let mut followed: BTreeMap<String, Followed> = BTreeMap::new();
    let mut away: Option<Diagnostic> = None;
    loop {
        match round(arguments, io, store, releaser, &mut followed) {
            Ok(()) => away = None,
            // A store that is away comes back.
            Err(problem) => {
                if away.as_ref() != Some(&*problem) {
                    Report::of(arguments, Err(problem.clone())).tell_on(io);
                }
                away = Some(*problem);
                std::thread::sleep(AGAIN);
            }
        }
    }
}

/// Looks at each mesh once, then waits until something is written to one of them.
fn round(
    arguments: &MeshArguments,
    io: &mut Io,
    store: &Arc<dyn Store>,
    releaser: &Releaser,
    followed: &mut BTreeMap<String, Followed>,
) -> Result<(), Problem> {
    let meshes = arguments.meshes(io, store)?;
    // Nothing is waited for of a mesh that is gone from everywhere.
    followed.retain(|mesh, _| meshes.contains(mesh));
    for mesh in &meshes {
        let known = followed.entry(mesh.clone()).or_default();
        let holding = match known.held {
            Some(since) if since.elapsed() >= Timing::HOLD => HoldPolicy::Over,
            _ => HoldPolicy::Allowed,
        };
        let outcome = store::wait(releaser.follow(mesh, holding))?.map_err(|error| store::told(&error))?;
        known.revision = outcome.revision;
        known.held = match outcome.verdict {
            ReleaseVerdict::Held(_) => known.held.or_else(|| Some(Instant::now())),
            _ => None,
        };
        let mut said = CommandReport::default();
        said.outcome(releaser, &outcome);
        if is_news(&outcome) || said.problems != known.problems {
            known.problems.clone_from(&said.problems);
            Report::of(arguments, Ok(said)).tell_on(io);
        }
    }
    // What is held is released after its hold time, of seconds, without another write.
    let pause = match followed.values().any(|known| known.held.is_some()) {
        true => Duration::from_secs(1),
        false => AGAIN,
    };
    store::wait(written(&**store, followed, pause))?;
    Ok(())
}

/// Whether proxies were told something, so that it is worth a line.
fn is_news(outcome: &ReleaseOutcome) -> bool {
    let released = matches!(
        outcome.verdict,
        ReleaseVerdict::Released { .. } | ReleaseVerdict::Withdrawn(_)
    );
    let published = outcome.deliveries.iter().any(|delivery| {
        let done = delivery.result.as_ref();
        done.is_ok_and(|done| {
            !(done.written.is_empty() && done.retired.is_empty() && done.removed.is_empty())
        })
    });
    released || published
}

/// Until something is written to one of the meshes and nothing more follows at once, or so much time has passed.
async fn written(store: &dyn Store, followed: &BTreeMap<String, Followed>, pause: Duration) {
    let watches = followed
        .iter()
        .map(|(mesh, known)| Box::pin(news(store, mesh, known.revision)));
    let watches: Vec<_> = watches.collect();
    let any = async {
        if watches.is_empty() {
            std::future::pending::<()>().await;
        }
        futures_util::future::select_all(watches).await;
    };
    if tokio::time::timeout(pause, any).await.is_ok() {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until a mesh is written to. A store that fails is told by the next look at it.
async fn news(store: &dyn Store, mesh: &str, after: Revision) {
    loop {
        match store.watch(mesh, after).await {
            Ok(Feed::Changes { changes, .. }) if changes.is_empty() => {}
            Ok(_) => return,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}
