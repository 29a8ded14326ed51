//! References that lead nowhere, and what is said of them.

use crate::codes;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Reference;

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Who names what, in which field.
    pub reference: Reference,
    /// A name that is there and nearly the same.
    pub near: Option<String>,
    /// What has its name and is of another kind.
    pub other: Option<ResourceKey>,
}

/// The warning that a resource names what is not there.
pub fn dangling(missing: &Missing) -> Diagnostic {
    let Reference {
        from, to, pointer, ..
    } = &missing.reference;
    let near = match (&missing.near, &missing.other) {
        (_, Some(other)) => format!("`{}` is a {}; ", other.name, other.kind),
        (Some(near), None) => format!("did you mean `{near}`? "),
        (None, None) => String::new(),
    };
    Diagnostic::warning(
        codes::DANGLING,
        format!("{from} names {to}, which does not exist yet"),
    )
    .help(format!(
        "{near}until it is written the mesh is not valid, and running proxies keep their last release"
    ))
    .at(ProblemLocation::of(from, pointer))
}
