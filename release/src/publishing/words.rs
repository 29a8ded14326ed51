//! What is said of targets: which lack the current release, why, and the command that brings it there.

use crate::codes;
use crate::error::ReleaseError;
use crate::releaser::Releaser;
use crate::target::{Delivery, Target, TargetFailure, TargetState, TargetStatus};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_store::Store;

/// How many proxies a message names: it is told with every plan, so it must stay short.
const NAMED: usize = 5;

impl Releaser {
    /// The command that brings a mesh, or one target of it, to what the store has.
    pub fn command(&self, mesh: &str, target: Option<&str>) -> String {
        self.command_of("release", mesh, target)
    }

    /// A command about releases, with everything that it needs to be run elsewhere.
    pub(crate) fn command_of(&self, verb: &str, mesh: &str, target: Option<&str>) -> String {
        let mut command = format!(
            "meshform {verb} --store {} --mesh {mesh}",
            store_argument(&*self.store)
        );
        // A store in a bucket is published to without being named.
        let own = self.store.place();
        let targets = self.targets.iter().map(Target::name);
        for name in targets.filter(|name| own.trim_end_matches('/') != name) {
            if target.is_none_or(|target| target == name) {
                command.push_str(&format!(" --publish {name}"));
            }
        }
        if let Some(target) = target
            && !self.targets.iter().any(|known| known.name() == target)
        {
            command.push_str(&format!(" --publish {target}"));
        }
        command
    }

    /// That a target does not have the current release, as a warning; none where it has. Of one that cannot be looked at from
    /// here, the caller knows that what it reported is not current.
    pub fn target_warning(&self, mesh: &str, status: &TargetStatus) -> Option<Diagnostic> {
        let report = &status.report;
        let since = |failure: &TargetFailure| format!(" since {}: {}", failure.at, failure.message);
        let why = report.failure.as_ref().map(since).unwrap_or_default();
        let (message, help) = match &status.standing {
            TargetState::Current => return None,
            TargetState::Unreachable => {
                let (on, there) = match report.host.as_str() {
                    "" => (String::new(), ""),
                    host => (format!(" on {host}"), "there, "),
                };
                let message = match &report.failure {
                    Some(failure) => format!(
                        "`{}`{on} could not be brought to the current release of mesh `{mesh}` at {}: {}",
                        report.target, failure.at, failure.message
                    ),
                    None => format!(
                        "`{}`{on} had a release of mesh `{mesh}` before the current one when it was reported last, at {}",
                        report.target, report.at
                    ),
                };
                let command = self.command(mesh, Some(&report.target));
                (message, format!("{there}run `{command}`"))
            }
            TargetState::Behind(paths) => (
                format!(
                    "`{}` does not have the current release of mesh `{mesh}`{why}; behind: {}",
                    report.target,
                    listed(paths)
                ),
                format!("run `{}`", self.command(mesh, Some(&report.target))),
            ),
            TargetState::Failed(error) => (
                format!("`{}` cannot be read for mesh `{mesh}`: {error}", report.target),
                format!(
                    "when that is fixed, run `{}`",
                    self.command(mesh, Some(&report.target))
                ),
            ),
        };
        let mine = self.targets.iter().any(|target| report.is_of(target, &self.host));
        let help = match mine {
            true => help,
            false => format!(
                "{help}; where no proxy reads it any more, `meshform release --store {} --mesh {mesh} --forget {}`",
                store_argument(&*self.store),
                report.target
            ),
        };
        let place = ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root());
        Some(Diagnostic::warning(codes::BEHIND, message).help(help).at(place))
    }

    /// That a target could not be brought to the current release just now.
    pub fn undelivered(&self, mesh: &str, delivery: &Delivery) -> Option<Diagnostic> {
        let place = ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root());
        if delivery.is_elsewhere {
            let message = format!(
                "`{}` is on another file system than at the last publish, and had no files of mesh `{mesh}`; proxies behind: {}",
                delivery.target,
                listed(&delivery.behind)
            );
            let help = format!(
                "if a mount is missing, running proxies still read the files on it: mount it again and run `{}`",
                self.command(mesh, Some(&delivery.target))
            );
            return Some(Diagnostic::warning(codes::BEHIND, message).help(help).at(place));
        }
        let error = delivery.result.as_ref().err()?;
        let behind = match delivery.behind.as_slice() {
            [] => String::new(),
            paths => format!("; behind: {}", listed(paths)),
        };
        let message = format!(
            "the release of mesh `{mesh}` is not published to `{}`: {error}{behind}",
            delivery.target
        );
        let help = match error {
            ReleaseError::Publish { .. } => format!(
                "fix the cause and run `{}`, or apply a change of the mesh; until then running proxies keep what \
                 they have",
                self.command(mesh, Some(&delivery.target))
            ),
            other => format!(
                "{}; then run `{}`",
                other.help(),
                self.command(mesh, Some(&delivery.target))
            ),
        };
        Some(Diagnostic::warning(error.code(), message).help(help).at(place))
    }
}

/// Some of many, in words.
pub fn listed(paths: &[String]) -> String {
    let named: Vec<&str> = paths.iter().take(NAMED).map(String::as_str).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The store as the option `--store` takes it: the embedded one by its directory.
pub fn store_argument(store: &dyn Store) -> String {
    let place = store.place();
    match place.strip_suffix("/store.db") {
        Some(directory) => directory.to_owned(),
        None => place,
    }
}
