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

    /// Changes what is planned for one attribute, or says that its change needs a new resource.
    fn modify(&self, field: &Field<'_>, change: &mut Change);
}

/// What a plan modifier is asked about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Field<'a> {
    /// Where the attribute stands in the resource.
    pub path: &'a Path,
    /// What the configuration says here.
    pub config: &'a Value,
    /// What was here before; `None` when the object or block around it is new.
    pub prior: Option<&'a Value>,
    /// The whole resource before; null when it is being created.
    pub resource_prior: &'a Value,
    /// The configuration of the whole resource.
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
    /// The value that Terraform is told to expect; unknown where only the apply can tell.
    pub planned: Value,
    /// Whether this makes a new object.
    pub requires_replace: bool,
    /// Errors make the plan fail; warnings are shown with it.
    pub diagnostics: Diagnostics,
}
