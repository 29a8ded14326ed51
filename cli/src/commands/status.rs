//! `meshform status`: how each mesh, its release, its publish targets and its running proxies stand.

mod cost;
mod proxies;
mod targets;

use super::quotas::QuotaArgument;
use super::said::{
    CommandReport, MeshArguments, Problem, Report, change_json, change_words, entry_json, refused_words, run,
    words,
};
use crate::exit::Exit;
use crate::io::Io;
use crate::store;
use meshform_model::diag::{Diagnostic, Severity};
use meshform_model::spec::ReleasePolicy;
use meshform_release::{FleetReader, Preview, Releaser};
use meshform_store::{Revision, Store};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often the store and the proxies' reports are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// A terminal shows what follows in place of what was there.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Show whether each mesh is valid, what is released, what would change, and what each running proxy has
///
/// Running proxies are those that an agent reports. Envoys that have their configuration by ADS are shown by their `meshform
/// serve`, in its console and `/metrics`; which of them refuse the release is shown here too.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    of: MeshArguments,
    #[command(flatten)]
    quotas: QuotaArgument,
    /// Wait until this revision of the mesh is released and published, or is known not to be valid; at most a minute
    #[arg(long, value_name = "REVISION", requires = "mesh", conflicts_with = "watch")]
    wait: Option<u64>,
    /// Refresh every two seconds and show what has changed, until interrupted
    #[arg(long)]
    watch: bool,
    /// Also show how many requests a month the agents of the proxies send, and what they cost on S3
    #[arg(long)]
    cost: bool,
}

pub(crate) fn status(arguments: &StatusArguments, io: &mut Io) -> Exit {
    let mut reader = FleetReader::default();
    if !arguments.watch {
        return run(&arguments.of, io, |io, store, meshes| {
            arguments.said(io, &store, meshes, &mut reader)
        });
    }
    let store = match arguments.of.open(io) {
        Ok(store) => store,
        Err(problem) => return Report::of(&arguments.of, Err(problem)).tell(io),
    };
    let mut shown: Option<Report> = None;
    loop {
        let meshes = arguments.of.meshes(io, &store);
        let said = meshes.and_then(|meshes| arguments.said(io, &store, &meshes, &mut reader));
        let report = Report::of(&arguments.of, said);
        if shown.as_ref().is_none_or(|shown| !shown.is_as(&report)) {
            if io.manner.screen {
                io.print(CLEAR);
            }
            report.tell_on(io);
            shown = Some(report);
        }
        std::thread::sleep(EVERY);
    }
}

impl StatusArguments {
    fn said(
        &self,
        io: &Io,
        store: &Arc<dyn Store>,
        meshes: &[String],
        reader: &mut FleetReader,
    ) -> Result<CommandReport, Problem> {
        let mut said = CommandReport::default();
        for mesh in meshes {
            let releaser = releaser(self, io, Arc::clone(store), mesh)?;
            if let Some(revision) = self.wait {
                said.problems
                    .extend(wait_for(&releaser, mesh, Revision(revision))?);
            }
            said.status(&releaser, mesh, reader, self.cost)?;
        }
        Ok(said)
    }
}

/// How long a revision is waited for.
const WAIT: Duration = Duration::from_secs(60);
/// The pause between two looks meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until somebody has judged a revision of a mesh and every place has what came of it. What is to be said where
/// that takes too long.
fn wait_for(releaser: &Releaser, mesh: &str, revision: Revision) -> Result<Option<Diagnostic>, Problem> {
    let waited = store::wait(async {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < WAIT {
            let settled = releaser.is_settled(mesh, revision).await;
            if settled.map_err(|error| store::told(&error))? {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        }
        let message = format!(
            "revision {revision} of mesh `{mesh}` is not released and published after {} s",
            WAIT.as_secs()
        );
        Ok(Some(
            Diagnostic::error(meshform_release::codes::UNRELEASED, message).help(
                "check whether the process that wrote it still runs, or release it with `meshform release`",
            ),
        ))
    });
    waited?
}

/// Looks at the targets of a mesh too that others publish to, where they can be reached from here.
fn releaser(
    arguments: &StatusArguments,
    io: &Io,
    store: Arc<dyn Store>,
    mesh: &str,
) -> Result<Releaser, Problem> {
    let mut releaser = store::releaser(io, store, &[])?.with_rules(arguments.quotas.options());
    let reported = store::wait(releaser.reported_targets(mesh))?.map_err(|error| store::told(&error))?;
    for name in reported {
        // A target of a kind that this version does not know is shown by what it reported.
        if let Ok(target) = store::target(io, &name) {
            releaser = releaser.look_at(target);
        }
    }
    Ok(releaser)
}

impl CommandReport {
    fn status(
        &mut self,
        releaser: &Releaser,
        mesh: &str,
        reader: &mut FleetReader,
        cost: bool,
    ) -> Result<(), Problem> {
        let status = store::wait(releaser.status(mesh))?.map_err(|error| store::told(&error))?;
        let fleet = store::wait(releaser.fleet(mesh, reader))?.map_err(|error| store::told(&error))?;
        let Preview {
            valid,
            changes,
            diagnostics,
            ..
        } = &status.pending;
        // Of what is not valid the rules say why.
        let is_gone = !valid && diagnostics.is_empty() && status.revision > Revision(0);
        let current = match &status.current {
            Some(entry) => words(entry),
            None if is_gone => "no release".to_owned(),
            None => "no release yet".to_owned(),
        };
        let held = if status.pinned { ", held" } else { "" };
        self.lines
            .push(format!("mesh `{mesh}`, revision {}", status.revision));
        self.lines.push(format!("  current: {current}{held}"));
        let current = status.current.as_ref().map(|entry| &entry.release);
        let behind = status.targets.iter().any(|target| target.is_behind(current));
        self.lines.push(match (valid, changes.len()) {
            (false, _) if is_gone && behind => {
                "  deleted, but still published in some places: see below".to_owned()
            }
            (false, _) if is_gone => "  gone".to_owned(),
            (false, _) => "  not valid: see above".to_owned(),
            (true, 0) if behind => "  valid and released, but not published everywhere: see below".to_owned(),
            (true, 0) => "  valid, nothing to release".to_owned(),
            (true, 1) => "  valid, 1 proxy would change".to_owned(),
            (true, count) => format!("  valid, {count} proxies would change"),
        });
        self.lines.extend(
            changes
                .iter()
                .map(|change| format!("    {}", change_words(change))),
        );
        self.lines.extend(status.targets.iter().map(targets::words));
        if status.policy == ReleasePolicy::Manual {
            self.lines
                .push("  release policy MANUAL: `meshform release` releases it".to_owned());
        }
        self.lines.extend(refused_words(&status.refused));
        self.lines.extend(proxies::lines(&fleet));
        let mut report = json!({
            "mesh": mesh,
            "releasePolicy": status.policy.name(),
            "revision": status.revision.0,
            "current": status.current.as_ref().map(entry_json),
            "pinned": status.pinned,
            "whole": valid,
            "changes": changes.iter().map(change_json).collect::<Vec<_>>(),
            "targets": status.targets.iter().map(targets::json).collect::<Vec<_>>(),
            "refused": status.refused,
            "proxies": fleet.proxies.iter().map(proxies::json).collect::<Vec<_>>(),
        });
        if cost {
            let cost = cost::Cost::of(&fleet);
            self.lines.extend(cost.lines());
            if let Some(fields) = report.as_object_mut() {
                fields.insert("cost".to_owned(), cost.json());
            }
        }
        self.json.push(report);
        for target in status.targets.iter().filter(|target| target.is_behind(current)) {
            self.problems
                .extend(releaser.target_warning(mesh, target).map(|mut problem| {
                    problem.severity = Severity::Error;
                    problem
                }));
        }
        if status.policy == ReleasePolicy::Manual && !changes.is_empty() {
            self.problems.push(releaser.by_hand(mesh));
        }
        self.problems.extend(status.pending.diagnostics);
        let without_endpoints =
            store::wait(releaser.without_endpoints(mesh))?.map_err(|error| store::told(&error))?;
        self.problems.extend(without_endpoints);
        self.problems.extend(fleet.problems(mesh));
        Ok(())
    }
}
