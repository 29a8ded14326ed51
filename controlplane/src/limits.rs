//! How many requests a key may make: a bucket of tokens for each.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How many keys are remembered; of more, those that have not asked for the longest are forgotten: some megabytes at
/// most, whatever is sent.
const KNOWN: usize = 10_000;

/// Requests a second of each key, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// So many a second in the long run.
    pub per_second: f64,
    /// So many at once, after a pause.
    pub burst: f64,
}

/// What each key has left.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: Option<Rate>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limits {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            buckets: Mutex::default(),
        }
    }

    /// Takes one request of a key at a moment. Where there is none left: the whole seconds until there is.
    pub(crate) fn take(&self, key: &str, now: Instant) -> Result<(), u64> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KNOWN && !buckets.contains_key(key) {
            let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                buckets.remove(&oldest);
            }
        }
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket {
            left: rate.burst,
            at: now,
        });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + passed * rate.per_second).min(rate.burst);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - bucket.left) / rate.per_second).ceil().max(1.0);
        Err(wait as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_key_has_its_own_bucket_that_fills_again() {
        let limits = Limits::new(Some(Rate {
            per_second: 2.0,
            burst: 2.0,
        }));
        let now = Instant::now();
        assert_eq!(limits.take("a", now), Ok(()));
        assert_eq!(limits.take("a", now), Ok(()));
        assert_eq!(limits.take("a", now), Err(1));
        assert_eq!(limits.take("b", now), Ok(()));
        assert_eq!(limits.take("a", now + Duration::from_millis(500)), Ok(()));
        assert_eq!(Limits::new(None).take("a", now), Ok(()));
    }
}
