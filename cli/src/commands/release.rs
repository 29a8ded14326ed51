//! `meshform release`, `pin`, `unpin`, `history`, `status`: what proxies are given, from a store.

use super::load::no_mesh;
use super::quotas::QuotaArgument;
use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::render::{self, Format, FormatArgument};
use crate::store::{self, StoreArgument};
use meshform_model::diag::{Diagnostic, Severity, Sources};
use meshform_model::spec::ReleasePolicy;
use meshform_release::{
    Delivery, Entry, Outcome, Preview, ProxyChange, Releaser, Standing, TargetStatus, Verdict, WhatChanged,
    listed,
};
use meshform_store::{Digest, Store};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Which mesh of which store, and how to report.
#[derive(Debug, clap::Args)]
pub(crate) struct MeshArguments {
    #[command(flatten)]
    store: StoreArgument,
    /// Only this mesh
    #[arg(long, value_name = "NAME")]
    mesh: Option<String>,
    #[command(flatten)]
    format: FormatArgument,
}

/// Release valid meshes to the proxies
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArguments {
    #[command(flatten)]
    of: MeshArguments,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    publish: Vec<String>,
    #[command(flatten)]
    quotas: QuotaArgument,
}

/// Which mesh, and by which quotas it is judged.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    of: MeshArguments,
    #[command(flatten)]
    quotas: QuotaArgument,
}

/// Hold the proxies of a mesh at a release of its history
#[derive(Debug, clap::Args)]
pub(crate) struct PinArguments {
    /// The release, or the beginning of it
    release: String,
    #[command(flatten)]
    of: MeshArguments,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    publish: Vec<String>,
}

type Problem = Box<Diagnostic>;

/// What a command has to say: for people, for programs, and what is wrong.
#[derive(Default)]
struct Said {
    lines: Vec<String>,
    json: Vec<Json>,
    problems: Vec<Diagnostic>,
}

pub(crate) fn release(arguments: &ReleaseArguments, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &arguments.publish)?;
        let releaser = releaser.with_rules(arguments.quotas.options());
        let mut said = Said::default();
        for mesh in meshes {
            let outcome = store::wait(releaser.release(mesh))?.map_err(|error| store::told(&error))?;
            said.outcome(&releaser, &outcome);
        }
        Ok(said)
    })
}

pub(crate) fn unpin(arguments: &ReleaseArguments, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &arguments.publish)?;
        let releaser = releaser.with_rules(arguments.quotas.options());
        let mut said = Said::default();
        let mesh = only(meshes)?;
        let outcome = store::wait(releaser.unpin(mesh))?.map_err(|error| store::told(&error))?;
        said.outcome(&releaser, &outcome);
        Ok(said)
    })
}

pub(crate) fn pin(arguments: &PinArguments, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &arguments.publish)?;
        let mesh = only(meshes)?;
        let (entry, deliveries) =
            store::wait(releaser.pin(mesh, &arguments.release))?.map_err(|error| store::told(&error))?;
        let mut said = Said {
            lines: vec![format!(
                "mesh `{mesh}`: held at {}; `meshform unpin` lets go",
                short(&entry)
            )],
            json: vec![json!({
                "mesh": mesh,
                "pinned": true,
                "release": entry_json(&entry),
                "published": deliveries.iter().map(delivery_json).collect::<Vec<_>>(),
            })],
            problems: Vec::new(),
        };
        said.deliveries(&releaser, mesh, &deliveries);
        Ok(said)
    })
}

pub(crate) fn history(arguments: &MeshArguments, io: &mut Io) -> Exit {
    run(arguments, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &[])?;
        let mut said = Said::default();
        for mesh in meshes {
            let entries = store::wait(releaser.history(mesh))?.map_err(|error| store::told(&error))?;
            said.lines.push(format!("mesh `{mesh}`"));
            said.lines
                .extend(entries.iter().map(|entry| format!("  {}", words(entry))));
            if entries.is_empty() {
                said.lines.push("  no release yet".to_owned());
            }
            let listed: Vec<Json> = entries.iter().map(entry_json).collect();
            said.json.push(json!({"mesh": mesh, "releases": listed}));
        }
        Ok(said)
    })
}

pub(crate) fn status(arguments: &StatusArguments, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &[])?.with_rules(arguments.quotas.options());
        let mut said = Said::default();
        for mesh in meshes {
            said.status(&releaser, mesh)?;
        }
        Ok(said)
    })
}

/// Opens the store, finds the meshes, does the work, and reports.
fn run(
    arguments: &MeshArguments,
    io: &mut Io,
    work: impl FnOnce(&Io, Arc<dyn Store>, &[String]) -> Result<Said, Problem>,
) -> Exit {
    let done = (|| {
        let store = store::open(io, &arguments.store.store)?;
        let known = store::wait(store.meshes())?.map_err(|error| Box::new(error.diagnostic()))?;
        let meshes = match &arguments.mesh {
            None => known,
            Some(mesh) => {
                // One that is gone still has releases.
                let releaser = store::releaser(io, Arc::clone(&store), &[])?;
                if !known.contains(mesh)
                    && store::wait(releaser.history(mesh))?
                        .map_err(|error| store::told(&error))?
                        .is_empty()
                {
                    return Err(Box::new(no_mesh(mesh, known.iter().map(String::as_str))));
                }
                vec![mesh.clone()]
            }
        };
        work(io, store, &meshes)
    })();
    let (said, failed) = match done {
        Ok(said) => (said, false),
        Err(problem) => {
            let problems = vec![*problem];
            (
                Said {
                    problems,
                    ..Said::default()
                },
                true,
            )
        }
    };
    let sources = Sources::default();
    match arguments.format.format {
        Format::Json => {
            let report = json!({
                "meshes": said.json,
                "problems": render::problems_json(&sources, &said.problems),
            });
            io.print(&format!("{report:#}\n"));
        }
        Format::Text => {
            render::tell(io, &sources, &said.problems);
            for line in &said.lines {
                io.print(&format!("{line}\n"));
            }
        }
    }
    match (failed, said.problems.iter().any(Diagnostic::is_error)) {
        (true, _) => Exit::WrongUse,
        (false, true) => Exit::Found,
        (false, false) => Exit::Fine,
    }
}

/// The one mesh that a command is about.
fn only(meshes: &[String]) -> Result<&str, Problem> {
    match meshes {
        [one] => Ok(one),
        [] => Err(Box::new(Diagnostic::error(
            codes::NOT_THERE,
            "the store holds no mesh",
        ))),
        many => Err(Box::new(
            Diagnostic::error(
                codes::SEVERAL_MESHES,
                format!("the store holds several meshes: `{}`", many.join("`, `")),
            )
            .help("choose one with `--mesh NAME`"),
        )),
    }
}

impl Said {
    fn outcome(&mut self, releaser: &Releaser, outcome: &Outcome) {
        let mesh = &outcome.mesh;
        let (line, name, changes): (String, &str, &[ProxyChange]) = match &outcome.verdict {
            Verdict::Invalid => (
                format!("mesh `{mesh}` is not valid; proxies keep their last release"),
                "notWhole",
                &[],
            ),
            Verdict::Unchanged(_) => (format!("mesh `{mesh}`: nothing to release"), "unchanged", &[]),
            Verdict::Pinned(release) => (
                format!("mesh `{mesh}`: held at {}", cut(release.as_str())),
                "pinned",
                &[],
            ),
            Verdict::Released { release, changes } => (
                format!("mesh `{mesh}`: released {}", cut(release.as_str())),
                "released",
                changes,
            ),
            Verdict::Withdrawn(changes) => (
                format!("mesh `{mesh}` is gone, and so is its release"),
                "withdrawn",
                changes,
            ),
            Verdict::Held(release) => (
                format!("mesh `{mesh}`: kept at {}", cut(release.as_str())),
                "held",
                &[],
            ),
            Verdict::Waits => (
                format!("mesh `{mesh}` is released by hand; proxies keep their last release"),
                "waits",
                &[],
            ),
            Verdict::Nothing => (format!("there is nothing of a mesh `{mesh}`"), "nothing", &[]),
        };
        self.lines.push(line);
        self.lines
            .extend(changes.iter().map(|change| format!("  {}", change_words(change))));
        self.json.push(json!({
            "mesh": mesh,
            "verdict": name,
            "changes": changes.iter().map(change_json).collect::<Vec<_>>(),
            "published": outcome.deliveries.iter().map(delivery_json).collect::<Vec<_>>(),
        }));
        self.problems.extend(outcome.diagnostics.iter().cloned());
        self.deliveries(releaser, mesh, &outcome.deliveries);
    }

    /// What was written to each target. One that could not be brought up is an error: that was the order.
    fn deliveries(&mut self, releaser: &Releaser, mesh: &str, deliveries: &[Delivery]) {
        for one in deliveries {
            self.lines.extend(delivery_words(one));
            self.problems
                .extend(releaser.undelivered(mesh, one).map(|mut problem| {
                    problem.severity = Severity::Error;
                    problem
                }));
        }
    }

    fn status(&mut self, releaser: &Releaser, mesh: &str) -> Result<(), Problem> {
        let status = store::wait(releaser.status(mesh))?.map_err(|error| store::told(&error))?;
        let current = match &status.current {
            Some(entry) => words(entry),
            None => "no release yet".to_owned(),
        };
        let Preview { whole, changes, .. } = &status.pending;
        let held = if status.pinned { ", held" } else { "" };
        self.lines
            .push(format!("mesh `{mesh}`, revision {}", status.revision));
        self.lines.push(format!("  current: {current}{held}"));
        let current = status.current.as_ref().map(|entry| &entry.release);
        let behind = status.targets.iter().any(|target| is_behind(target, current));
        self.lines.push(match (whole, changes.len()) {
            (false, _) => "  not valid: see above".to_owned(),
            (true, 0) if behind => "  valid and released, but not published everywhere: see below".to_owned(),
            (true, 0) => "  valid, nothing to release".to_owned(),
            (true, 1) => "  whole, 1 proxy would change".to_owned(),
            (true, count) => format!("  whole, {count} proxies would change"),
        });
        self.lines.extend(
            changes
                .iter()
                .map(|change| format!("    {}", change_words(change))),
        );
        self.lines.extend(status.targets.iter().map(target_words));
        if status.policy == ReleasePolicy::Manual {
            self.lines
                .push("  released by hand: `meshform release`".to_owned());
        }
        self.json.push(json!({
            "mesh": mesh,
            "releasePolicy": status.policy.name(),
            "revision": status.revision.0,
            "current": status.current.as_ref().map(entry_json),
            "pinned": status.pinned,
            "whole": whole,
            "changes": changes.iter().map(change_json).collect::<Vec<_>>(),
            "targets": status.targets.iter().map(target_json).collect::<Vec<_>>(),
        }));
        for target in status.targets.iter().filter(|target| is_behind(target, current)) {
            self.problems
                .extend(releaser.target_warning(mesh, target).map(|mut problem| {
                    problem.severity = Severity::Error;
                    problem
                }));
        }
        if status.policy == ReleasePolicy::Manual && !changes.is_empty() {
            self.problems.push(meshform_release::by_hand(mesh));
        }
        self.problems.extend(status.pending.diagnostics);
        let without_endpoints =
            store::wait(releaser.without_endpoints(mesh))?.map_err(|error| store::told(&error))?;
        self.problems.extend(without_endpoints);
        Ok(())
    }
}

/// Whether a target lacks the current release, or a part of it, as far as can be told from here.
fn is_behind(target: &TargetStatus, current: Option<&Digest>) -> bool {
    match &target.standing {
        Standing::Current => false,
        Standing::Behind(_) | Standing::Failed(_) => true,
        Standing::Unreachable => target.report.failure.is_some() || target.report.release.as_ref() != current,
    }
}

/// How a target stands, in words.
fn target_words(target: &TargetStatus) -> String {
    let report = &target.report;
    let host = match report.host.as_str() {
        "" => String::new(),
        host => format!(" on {host}"),
    };
    let release = report
        .release
        .as_ref()
        .map_or("no release", |release| cut(release.as_str()));
    let stands = match &target.standing {
        Standing::Current => "current".to_owned(),
        Standing::Behind(paths) => format!("behind: {}", listed(paths)),
        Standing::Failed(error) => format!("cannot be read: {error}"),
        Standing::Unreachable => match &report.failure {
            None => format!("not to be seen from here; it reported {release} at {}", report.at),
            Some(failure) => format!("failed at {}: {}", failure.at, failure.message),
        },
    };
    format!("  published to {}{host}: {stands}", report.target)
}

fn target_json(target: &TargetStatus) -> Json {
    let report = &target.report;
    let (standing, behind): (&str, &[String]) = match &target.standing {
        Standing::Current => ("current", &[]),
        Standing::Behind(paths) => ("behind", paths),
        Standing::Failed(_) => ("failed", &[]),
        Standing::Unreachable => ("unreachable", &[]),
    };
    let failure = report.failure.as_ref();
    json!({
        "target": report.target,
        "host": report.host,
        "standing": standing,
        "behind": behind,
        "release": report.release.as_ref().map(|release| release.as_str()),
        "at": report.at.to_string(),
        "failure": failure.map(|failure| json!({"at": failure.at.to_string(), "message": failure.message})),
    })
}

/// What was written to a target, in words.
fn delivery_words(delivery: &Delivery) -> Option<String> {
    let done = delivery.result.as_ref().ok()?;
    let some = |paths: &[String], what: &str| match paths {
        [] => None,
        paths => Some(format!("{} {what} ({})", paths.len(), listed(paths))),
    };
    let parts = [
        some(&done.written, "written"),
        some(&done.retired, "emptied"),
        some(&done.removed, "removed"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(if parts.is_empty() {
        format!("  published to {}: everything was there", delivery.target)
    } else {
        format!("  published to {}: {}", delivery.target, parts.join(", "))
    })
}

fn delivery_json(delivery: &Delivery) -> Json {
    match &delivery.result {
        Ok(done) => json!({
            "target": delivery.target,
            "written": done.written,
            "retired": done.retired,
            "removed": done.removed,
        }),
        Err(error) => json!({
            "target": delivery.target,
            "error": error.to_string(),
            "behind": delivery.behind,
        }),
    }
}

/// Twelve digits tell releases apart.
fn cut(release: &str) -> &str {
    release.get(..12).unwrap_or(release)
}

fn short(entry: &Entry) -> String {
    cut(entry.release.as_str()).to_owned()
}

fn words(entry: &Entry) -> String {
    format!(
        "{} of revision {}, by {} at {}",
        short(entry),
        entry.revision,
        entry.actor,
        entry.at
    )
}

fn entry_json(entry: &Entry) -> Json {
    json!({
        "release": entry.release.as_str(),
        "revision": entry.revision.0,
        "actor": entry.actor,
        "at": entry.at.to_string(),
    })
}

fn change_words(change: &ProxyChange) -> String {
    format!("{}: {}", what(change.what), change.key)
}

fn change_json(change: &ProxyChange) -> Json {
    json!({"proxy": change.key.path(), "folder": change.path, "change": what(change.what)})
}

fn what(what: WhatChanged) -> &'static str {
    match what {
        WhatChanged::Added => "added",
        WhatChanged::Configuration => "changed",
        WhatChanged::Bootstrap => "changed, restart to follow",
        WhatChanged::Removed => "gone",
    }
}
