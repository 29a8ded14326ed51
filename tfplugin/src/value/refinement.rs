//! What is known about a value that is not known yet.

use super::Number;

/// Promises about an unknown value. A provider that sends one must keep it when the value becomes known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refinement {
    /// `Some(false)`: will not be null; `Some(true)`: will be null.
    pub null: Option<bool>,
    /// A string will begin with this.
    pub prefix: Option<String>,
    /// A number will be at least this (`true`) or above it (`false`).
    pub lower: Option<(Number, bool)>,
    /// A number will be at most this (`true`) or below it (`false`).
    pub upper: Option<(Number, bool)>,
    /// A collection will have at least so many elements.
    pub min_length: Option<u64>,
    /// A collection will have at most so many elements.
    pub max_length: Option<u64>,
}

impl Refinement {
    /// The value will not be null.
    pub fn not_null() -> Self {
        Self {
            null: Some(false),
            ..Self::default()
        }
    }

    /// The value will be a string that begins with this.
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Self {
            null: Some(false),
            prefix: Some(prefix.into()),
            ..Self::default()
        }
    }

    /// Whether nothing more is known of the unknown value than its type.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a known value keeps the promise.
    pub fn admits(&self, value: &super::Value) -> bool {
        use super::Value;
        if let Some(null) = self.null
            && null != value.is_null()
        {
            return false;
        }
        let length = |count: usize| {
            let count = count as u64;
            self.min_length.is_none_or(|min| count >= min) && self.max_length.is_none_or(|max| count <= max)
        };
        match value {
            Value::String(text) => self
                .prefix
                .as_deref()
                .is_none_or(|prefix| text.starts_with(prefix)),
            Value::Number(number) => {
                self.lower
                    .as_ref()
                    .is_none_or(|(b, closed)| if *closed { number >= b } else { number > b })
                    && self
                        .upper
                        .as_ref()
                        .is_none_or(|(b, closed)| if *closed { number <= b } else { number < b })
            }
            Value::List(items) | Value::Set(items) => length(items.len()),
            Value::Map(entries) => length(entries.len()),
            Value::Null | Value::Unknown(_) | Value::Bool(_) | Value::Object(_) | Value::Dynamic(_) => true,
        }
    }
}
