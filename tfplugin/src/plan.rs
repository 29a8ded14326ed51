//! Plan modifiers: what takes part in planning one attribute or one collection of blocks.

mod modifiers;

use std::fmt::Debug;

pub use modifiers::{
    RequiresReplace, RequiresReplaceIf, RequiresReplaceIfConfigured, UseNonNullStateForUnknown,
    UseStateForUnknown, modifier,
};

use crate::value::Value;
use crate::{Diagnostics, Path};

/// Takes part in planning one attribute or one collection of blocks. It is called for creates and updates,
/// after Terraform's proposal was taken over, defaults were set and computed attributes became unknown.
pub trait PlanModifier: Debug + Send + Sync {
    /// What it does, in a sentence.
    fn describe(&self) -> String;

    /// Changes the plan.
    fn modify(&self, field: &Field<'_>, change: &mut Change);
}

/// What a plan modifier is asked about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Field<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// What the configuration says here.
    pub config: &'a Value,
    /// What was here before; `None` when the object or block around it is new.
    pub prior: Option<&'a Value>,
    /// The whole resource before; null when it is being created.
    pub resource_prior: &'a Value,
    /// The whole configuration.
    pub resource_config: &'a Value,
}

impl Field<'_> {
    /// Whether the resource exists already and is being changed.
    pub fn is_update(&self) -> bool {
        !self.resource_prior.is_null()
    }
}

/// What a plan modifier may change.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Change {
    /// What is planned here.
    pub planned: Value,
    /// Whether this makes a new object.
    pub requires_replace: bool,
    /// Messages for the user.
    pub diagnostics: Diagnostics,
}
