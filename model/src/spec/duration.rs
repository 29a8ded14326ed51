//! Durations as App Mesh writes them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A time span: a number and its unit. Zero switches a timeout off.
///
/// The API's model has both parts optional; a duration that lacks one is refused by field-level validation.
/// Two durations are equal when they are written alike: `1 s` is not `1000 ms` (see
/// [`as_millis`](Self::as_millis)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Duration {
    /// What `value` counts.
    pub unit: DurationUnit,
    /// How many.
    pub value: u64,
}

/// What a duration counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DurationUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
}

// === impl Duration ===

impl Duration {
    /// So many seconds.
    pub const fn seconds(value: u64) -> Self {
        Self {
            unit: DurationUnit::S,
            value,
        }
    }

    /// So many milliseconds.
    pub const fn millis(value: u64) -> Self {
        Self {
            unit: DurationUnit::Ms,
            value,
        }
    }

    /// The length in milliseconds; what does not fit is the greatest number.
    pub fn as_millis(self) -> u64 {
        match self.unit {
            DurationUnit::S => self.value.saturating_mul(1000),
            DurationUnit::Ms => self.value,
        }
    }

    /// Whether it is zero, which means "no limit".
    pub fn is_zero(self) -> bool {
        self.value == 0
    }
}

/// As a person writes it: `15 s`, `250 ms`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            DurationUnit::S => write!(f, "{} s", self.value),
            DurationUnit::Ms => write!(f, "{} ms", self.value),
        }
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        match duration.unit {
            DurationUnit::S => Self::from_secs(duration.value),
            DurationUnit::Ms => Self::from_millis(duration.value),
        }
    }
}
