//! What the agents of a fleet ask of their bucket in a month, and what that costs.

use meshform_release::{Condition, Fleet};
use serde_json::{Value as Json, json};

/// Seconds of a month of 30 days.
const MONTH: u64 = 30 * 86_400;

/// An agent looks so often at rest, and writes its status so often.
const LOOK_SECONDS: u64 = 15;
const STATUS_SECONDS: u64 = 600;

/// Dollars for a million requests, as S3 takes them in us-east-1. An answer that nothing changed costs as much as any.
const GETS: f64 = 0.40;
const PUTS: f64 = 5.00;

/// Requests of a month of 30 days, at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    proxies: u64,
    gets: u64,
    puts: u64,
}

impl Cost {
    /// Of the proxies that run and report to a bucket of S3; a directory costs nothing.
    pub(super) fn of(fleet: &Fleet) -> Self {
        let runs = |condition| !matches!(condition, Condition::Lost | Condition::Stopped);
        let proxies = fleet
            .proxies
            .iter()
            .filter(|one| one.target.starts_with("s3://") && runs(one.condition));
        let proxies = u64::try_from(proxies.count()).unwrap_or(u64::MAX);
        Self {
            proxies,
            gets: proxies.saturating_mul(MONTH / LOOK_SECONDS),
            puts: proxies.saturating_mul(MONTH / STATUS_SECONDS),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "dollars")]
    fn dollars(self) -> f64 {
        (self.gets as f64 * GETS + self.puts as f64 * PUTS) / 1e6
    }

    pub(super) fn lines(self) -> Vec<String> {
        let Self { proxies, gets, puts } = self;
        vec![
            format!(
                "  cost: {proxies} proxies ask {gets} times and write {puts} times a month at rest: about {:.2} $",
                self.dollars()
            ),
            format!(
                "    S3 in us-east-1: {GETS:.2} $ for a million GETs, {PUTS:.2} $ for a million PUTs; for 5 minutes after a \
                 change each asks every 2 seconds"
            ),
        ]
    }

    pub(super) fn json(self) -> Json {
        json!({
            "proxies": self.proxies,
            "getsPerMonth": self.gets,
            "putsPerMonth": self.puts,
            "dollarsPerMonth": (self.dollars() * 100.0).round() / 100.0,
        })
    }
}
