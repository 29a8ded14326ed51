//! Times as the API gives them: seconds since 1970, with a fraction.

use std::time::{Duration, UNIX_EPOCH};

/// The time in RFC 3339, in UTC, whole seconds. What lies outside the years 1970 to 9999 is cut to them.
pub(super) fn rfc3339(seconds: f64) -> String {
    const LAST: u64 = 253_402_300_799;
    let seconds = if seconds.is_finite() && seconds > 0.0 {
        (seconds as u64).min(LAST)
    } else {
        0
    };
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn known_times() {
        assert_eq!(rfc3339(0.0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400.5), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_790_726_399.0), "2026-09-29T23:59:59Z");
        assert_eq!(rfc3339(f64::NAN), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(f64::INFINITY), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1e300), "9999-12-31T23:59:59Z");
    }
}
