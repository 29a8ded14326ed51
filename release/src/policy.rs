//! When a mesh is released: as soon as it is valid, or when somebody says so. The mesh itself says which, in
//! `extensions.releasePolicy`.

use crate::codes;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::spec::{Extensions, MeshExtensions, ReleasePolicy};

/// Whether a release may be held that leaves a router or a virtual service without routes which had some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldPolicy {
    /// It may: more writes may be on their way.
    Allowed,
    /// It may not: it was held for long enough, or somebody asks for it.
    Over,
}

/// Why a mesh is to be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Somebody asks for it, whatever its policy says.
    Demand,
    /// It was written: its policy decides.
    Write(HoldPolicy),
}

impl Trigger {
    /// Whether a mesh of that policy waits for somebody to ask.
    pub(crate) fn waits(self, policy: ReleasePolicy) -> bool {
        matches!(self, Self::Write(_)) && policy == ReleasePolicy::Manual
    }

    pub(crate) fn may_hold(self) -> bool {
        self == Self::Write(HoldPolicy::Allowed)
    }
}

/// When a mesh is released. A mesh that is not there says nothing of it.
pub(crate) fn policy(mesh: &Mesh) -> ReleasePolicy {
    let extensions = mesh.resource().and_then(|mesh| mesh.extensions.as_ref());
    of_extensions(extensions)
}

/// What the extensions of a mesh say.
pub(crate) fn of_extensions(extensions: Option<&Extensions>) -> ReleasePolicy {
    let policy = extensions.and_then(Extensions::mesh);
    policy
        .and_then(|extensions| extensions.release_policy)
        .unwrap_or_default()
}

/// That what is written to a mesh waits until somebody runs a command.
pub(crate) fn by_hand(mesh: &str, command: &str) -> Diagnostic {
    Diagnostic::warning(
        codes::BY_HAND,
        format!("mesh `{mesh}` has the release policy MANUAL: changes do not reach proxies by themselves"),
    )
    .help(format!("run `{command}`, or add an `appmesh_release` resource"))
    .at(ProblemLocation::of(
        &ResourceKey::mesh(mesh),
        MeshExtensions::path().release_policy().pointer(),
    ))
}
