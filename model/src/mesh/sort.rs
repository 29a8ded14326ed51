//! From resources in any order to a mesh.

use super::tables::Tables;
use super::{Mesh, references};
use crate::codes;
use crate::diag::{Diagnostic, ProblemLocation};
use crate::kind::Kind;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::MeshSpec;
use std::collections::{BTreeMap, BTreeSet};

/// Sorts resources into a mesh; see [`Mesh::new`].
pub(super) fn sort(resources: Vec<Resource>) -> Result<Mesh, Vec<Diagnostic>> {
    let problems = identity(&resources);
    if !problems.is_empty() {
        return Err(problems);
    }
    let name = resources
        .first()
        .map_or_else(String::new, |first| first.key.mesh.clone());
    let mut mesh = empty(name);
    for resource in resources {
        mesh.refer(&references(&resource));
        mesh.note_profile(&resource);
        mesh.tables.add(resource);
    }
    mesh.tables.sort();
    Ok(mesh)
}

/// What keeps resources from being one mesh: sorted, so that their order does not matter.
fn identity(resources: &[Resource]) -> Vec<Diagnostic> {
    let Some(mesh) = resources.iter().map(|resource| &resource.key.mesh).min() else {
        return vec![
            Diagnostic::error(codes::NOTHING, "there are no resources")
                .help("a mesh has at least the resource `mesh` itself"),
        ];
    };
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for resource in sorted {
        let key = &resource.key;
        let here = || ProblemLocation::of(key, &Pointer::root());
        if key.mesh != *mesh {
            problems.push(
                Diagnostic::error(
                    codes::SEVERAL_MESHES,
                    format!("{key} does not belong with mesh `{mesh}`"),
                )
                .help("give the resources of one mesh at a time")
                .at(here()),
            );
        }
        if !seen.insert(key) {
            problems.push(
                Diagnostic::error(codes::TWICE, format!("{key} is given twice"))
                    .help("give each resource once, or another name to one of them")
                    .at(here()),
            );
        }
        problems.extend(misfit(resource));
    }
    problems
}

/// Why a resource's key does not fit its spec: [`Mesh::new`] and [`Mesh::apply`] refuse such a resource.
pub fn misfit(resource: &Resource) -> Option<Diagnostic> {
    let key = &resource.key;
    let kind = resource.spec.kind();
    let why = if key.kind != kind {
        format!("{key} has the spec of a {kind}")
    } else if key.kind == Kind::Mesh && key.name != key.mesh {
        format!("mesh `{}` has a key of mesh `{}`", key.name, key.mesh)
    } else {
        match (kind.parent(), &key.parent) {
            (Some(parent), None) => format!("{kind} `{}` does not say its {parent}", key.name),
            (None, Some(parent)) => format!("{kind} `{}` says a parent, `{parent}`", key.name),
            _ => return None,
        }
    };
    Some(
        Diagnostic::error(codes::MISFIT, why)
            .help("a key has its spec's kind; routes and gateway routes have a parent, nothing else has")
            .at(ProblemLocation::of(key, &Pointer::root())),
    )
}

pub(super) fn empty(name: String) -> Mesh {
    Mesh {
        name,
        tables: Tables::default(),
        fallback: MeshSpec::default(),
        own_profiles: BTreeMap::new(),
        default_profiles: BTreeSet::new(),
        referrers: BTreeMap::new(),
    }
}
