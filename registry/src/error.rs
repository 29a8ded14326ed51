//! What may go wrong, with the way out.

use crate::codes;
use meshform_model::diag::{Code, Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::{Reference, Role};
use meshform_model::pointer::Pointer;
use meshform_store::{Conflict, StoreError};

/// The outcome of an operation.
pub type Result<T> = std::result::Result<T, RegistryError>;

/// Why an operation did not take place. Nothing was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The store could not do it, or another record than the expected one is there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run of the same owner changed the same fields in another way.
    #[error("{conflict}, and what was changed is changed here too")]
    BothChanged {
        /// What is there, and who wrote it.
        conflict: Box<Conflict>,
        fields: Vec<Pointer>,
    },
    /// It names others by their ids.
    #[error("{}", .0.first().map_or("an id where a name belongs", |first| first.message.as_str()))]
    Misnamed(Vec<Diagnostic>),
    /// What the resource would be in is not there.
    #[error("{container} does not exist")]
    NoContainer {
        key: ResourceKey,
        container: ResourceKey,
    },
    /// Other resources keep the resource.
    #[error("{}", describe(key, holds))]
    InUse {
        /// Which resource was to go.
        key: ResourceKey,
        /// What keeps it; at least one.
        holds: Vec<DeletionBlocker>,
    },
}

/// What keeps a resource from being deleted: something inside it, or something that refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionBlocker {
    /// Who refers, in which field.
    pub reference: Reference,
    /// The owner of the resource that refers.
    pub owner: String,
    /// Who wrote that resource last.
    pub actor: String,
}

impl DeletionBlocker {
    fn is_inside(&self) -> bool {
        self.reference.role == Role::Container
    }
}

fn describe(key: &ResourceKey, holds: &[DeletionBlocker]) -> String {
    let Some(first) = holds.first() else {
        return format!("{key} is in use");
    };
    let more = match holds.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let DeletionBlocker {
        reference,
        owner,
        actor,
    } = first;
    if first.is_inside() {
        let from = &reference.from;
        return format!("{key} still contains {from}{more}, written by `{actor}` (owner `{owner}`)");
    }
    let verb = reference.role.verb();
    let also = match holds.len() - 1 {
        0 => String::new(),
        1 => "; so does one other resource".to_owned(),
        more => format!("; so do {more} other resources"),
    };
    format!(
        "{} still {verb} {key}{also}. It was written by `{actor}` (owner `{owner}`)",
        reference.from
    )
}

impl RegistryError {
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::BothChanged { .. } => meshform_store::codes::CONFLICT,
            Self::Misnamed(_) => meshform_model::codes::NOT_A_NAME,
            Self::NoContainer { .. } => codes::NOT_FOUND,
            Self::InUse { .. } => codes::IN_USE,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Store(error) => error.help(),
            Self::BothChanged { conflict, .. } => StoreError::Conflict(conflict.clone()).help(),
            Self::NoContainer { .. } => "create it first".to_owned(),
            Self::Misnamed(problems) => {
                let first = problems.first().and_then(|first| first.help.clone());
                first.unwrap_or_default()
            }
            Self::InUse { holds, .. } if holds.iter().any(DeletionBlocker::is_inside) => {
                "delete its contents first".to_owned()
            }
            Self::InUse { .. } => "delete it, or change its reference, first".to_owned(),
        }
    }

    /// Whether the resource is not there: what a REST API answers with 404.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Store(StoreError::Conflict(conflict)) => conflict.found.is_none(),
            other => matches!(other, Self::NoContainer { .. }),
        }
    }

    /// Whether somebody else wrote first: what a REST API answers with 409.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Store(StoreError::Conflict(conflict)) => conflict.found.is_some(),
            other => matches!(other, Self::BothChanged { .. }),
        }
    }

    /// As every other problem is told; one for each field that two have changed.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let problem = |key: &ResourceKey, pointer: &Pointer| {
            let problem = Diagnostic::error(self.code(), self.to_string()).help(self.help());
            problem.at(ProblemLocation::of(key, pointer))
        };
        match self {
            Self::Store(error) => vec![error.diagnostic()],
            Self::Misnamed(problems) => problems.clone(),
            Self::NoContainer { key, .. } => vec![problem(key, &Pointer::root())],
            Self::BothChanged { conflict, fields } => {
                let all = fields.iter().map(|field| problem(&conflict.key, field));
                all.collect()
            }
            Self::InUse { key, holds } => {
                let mut told = problem(key, &Pointer::root());
                let others = holds.iter().filter(|hold| !hold.is_inside()).take(TOLD);
                told.places.extend(
                    others.map(|hold| ProblemLocation::of(&hold.reference.from, &hold.reference.pointer)),
                );
                vec![told]
            }
        }
    }
}

/// How many of the resources that keep one are told of, as places: who sees ten knows what to look for.
const TOLD: usize = 10;
