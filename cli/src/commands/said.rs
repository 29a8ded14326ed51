//! What `release`, `pin`, `unpin`, `history` and `status` have in common: which meshes, and how it is reported.

use super::load::no_mesh;
use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::render::{self, Format, FormatArgument};
use crate::store::{self, StoreArgument};
use meshform_model::diag::{Diagnostic, Severity, Sources};
use meshform_release::{
    Delivery, ProxyChange, Refusals, ReleaseEntry, ReleaseOutcome, ReleaseVerdict, Releaser, TargetStatus,
    WhatChanged, listed,
};
use meshform_store::{Prefix, Revision, Store};
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

pub(super) type Problem = Box<Diagnostic>;

/// What a command has to say: for people, for programs, and what is wrong.
#[derive(Default)]
pub(super) struct CommandReport {
    pub(super) lines: Vec<String>,
    pub(super) json: Vec<Json>,
    pub(super) problems: Vec<Diagnostic>,
}

/// What was found out, or why nothing was.
pub(super) struct Report {
    said: CommandReport,
    failed: bool,
    format: Format,
}

/// Opens the store, finds the meshes, does the work, and reports.
pub(super) fn run(
    arguments: &MeshArguments,
    io: &mut Io,
    work: impl FnOnce(&Io, Arc<dyn Store>, &[String]) -> Result<CommandReport, Problem>,
) -> Exit {
    let done = arguments
        .open(io)
        .and_then(|store| work(io, Arc::clone(&store), &arguments.meshes_there(io, &store)?));
    Report::of(arguments, done).tell(io)
}

impl MeshArguments {
    pub(super) fn open(&self, io: &Io) -> Result<Arc<dyn Store>, Problem> {
        store::open(io, &self.store.store)
    }

    /// The mesh that is named, which who watches may wait for, or all of the store.
    pub(super) fn meshes(&self, io: &Io, store: &Arc<dyn Store>) -> Result<Vec<String>, Problem> {
        match &self.mesh {
            Some(mesh) => Ok(vec![mesh.clone()]),
            None => written_meshes(io, store),
        }
    }

    /// The same, of what the store holds. A mesh that is gone still has releases.
    fn meshes_there(&self, io: &Io, store: &Arc<dyn Store>) -> Result<Vec<String>, Problem> {
        let Some(mesh) = &self.mesh else {
            return written_meshes(io, store);
        };
        let known = known_meshes(&**store)?;
        if !known.contains(mesh) {
            let releaser = store::releaser(io, Arc::clone(store), &[])?;
            let history = store::wait(releaser.history(mesh))?.map_err(|error| store::told(&error))?;
            if history.is_empty() {
                return Err(Box::new(no_mesh(mesh, known.iter().map(String::as_str))));
            }
        }
        Ok(vec![mesh.clone()])
    }
}

fn known_meshes(store: &dyn Store) -> Result<Vec<String>, Problem> {
    store::wait(store.meshes())?.map_err(|error| Box::new(error.diagnostic()))
}

/// Those that were ever written. An agent or a poller that was given a misspelt name has left its reports in a bucket, where
/// they look like a mesh. One that is gone is among them as long as a place has something of it that proxies may run.
fn written_meshes(io: &Io, store: &Arc<dyn Store>) -> Result<Vec<String>, Problem> {
    let names =
        store::wait(store.meshes_and_gone())?.map_err(|error| Box::new(error.diagnostic()) as Problem)?;
    let releaser = store::releaser(io, Arc::clone(store), &[])?;
    let mut written = Vec::new();
    for mesh in names {
        let listing = store::wait(store.list(&Prefix::mesh(&mesh)))?;
        // What cannot be read is told by whoever needs it.
        if let Ok(listing) = listing {
            let is_gone = listing.records.is_empty() && listing.unreadable.is_empty();
            if listing.revision == Revision(0) || is_gone && !is_left_somewhere(&releaser, &mesh)? {
                continue;
            }
        }
        written.push(mesh);
    }
    Ok(written)
}

/// Whether a place still has something of a mesh that is gone, or failed when it was to be taken away. A directory may have
/// been away then, as a mount is, and came back with what it had.
fn is_left_somewhere(releaser: &Releaser, mesh: &str) -> Result<bool, Problem> {
    // What cannot be read is told by whoever needs it.
    let Ok(state) = store::wait(releaser.state(mesh))? else {
        return Ok(true);
    };
    let mut targets = state.targets.iter();
    if state.current.is_some() || targets.any(|target| target.release.is_some() || target.failure.is_some()) {
        return Ok(true);
    }
    // Buckets are never away without an error.
    if state.targets.iter().all(|target| target.host.is_empty()) {
        return Ok(false);
    }
    let status = store::wait(releaser.status(mesh))?;
    let is_behind = |target: &TargetStatus| target.is_behind(None);
    Ok(status.map_or(true, |status| status.targets.iter().any(is_behind)))
}

impl Report {
    pub(super) fn of(arguments: &MeshArguments, done: Result<CommandReport, Problem>) -> Self {
        let format = arguments.format.format;
        match done {
            Ok(said) => Self {
                said,
                failed: false,
                format,
            },
            Err(problem) => Self {
                said: CommandReport {
                    problems: vec![*problem],
                    ..CommandReport::default()
                },
                failed: true,
                format,
            },
        }
    }

    /// Whether another report would say the same.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        (&self.said.lines, &self.said.json, &self.said.problems)
            == (&other.said.lines, &other.said.json, &other.said.problems)
    }

    /// One line of JSON, or what people are told, of which more may follow.
    pub(super) fn tell_on(&self, io: &mut Io) {
        match self.format {
            Format::Json => io.print(&format!("{}\n", self.json())),
            Format::Text => self.text(io),
        }
        io.finish();
    }

    pub(super) fn tell(self, io: &mut Io) -> Exit {
        match self.format {
            Format::Json => io.print(&format!("{:#}\n", self.json())),
            Format::Text => self.text(io),
        }
        match (self.failed, self.said.problems.iter().any(Diagnostic::is_error)) {
            (true, _) => Exit::WrongUse,
            (false, true) => Exit::Found,
            (false, false) => Exit::Fine,
        }
    }

    fn json(&self) -> Json {
        json!({
            "meshes": self.said.json,
            "problems": render::problems_json(&Sources::default(), &self.said.problems),
        })
    }

    fn text(&self, io: &mut Io) {
        render::tell(io, &Sources::default(), &self.said.problems);
        // Names and reasons in them are the words of proxies and of other writers.
        for line in self.said.lines.iter().flat_map(|lines| lines.split('\n')) {
            io.print(&format!("{}\n", render::clean(line)));
        }
    }
}

/// The one mesh that a command is about.
pub(super) fn only(meshes: &[String]) -> Result<&str, Problem> {
    match meshes {
        [one] => Ok(one),
        [] => Err(Box::new(Diagnostic::error(
            codes::NOT_THERE,
            "the store holds no mesh",
        ))),
        many => Err(Box::new(
            Diagnostic::error(
                meshform_model::codes::SEVERAL_MESHES,
                format!("the store holds several meshes: `{}`", many.join("`, `")),
            )
            .help("choose one with `--mesh NAME`"),
        )),
    }
}

impl CommandReport {
    /// What became of a mesh.
    pub(super) fn outcome(&mut self, releaser: &Releaser, outcome: &ReleaseOutcome) {
        let mesh = &outcome.mesh;
        let (line, name, changes): (String, &str, &[ProxyChange]) = match &outcome.verdict {
            ReleaseVerdict::Invalid => (
                format!("mesh `{mesh}` is not valid; proxies keep their last release"),
                "notWhole",
                &[],
            ),
            ReleaseVerdict::Unchanged(_) => (format!("mesh `{mesh}`: nothing to release"), "unchanged", &[]),
            ReleaseVerdict::Pinned(release) => (
                format!("mesh `{mesh}`: held at {}", cut(release.as_str())),
                "pinned",
                &[],
            ),
            ReleaseVerdict::Released { release, changes } => (
                format!("mesh `{mesh}`: released {}", cut(release.as_str())),
                "released",
                changes,
            ),
            ReleaseVerdict::Withdrawn(changes) => (
                format!("mesh `{mesh}` is gone, and so is its release"),
                "withdrawn",
                changes,
            ),
            ReleaseVerdict::Held(release) => (
                format!("mesh `{mesh}`: kept at {}", cut(release.as_str())),
                "held",
                &[],
            ),
            ReleaseVerdict::Waits => (
                format!("mesh `{mesh}` has the release policy MANUAL; proxies keep their last release"),
                "waits",
                &[],
            ),
            ReleaseVerdict::Nothing => (format!("there is nothing of a mesh `{mesh}`"), "nothing", &[]),
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
    pub(super) fn deliveries(&mut self, releaser: &Releaser, mesh: &str, deliveries: &[Delivery]) {
        for one in deliveries {
            self.lines.extend(delivery_words(one));
            self.problems
                .extend(releaser.undelivered(mesh, one).map(|mut problem| {
                    problem.severity = Severity::Error;
                    problem
                }));
        }
    }

    /// Targets that lack what was released: not everything was brought where proxies look for it.
    pub(super) fn behind(&mut self, problems: Vec<Diagnostic>) {
        self.problems.extend(problems.into_iter().map(|mut problem| {
            problem.severity = Severity::Error;
            problem
        }));
    }
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
        format!("  published to {}: already up to date", delivery.target)
    } else {
        format!("  published to {}: {}", delivery.target, parts.join(", "))
    })
}

pub(super) fn delivery_json(delivery: &Delivery) -> Json {
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
pub(super) fn cut(release: &str) -> &str {
    release.get(..12).unwrap_or(release)
}

pub(super) fn short(entry: &ReleaseEntry) -> String {
    cut(entry.release.as_str()).to_owned()
}

pub(super) fn words(entry: &ReleaseEntry) -> String {
    format!(
        "{} of revision {}, by {} at {}",
        short(entry),
        entry.revision,
        entry.actor,
        entry.at
    )
}

/// Which proxies refuse a release that a control plane told them, and why.
pub(super) fn refused_words(refused: &Refusals) -> Vec<String> {
    let one = |(proxy, reasons): (&String, &Vec<String>)| {
        let reasons = reasons.iter().map(|reason| reason_words(reason));
        let head = format!("    refused by the Envoy of {proxy}:");
        std::iter::once(head).chain(reasons).collect::<Vec<_>>()
    };
    refused.iter().flat_map(one).collect()
}

/// A reason of a proxy below what it is about. It is one line, whatever the proxy wrote: another could pass for one of ours.
pub(super) fn reason_words(reason: &str) -> String {
    format!(
        "      {}",
        reason.lines().map(str::trim).collect::<Vec<_>>().join(" ")
    )
}

pub(super) fn entry_json(entry: &ReleaseEntry) -> Json {
    json!({
        "release": entry.release.as_str(),
        "revision": entry.revision.0,
        "actor": entry.actor,
        "at": entry.at.to_string(),
    })
}

pub(super) fn change_words(change: &ProxyChange) -> String {
    format!("{}: {}", what(change.what), change.key)
}

pub(super) fn change_json(change: &ProxyChange) -> Json {
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
