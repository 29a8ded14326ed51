//! Durations as App Mesh writes them: a number and its unit. Zero switches a timeout off.
//!
//! Two durations are equal when they are written alike: `1 s` is not `1000 ms` (see [`Duration::as_millis`]).

use super::{Duration, DurationUnit};
use std::fmt;

impl Duration {
    pub const fn seconds(value: u64) -> Self {
        Self {
            unit: DurationUnit::S,
            value,
        }
    }

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
