//! Validators that look at other attributes.

use super::{Field, Validator};
use crate::value::Value;
use crate::{Diagnostics, Path};

/// The places that a validator compares. A place is written from the root, `spec[0].name`, or, with a leading
/// dot, from the block in which the validated attribute stands: `.name`.
#[derive(Debug, Clone)]
struct Places(Vec<String>);

enum Set {
    Yes,
    No,
    Maybe,
}

fn state(value: &Value) -> Set {
    match value.plain() {
        Value::Null => Set::No,
        Value::Unknown(_) => Set::Maybe,
        // A block that does not occur.
        Value::List(items) | Value::Set(items) if items.is_empty() => Set::No,
        _ => Set::Yes,
    }
}

impl Places {
    fn new<S: Into<String>>(places: impl IntoIterator<Item = S>) -> Self {
        Self(places.into_iter().map(Into::into).collect())
    }

    fn each<'a>(&'a self, field: &'a Field<'_>) -> impl Iterator<Item = (Path, &'a Value)> {
        self.0.iter().map(|place| {
            let path = match place.strip_prefix('.') {
                Some(relative) => field.path.parent().join(&Path::from(relative)),
                None => Path::from(place.as_str()),
            };
            let value = field.config.at(&path).unwrap_or(&Value::Null);
            (path, value)
        })
    }

    fn names(&self, field: &Field<'_>) -> String {
        let all: Vec<String> = self.each(field).map(|(path, _)| format!("`{path}`")).collect();
        all.join(", ")
    }
}

macro_rules! places {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(Places);

        impl $name {
            /// The other places: from the root, or with a leading dot from the same block.
            pub fn new<S: Into<String>>(places: impl IntoIterator<Item = S>) -> Self {
                Self(Places::new(places))
            }
        }
    };
}

places!(
    /// It cannot be set together with any of these.
    ConflictsWith
);
places!(
    /// Exactly one of it and these is set.
    ExactlyOneOf
);
places!(
    /// At least one of it and these is set.
    AtLeastOneOf
);
places!(
    /// All of these must be set with it.
    AlsoRequires
);

impl Validator for ConflictsWith {
    fn describe(&self) -> String {
        format!("not be set together with {}", self.0.0.join(", "))
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        for (path, value) in self.0.each(field) {
            if matches!((state(field.value), state(value)), (Set::Yes, Set::Yes)) {
                let detail = format!("`{}` cannot be set together with `{path}`.", field.path);
                found.error(field.path, "Conflicting attributes", detail);
            }
        }
    }
}

impl Validator for ExactlyOneOf {
    fn describe(&self) -> String {
        format!("be the only one set of it and {}", self.0.0.join(", "))
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        let (set, maybe) = count(&self.0, field);
        let names = format!("`{}`, {}", field.path, self.0.names(field));
        if set > 1 {
            found.error(
                field.path,
                "Conflicting attributes",
                format!("Only one of {names} can be set."),
            );
        } else if set == 0 && maybe == 0 {
            found.error(
                field.path,
                "Missing attribute",
                format!("One of {names} must be set."),
            );
        }
    }

    fn sees_everything(&self) -> bool {
        true
    }
}

impl Validator for AtLeastOneOf {
    fn describe(&self) -> String {
        format!("be set, or one of {}", self.0.0.join(", "))
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        if count(&self.0, field) == (0, 0) {
            let detail = format!(
                "At least one of `{}`, {} must be set.",
                field.path,
                self.0.names(field)
            );
            found.error(field.path, "Missing attribute", detail);
        }
    }

    fn sees_everything(&self) -> bool {
        true
    }
}

impl Validator for AlsoRequires {
    fn describe(&self) -> String {
        format!("come with {}", self.0.0.join(", "))
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        for (path, value) in self.0.each(field) {
            if matches!((state(field.value), state(value)), (Set::Yes, Set::No)) {
                let detail = format!("`{path}` must be set when `{}` is.", field.path);
                found.error(field.path, "Missing attribute", detail);
            }
        }
    }
}

/// How many are set, and how many may turn out to be.
fn count(places: &Places, field: &Field<'_>) -> (usize, usize) {
    let own = std::iter::once(field.value);
    let all = own.chain(places.each(field).map(|(_, value)| value).collect::<Vec<_>>());
    all.fold((0, 0), |(set, maybe), value| match state(value) {
        Set::Yes => (set + 1, maybe),
        Set::Maybe => (set, maybe + 1),
        Set::No => (set, maybe),
    })
}

/// A validator from a function that sees the field and the whole configuration, also when nothing is set.
pub fn across(
    describe: &'static str,
    check: impl Fn(&Field<'_>, &mut Diagnostics) + Send + Sync + 'static,
) -> impl Validator {
    Function { describe, check }
}

struct Function<F> {
    describe: &'static str,
    check: F,
}

impl<F> std::fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "across({:?})", self.describe)
    }
}

impl<F: Fn(&Field<'_>, &mut Diagnostics) + Send + Sync> Validator for Function<F> {
    fn describe(&self) -> String {
        self.describe.into()
    }

    fn validate(&self, field: &Field<'_>, found: &mut Diagnostics) {
        (self.check)(field, found);
    }

    fn sees_everything(&self) -> bool {
        true
    }
}
