//! Validators of one value by itself.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, OnceLock};

use super::{Field, Validator};
use crate::path::PathStep;
use crate::value::{Number, Value};
use crate::{Diagnostics, Path};

/// Bounds on a count, both inclusive.
#[derive(Debug, Clone, Copy)]
struct Count {
    min: usize,
    max: Option<usize>,
}

impl Count {
    fn of(range: impl RangeBounds<usize>) -> Self {
        let min = match range.start_bound() {
            Bound::Included(min) => *min,
            Bound::Excluded(below) => below.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let max = match range.end_bound() {
            Bound::Included(max) => Some(*max),
            Bound::Excluded(above) => Some(above.saturating_sub(1)),
            Bound::Unbounded => None,
        };
        Self { min, max }
    }

    fn holds(self, count: usize) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }

    fn words(self, what: &str) -> String {
        match (self.min, self.max) {
            (min, Some(max)) if min == max => format!("have exactly {min} {what}"),
            (0, Some(max)) => format!("have at most {max} {what}"),
            (min, Some(max)) => format!("have {min} to {max} {what}"),
            (min, None) => format!("have at least {min} {what}"),
        }
    }
}

/// A string of so many characters.
#[derive(Debug, Clone, Copy)]
pub struct Length(Count);

/// A string of so many characters: `length(1..=255)`.
pub fn length(range: impl RangeBounds<usize>) -> Length {
    Length(Count::of(range))
}

impl Validator for Length {
    fn describe(&self) -> String {
        self.0.words("characters")
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        if let Some(text) = field.value.as_str()
            && !self.0.holds(text.chars().count())
        {
            let demand = format!("{} (it has {})", self.describe(), text.chars().count());
            field.refuse(&demand, found);
        }
    }
}

/// A collection of so many elements.
#[derive(Debug, Clone, Copy)]
pub struct Size(Count);

/// A list, set or map of so many elements: `size(1..)`.
pub fn size(range: impl RangeBounds<usize>) -> Size {
    Size(Count::of(range))
}

impl Validator for Size {
    fn describe(&self) -> String {
        self.0.words("elements")
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        let count = field
            .value
            .entries()
            .map_or(field.value.items().len(), |entries| entries.len());
        // Unknown elements of a set may turn out equal, so a set may still shrink.
        let settled = field.value.is_wholly_known() || !matches!(field.value, Value::Set(_));
        if settled && !self.0.holds(count) {
            field.refuse(&self.describe(), found);
        }
    }
}

/// A string that a regular expression matches.
#[derive(Clone)]
pub struct Matches {
    pattern: Arc<str>,
    words: Option<Arc<str>>,
    /// Compiled at first use: a schema of a thousand patterns must not slow the start.
    regex: OnceLock<Option<regex_lite::Regex>>,
}

/// A string that a regular expression matches somewhere; anchor it with `^` and `$`.
pub fn matches(pattern: impl Into<Arc<str>>) -> Matches {
    Matches {
        pattern: pattern.into(),
        words: None,
        regex: OnceLock::new(),
    }
}

impl Matches {
    /// What it demands in plain words, instead of showing the expression.
    #[must_use]
    pub fn meaning(mut self, words: impl Into<Arc<str>>) -> Self {
        self.words = Some(words.into());
        self
    }
}

impl fmt::Debug for Matches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "matches({:?})", self.pattern)
    }
}

impl Validator for Matches {
    fn describe(&self) -> String {
        self.words
            .as_ref()
            .map_or_else(|| format!("match `{}`", self.pattern), |words| words.to_string())
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        let Some(text) = field.value.as_str() else { return };
        match self
            .regex
            .get_or_init(|| regex_lite::Regex::new(&self.pattern).ok())
        {
            Some(regex) if regex.is_match(text) => {}
            Some(_) => field.refuse(&self.describe(), found),
            None => found.error(
                field.path,
                "Mistake in the provider",
                format!(
                    "`{}` is not a regular expression. Please report this to the provider.",
                    self.pattern
                ),
            ),
        }
    }
}

/// Accepts only the listed values; the error names all of them.
#[derive(Debug, Clone)]
pub struct OneOf(Vec<Value>);

/// One of some values: `one_of(["tcp", "http"])`.
pub fn one_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> OneOf {
    OneOf(values.into_iter().map(Into::into).collect())
}

impl Validator for OneOf {
    fn describe(&self) -> String {
        let all: Vec<String> = self.0.iter().map(crate::value::json::to_string).collect();
        format!("be one of {}", all.join(", "))
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        if !self.0.contains(field.value) {
            field.refuse(&self.describe(), found);
        }
    }
}

/// A number that is not below one bound and not above another, or only one of the two.
#[derive(Debug, Clone)]
pub struct Between {
    min: Option<Number>,
    max: Option<Number>,
}

/// A number in an inclusive range: `between(1, 65535)`. The bounds are whatever becomes a [`Number`], which is decimal
/// text of any size; see [`at_least`] and [`at_most`] for a range with one bound.
pub fn between(min: impl Into<Number>, max: impl Into<Number>) -> Between {
    Between {
        min: Some(min.into()),
        max: Some(max.into()),
    }
}

/// A number that is this or more: `at_least(0)`.
pub fn at_least(min: impl Into<Number>) -> Between {
    Between {
        min: Some(min.into()),
        max: None,
    }
}

/// A number that is this or less: `at_most(100)`.
pub fn at_most(max: impl Into<Number>) -> Between {
    Between {
        min: None,
        max: Some(max.into()),
    }
}

impl Validator for Between {
    fn describe(&self) -> String {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!("be between {min} and {max}"),
            (Some(min), None) => format!("be at least {min}"),
            (None, Some(max)) => format!("be at most {max}"),
            (None, None) => "be a number".into(),
        }
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        if let Some(number) = field.value.as_number()
            && (self.min.as_ref().is_some_and(|min| number < min)
                || self.max.as_ref().is_some_and(|max| number > max))
        {
            field.refuse(&self.describe(), found);
        }
    }
}

/// Every element passes another validator.
#[derive(Debug, Clone)]
pub struct Each(Arc<dyn Validator>);

/// Every element of a list, set or map passes another validator.
pub fn each(validator: impl Validator + 'static) -> Each {
    Each(Arc::new(validator))
}

impl Validator for Each {
    fn describe(&self) -> String {
        format!("have elements that {}", self.0.describe())
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        let mut one = |path: Path, value: &Value| {
            let field = Field {
                path: &path,
                value,
                ..*field
            };
            super::run(std::slice::from_ref(&self.0), &field, found);
        };
        let set = matches!(field.value.plain(), Value::Set(_));
        for (index, value) in field.value.items().iter().enumerate() {
            one(
                field.path.with(if set {
                    PathStep::Element(index)
                } else {
                    PathStep::Index(index)
                }),
                value,
            );
        }
        for (key, value) in field.value.entries().into_iter().flatten() {
            one(field.path.key(Arc::clone(key)), value);
        }
    }
}

/// Every key of a map passes another validator.
#[derive(Debug, Clone)]
pub struct Keys(Arc<dyn Validator>);

/// Every key of a map passes another validator.
pub fn keys(validator: impl Validator + 'static) -> Keys {
    Keys(Arc::new(validator))
}

impl Validator for Keys {
    fn describe(&self) -> String {
        format!("have keys that {}", self.0.describe())
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        for key in field
            .value
            .entries()
            .into_iter()
            .flat_map(|entries| entries.keys())
        {
            let (path, value) = (field.path.key(Arc::clone(key)), Value::from(&**key));
            self.0.validate(
                &Field {
                    path: &path,
                    value: &value,
                    ..*field
                },
                found,
            );
        }
    }
}

/// A list in which nothing occurs twice.
#[derive(Debug, Clone, Copy)]
pub struct Unique;

/// A list in which nothing occurs twice.
pub fn unique() -> Unique {
    Unique
}

impl Validator for Unique {
    fn describe(&self) -> String {
        "not name anything twice".into()
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        let mut seen = std::collections::BTreeSet::new();
        let known = field.value.items().iter().filter(|item| item.is_wholly_known());
        if known.into_iter().any(|item| !seen.insert(item)) {
            field.refuse(&self.describe(), found);
        }
    }
}

/// A validator from a function that answers with what is wrong.
pub fn validator(
    describe: &'static str,
    check: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static,
) -> impl Validator {
    Function { describe, check }
}

struct Function<F> {
    describe: &'static str,
    check: F,
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "validator({:?})", self.describe)
    }
}

impl<F: Fn(&Value) -> Result<(), String> + Send + Sync> Validator for Function<F> {
    fn describe(&self) -> String {
        self.describe.into()
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        if let Err(problem) = (self.check)(field.value) {
            found.error(field.path, "Invalid value", problem);
        }
    }
}
