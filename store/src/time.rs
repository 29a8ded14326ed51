//! Moments, and where they come from.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in milliseconds since 1970, UTC. Shown as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Tells the time. Injected, so that tests and replays have their own.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

// === impl SystemClock ===

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

// === impl Timestamp ===

impl Timestamp {
    /// This moment and so many milliseconds more.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// A text that is not a moment in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time such as 2026-11-23T18:00:00Z")]
pub struct InvalidTimestamp(pub String);

/// Reads RFC 3339, with an offset too; what is finer than a millisecond is dropped.
impl std::str::FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text)
            .map(Self)
            .ok_or_else(|| InvalidTimestamp(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<i64> {
    // The library also takes other separators of date and time.
    let time = DateTime::parse_from_rfc3339(text)
        .ok()
        .filter(|_| text.as_bytes().get(10) == Some(&b'T'))?;
    Some(time.timestamp_millis())
}

/// Milliseconds are shown where there are some.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        };
        let time = DateTime::from_timestamp_millis(self.0).unwrap_or(bound);
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn what_is_shown_is_read_back_and_offsets_count() {
        for millis in [0, 951_782_400_000, 951_868_799_999, 1_790_000_000_123, -1] {
            assert_eq!(Timestamp(millis).to_string().parse(), Ok(Timestamp(millis)));
        }
        assert_eq!(
            "2020-01-01T02:00:00.5+02:00".parse::<Timestamp>(),
            "2020-01-01T00:00:00.500Z".parse()
        );
        for bad in [
            "",
            "2020-01-01",
            "2020-13-01T00:00:00Z",
            "2020-01-01T00:00:00",
            "2020-01-01 00:00:00Z",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn moments_are_shown_as_rfc_3339() {
        for (millis, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_795_458_645_120, "2026-11-23T18:30:45.120Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp(millis).to_string(), shown);
        }
    }
}
