//! The rules of a mesh beyond a field: what [`mod@codes`] lists.
//!
//! Field-level validation comes first: these rules look at typed resources. Each module holds the rules of one
//! subject; each rule reports every place where it is broken. The work grows with the number of references,
//! not with pairs of resources. Each rule is asked of one resource at a time (`subjects`), so that after a change
//! only those are asked again that it can concern.

mod addresses;
mod backends;
mod durations;
mod extensions;
mod gateway_routes;
mod listeners;
mod logs;
mod names;
mod profiles;
mod quotas;
mod re2;
mod reachability;
mod references;
mod regexes;
mod retries;
mod routes;
mod subjects;
mod telling;
mod texts;
mod timeouts;
mod tls;
mod weights;

pub use crate::codes;
pub use logs::newer_log_operators;
pub use quotas::{Quota, Quotas};
use subjects::RuleRunner;
pub use subjects::Verdicts;
pub use telling::{looks_like_id, meant, missing, of_another_kind, suggested, told, told_together};

use crate::diag::{Code, Diagnostic, ProblemLocation};
use crate::key::ResourceKey;
use crate::mesh::Mesh;
use crate::pointer::Pointer;
use crate::resource::Resource;

/// What may be chosen about the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Limits on how many; none by default.
    pub quotas: Quotas,
}

/// Everything that is wrong with a mesh, sorted by place, then by code: the same for the same resources in any
/// order.
pub fn check(mesh: &Mesh, options: &Options) -> Vec<Diagnostic> {
    let mut report = Findings::default();
    let mut judge = RuleRunner::new(mesh, options);
    judge.all(&mut |_, found| report.list.extend(found));
    report.sorted()
}

impl Mesh {
    /// Everything that is wrong with the mesh beyond its fields, sorted by place. Errors: the mesh is not
    /// valid. Warnings: it is, but somebody should look.
    pub fn check(&self) -> Vec<Diagnostic> {
        check(self, &Options::default())
    }

    pub fn check_with(&self, options: &Options) -> Vec<Diagnostic> {
        check(self, options)
    }
}

/// What is wrong with one resource by itself, whatever else the mesh has: for where the others are not known, as
/// while a configuration is being judged.
pub fn check_alone(resource: Resource) -> Vec<Diagnostic> {
    let key = resource.key.clone();
    let mesh = match Mesh::new(vec![resource]) {
        Ok(mesh) => mesh,
        Err(problems) => return problems,
    };
    let mut report = Findings::default();
    RuleRunner::new(&mesh, &Options::default()).one(&key, &mut report);
    report.sorted()
}

/// What rules have found so far.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Diagnostic>,
}

// === impl Findings ===

impl Findings {
    /// An error at a field of a resource.
    fn error(&mut self, code: Code, at: (&ResourceKey, impl Into<Pointer>), message: String, help: &str) {
        self.add(Diagnostic::error(code, message).help(help).at(place(at.0, at.1)));
    }

    /// A warning at a field of a resource.
    fn warning(&mut self, code: Code, at: (&ResourceKey, impl Into<Pointer>), message: String, help: &str) {
        self.add(
            Diagnostic::warning(code, message)
                .help(help)
                .at(place(at.0, at.1)),
        );
    }

    fn add(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// In an order that does not depend on which rule was asked first.
    fn sorted(mut self) -> Vec<Diagnostic> {
        type LocationKey<'d> = (&'d Option<ResourceKey>, &'d Pointer);
        fn at(place: &ProblemLocation) -> LocationKey<'_> {
            (&place.resource, &place.pointer)
        }
        fn key(d: &Diagnostic) -> (Option<LocationKey<'_>>, Code, &str, &Option<String>) {
            (d.places.first().map(at), d.code, &d.message, &d.help)
        }
        self.list.sort_by(|a, b| {
            let places = || a.places.iter().map(at).cmp(b.places.iter().map(at));
            key(a).cmp(&key(b)).then_with(places)
        });
        self.list
    }
}

/// A place in a resource: a typed path, or the pointer of a reference.
fn place(key: &ResourceKey, path: impl Into<Pointer>) -> ProblemLocation {
    ProblemLocation::of(key, &path.into())
}

/// A resource as it is called within its mesh: ``route `x` of virtual router `y` ``.
fn named(key: &ResourceKey) -> String {
    let own = format!("{} `{}`", key.kind, key.name);
    match (key.kind.parent(), &key.parent) {
        (Some(kind), Some(parent)) => format!("{own} of {kind} `{parent}`"),
        _ => own,
    }
}

/// `80, 443 and 8080`; `none` when there are none.
fn listed(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
