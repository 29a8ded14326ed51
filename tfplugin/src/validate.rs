//! Validators: what a configured value must look like.

mod across;
mod plain;

use std::fmt::Debug;

pub use across::{AlsoRequires, AtLeastOneOf, ConflictsWith, ExactlyOneOf, across};
pub use plain::{
    Between, Each, Keys, Length, Matches, OneOf, Size, Unique, at_least, at_most, between, each, keys,
    length, matches, one_of, size, unique, validator,
};

use crate::value::Value;
use crate::{Diagnostics, Path};

/// Checks one configured value, during `terraform validate` and at the start of every plan.
pub trait Validator: Debug + Send + Sync {
    /// What it demands, in words that complete "must …".
    fn describe(&self) -> String;

    /// Reports what is wrong. Null and unknown values are not shown to it, unless
    /// [`sees_everything`](Self::sees_everything) says so.
    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics);

    /// Whether null and unknown values are shown to it too.
    fn sees_everything(&self) -> bool {
        false
    }
}

/// What a validator is asked about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Field<'a> {
    /// Where the value stands in the configuration; diagnostics about it carry this path.
    pub path: &'a Path,
    /// The value as configured. It is null or unknown only for validators that see everything.
    pub value: &'a Value,
    /// The configuration of the whole resource, for rules about several attributes.
    pub config: &'a Value,
    /// Whether the value must not be shown.
    pub sensitive: bool,
}

impl<'a> Field<'a> {
    /// The field of a configured value.
    pub fn new(path: &'a Path, value: &'a Value, config: &'a Value) -> Self {
        Self {
            path,
            value,
            config,
            sensitive: false,
        }
    }

    /// Reports that the value does not do what the validator demands.
    pub fn refuse(&self, demand: &str, found: &mut Diagnostics) {
        let got = match self.value.plain() {
            _ if self.sensitive => "a sensitive value".to_owned(),
            Value::String(text) => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::List(items) | Value::Set(items) => format!("{} elements", items.len()),
            Value::Map(entries) => format!("{} entries", entries.len()),
            other => other.kind().to_owned(),
        };
        let name = self.path.to_string();
        found.error(
            self.path,
            "Invalid value",
            format!("`{name}` must {demand}, got {got}."),
        );
    }
}

/// Runs validators on one value.
pub(crate) fn run(validators: &[std::sync::Arc<dyn Validator>], field: &Field<'_>, found: &mut Diagnostics) {
    let bare = field.value.is_null() || field.value.is_unknown();
    for validator in validators.iter().filter(|one| !bare || one.sees_everything()) {
        validator.validate(field, found);
    }
}

#[cfg(test)]
mod tests;
