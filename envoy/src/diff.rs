//! What differs for proxies between two states of a mesh: which listeners, clusters and routes, because of which resource,
//! and what that means for connections that are open.

use crate::lower::proxy::folder;
use crate::out::{BuiltProxy, Options, affected, build_some};
use crate::resources::{Resource, ResourceType};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A proxy that gets something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyDiff {
    /// The virtual node or virtual gateway.
    pub key: ResourceKey,
    /// Whether it is in both states.
    pub how: Difference,
    /// What it is sent differently, by kind and name. Of a proxy that comes or goes: nothing.
    pub parts: Vec<PartDiff>,
}

/// Something that a proxy is told differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartDiff {
    pub kind: ResourceType,
    pub name: String,
    /// Whether it is in both states.
    pub how: Difference,
    /// The changed resources that it is made from.
    pub causes: BTreeSet<ResourceKey>,
    /// What becomes of connections that are open.
    pub effect: ConnectionEffect,
}

/// In which of the two states something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    Added,
    Removed,
    /// In both, and not alike.
    Changed,
}

/// What a change does to connections that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionEffect {
    /// Nothing: the next request follows the change.
    Untouched,
    /// Requests under way end on the old connections, within the drain time; new ones go to new connections.
    Drained,
    /// It holds from Envoy's next start on, which resets what has not ended by then.
    Restart,
}

impl ProxyDiff {
    /// The folder for its files, as releases name it: `mesh/virtualNode/name`.
    pub fn path(&self) -> String {
        folder(&self.key)
    }

    /// What it is sent differently, and what that does to connections: `2 listeners, routes; open connections are drained`.
    pub fn in_short(&self) -> String {
        let mut counts: BTreeMap<ResourceType, usize> = BTreeMap::new();
        for part in &self.parts {
            *counts.entry(part.kind).or_default() += 1;
        }
        let parts: Vec<String> = counts
            .into_iter()
            .map(|(kind, count)| match (kind, count) {
                (ResourceType::Bootstrap | ResourceType::Routes | ResourceType::Endpoints, _) => {
                    kind.words().to_owned()
                }
                (_, 1) => format!("1 {}", kind.words()),
                (_, many) => format!("{many} {}s", kind.words()),
            })
            .collect();
        let connections = match self.parts.iter().map(|part| part.effect).max() {
            None | Some(ConnectionEffect::Untouched) => "open connections are untouched",
            Some(ConnectionEffect::Drained) => "open connections are drained",
            Some(ConnectionEffect::Restart) => "takes effect when Envoy is restarted",
        };
        format!("{}; {connections}", parts.join(", "))
    }
}

/// The proxies that get something else when these resources are written or taken away between two valid states.
///
/// # Errors
/// When something of one of the states has no form in Envoy.
pub fn diff(before: &Mesh, after: &Mesh, changed: &[ResourceKey]) -> Result<Vec<ProxyDiff>, Vec<Diagnostic>> {
    let options = Options {
        static_files: false,
        ..Options::new(Options::DEFAULT_ROOT)
    };
    // Seen from either side: what comes and what goes is affected, too.
    let mut reached = affected(before, after, changed);
    reached.extend(affected(after, before, changed));
    let built = |mesh| -> Result<BTreeMap<ResourceKey, BuiltProxy>, Vec<Diagnostic>> {
        let output = build_some(mesh, &reached, &options)?;
        let keyed = output.proxies.into_iter().map(|proxy| (proxy.key.clone(), proxy));
        Ok(keyed.collect())
    };
    let (old, new) = (built(before)?, built(after)?);
    let changed: BTreeSet<&ResourceKey> = changed.iter().collect();
    let mut out = Vec::new();
    for key in reached {
        let (how, parts) = match (old.get(&key), new.get(&key)) {
            (Some(old), Some(new)) => (Difference::Changed, parts(old, new, &changed)),
            (Some(_), None) => (Difference::Removed, Vec::new()),
            (None, Some(_)) => (Difference::Added, Vec::new()),
            (None, None) => continue,
        };
        if how != Difference::Changed || !parts.is_empty() {
            out.push(ProxyDiff { key, how, parts });
        }
    }
    Ok(out)
}

fn parts(old: &BuiltProxy, new: &BuiltProxy, changed: &BTreeSet<&ResourceKey>) -> Vec<PartDiff> {
    let (before, after) = (by_name(old), by_name(new));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    let mut out = Vec::new();
    for (kind, name) in names {
        let pair = (
            before.get(&(kind, name)).copied(),
            after.get(&(kind, name)).copied(),
        );
        let how = match pair {
            (Some(old), Some(new)) if old.digest == new.digest => continue,
            (Some(_), Some(_)) => Difference::Changed,
            (Some(_), None) => Difference::Removed,
            (None, _) => Difference::Added,
        };
        let origins = [pair.0, pair.1]
            .into_iter()
            .flatten()
            .flat_map(|one| &one.origins);
        let causes = origins
            .map(|part| &*part.origin.key)
            .filter(|key| changed.contains(key))
            .cloned()
            .collect();
        out.push(PartDiff {
            kind,
            name: name.to_owned(),
            how,
            causes,
            effect: effect(kind, how),
        });
    }
    out
}

type ByName<'p> = BTreeMap<(ResourceType, &'p str), &'p Resource>;

fn by_name(proxy: &BuiltProxy) -> ByName<'_> {
    let all = proxy
        .resources
        .iter()
        .map(Arc::as_ref)
        .chain([&proxy.resources.bootstrap]);
    all.map(|one| {
        // A bootstrap is one, whatever its node is called.
        let name = match one.kind {
            ResourceType::Bootstrap => "bootstrap",
            _ => one.name.as_str(),
        };
        ((one.kind, name), one)
    })
    .collect()
}

/// Envoy takes listeners and clusters anew and drains the old ones; routes, endpoints and secrets are swapped in place.
fn effect(kind: ResourceType, how: Difference) -> ConnectionEffect {
    match (kind, how) {
        (ResourceType::Bootstrap, _) => ConnectionEffect::Restart,
        (_, Difference::Added) | (ResourceType::Routes | ResourceType::Secret, _) => {
            ConnectionEffect::Untouched
        }
        (ResourceType::Listener | ResourceType::Cluster | ResourceType::Endpoints, _) => {
            ConnectionEffect::Drained
        }
    }
}
