//! The plan modifiers that most providers need.

use std::fmt;

use super::{Change, Field, PlanModifier};
use crate::value::Value;

/// A changed value makes a new object.
#[derive(Debug, Clone, Copy)]
pub struct RequiresReplace;

/// A changed value makes a new object when the configuration sets it.
#[derive(Debug, Clone, Copy)]
pub struct RequiresReplaceIfConfigured;

/// A changed value makes a new object when the function says so.
#[derive(Clone, Copy)]
pub struct RequiresReplaceIf(pub fn(&Field<'_>, planned: &Value) -> bool);

/// A computed value stays what it was, also when it was null. In a new object or block it stays unknown.
#[derive(Debug, Clone, Copy)]
pub struct UseStateForUnknown;

/// A computed value stays what it was, unless it was null.
#[derive(Debug, Clone, Copy)]
pub struct UseNonNullStateForUnknown;

/// Whether what is planned differs from what was there, in an object that exists already.
fn changed(field: &Field<'_>, change: &Change) -> bool {
    field.is_update() && field.prior.unwrap_or(&Value::Null) != &change.planned
}

impl PlanModifier for RequiresReplace {
    fn describe(&self) -> String {
        "a change makes a new object".into()
    }

    fn modify(&self, field: &Field<'_>, change: &mut Change) {
        change.requires_replace |= changed(field, change);
    }
}

impl PlanModifier for RequiresReplaceIfConfigured {
    fn describe(&self) -> String {
        "a change in the configuration makes a new object".into()
    }

    fn modify(&self, field: &Field<'_>, change: &mut Change) {
        change.requires_replace |= changed(field, change) && !field.config.is_null();
    }
}

impl PlanModifier for RequiresReplaceIf {
    fn describe(&self) -> String {
        "some changes make a new object".into()
    }

    fn modify(&self, field: &Field<'_>, change: &mut Change) {
        change.requires_replace |= changed(field, change) && self.0(field, &change.planned);
    }
}

impl fmt::Debug for RequiresReplaceIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequiresReplaceIf")
    }
}

impl PlanModifier for UseStateForUnknown {
    fn describe(&self) -> String {
        "the value stays what it was".into()
    }

    fn modify(&self, field: &Field<'_>, change: &mut Change) {
        if let Some(prior) = kept(field, change) {
            change.planned = prior.clone();
        }
    }
}

impl PlanModifier for UseNonNullStateForUnknown {
    fn describe(&self) -> String {
        "the value stays what it was once there is one".into()
    }

    fn modify(&self, field: &Field<'_>, change: &mut Change) {
        if let Some(prior) = kept(field, change).filter(|prior| !prior.is_null()) {
            change.planned = prior.clone();
        }
    }
}

fn kept<'a>(field: &Field<'a>, change: &Change) -> Option<&'a Value> {
    let takes_over = field.is_update() && change.planned.is_unknown() && !field.config.is_unknown();
    field.prior.filter(|_| takes_over)
}

/// A plan modifier from a function.
pub fn modifier(
    describe: &'static str,
    modify: impl Fn(&Field<'_>, &mut Change) + Send + Sync + 'static,
) -> impl PlanModifier {
    Function { describe, modify }
}

struct Function<F> {
    describe: &'static str,
    modify: F,
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "modifier({:?})", self.describe)
    }
}

impl<F: Fn(&Field<'_>, &mut Change) + Send + Sync> PlanModifier for Function<F> {
    fn describe(&self) -> String {
        self.describe.into()
    }

    fn modify(&self, field: &Field<'_>, change: &mut Change) {
        (self.modify)(field, change);
    }
}
