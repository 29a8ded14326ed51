//! What the agents of a fleet ask of their bucket in a month, and what that costs.

use meshform_model::agent::{OWN_REPORT_SECONDS, REPORT_SECONDS};
use meshform_release::{Condition, Fleet, RunningProxy};
use serde_json::{Value as Json, json};

/// Seconds of a month of 30 days.
const MONTH: u64 = 30 * 86_400;

/// An agent looks so often at rest. One that asks Cloud Map itself (`MESHFORM_DISCOVERY=own`) also looks for what to look up.
const LOOK_SECONDS: u64 = 15;

/// Dollars for a million requests, as AWS takes them in us-east-1. An answer that nothing changed costs as much as any.
const GETS: f64 = 0.40;
const PUTS: f64 = 5.00;
const LOOKUPS: f64 = 1.00;

/// Requests of a month of 30 days, at rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    proxies: u64,
    gets: u64,
    puts: u64,
    /// Requests to Cloud Map: one for each node that a proxy looks up itself, more than there are where nodes share a service.
    lookups: u64,
}

impl Cost {
    /// Of the proxies that run and report to a bucket of S3; a directory costs nothing.
    pub(super) fn of(fleet: &Fleet) -> Self {
        let runs = |one: &RunningProxy| {
            !matches!(one.condition, Condition::Lost | Condition::Stopped) && !one.status.gave_up
        };
        let mut cost = Self::default();
        for one in &fleet.proxies {
            if !one.target.starts_with("s3://") || !runs(one) {
                continue;
            }
            let own = one.status.discovery.as_ref();
            cost.proxies += 1;
            cost.gets += MONTH / LOOK_SECONDS * if own.is_some() { 2 } else { 1 };
            cost.puts += MONTH
                / if own.is_some() {
                    OWN_REPORT_SECONDS
                } else {
                    REPORT_SECONDS
                };
            let nodes = own.map_or(0, |nodes| nodes.len());
            cost.lookups += MONTH / LOOK_SECONDS * u64::try_from(nodes).unwrap_or_default();
        }
        cost
    }

    #[expect(clippy::cast_precision_loss, reason = "dollars")]
    fn dollars(self) -> f64 {
        (self.gets as f64 * GETS + self.puts as f64 * PUTS + self.lookups as f64 * LOOKUPS) / 1e6
    }

    pub(super) fn lines(self) -> Vec<String> {
        let Self {
            proxies,
            gets,
            puts,
            lookups,
        } = self;
        let noun = if proxies == 1 { "proxy" } else { "proxies" };
        let cloud_map = match lookups {
            0 => String::new(),
            lookups => format!(", {lookups} to Cloud Map"),
        };
        vec![
            format!(
                "  cost of {proxies} {noun} a month at rest: {gets} GET and {puts} PUT requests{cloud_map}: about {:.2} $",
                self.dollars()
            ),
            format!(
                "    prices of us-east-1 for a million: {GETS:.2} $ (GET), {PUTS:.2} $ (PUT), {LOOKUPS:.2} $ (DiscoverInstances); for 5 \
                 minutes after a change each proxy asks every 2 seconds; a poller of endpoints costs 1.40 $ more for a mesh, and \
                 0.17 $ for each service"
            ),
        ]
    }

    pub(super) fn json(self) -> Json {
        json!({
            "proxies": self.proxies,
            "getsPerMonth": self.gets,
            "putsPerMonth": self.puts,
            "lookupsPerMonth": self.lookups,
            "dollarsPerMonth": (self.dollars() * 100.0).round() / 100.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_bundle::ProxyId;
    use meshform_bundle::discovery::NodeState;
    use meshform_bundle::objects::Status;
    use meshform_store::Timestamp;

    fn proxy(target: &str, condition: Condition, nodes: &[&str]) -> RunningProxy {
        let mut status = Status::new(&ProxyId::virtual_node("apps", "a"), "i");
        let found = nodes
            .iter()
            .map(|node| ((*node).to_owned(), NodeState::default()));
        status.discovery = (!nodes.is_empty()).then(|| found.collect());
        RunningProxy {
            target: target.to_owned(),
            status,
            at: Timestamp(0),
            condition,
        }
    }

    #[test]
    fn proxies_that_run_on_a_bucket_cost_by_what_they_ask() {
        let mut gave_up = proxy("s3://b/p", Condition::Failing, &[]);
        gave_up.status.gave_up = true;
        let proxies = vec![
            proxy("s3://b/p", Condition::Current, &[]),
            proxy("s3://b/p", Condition::Lagging, &["x", "y"]),
            proxy("s3://b/p", Condition::Stopped, &[]),
            proxy("s3://b/p", Condition::Lost, &[]),
            gave_up,
            proxy("/srv/store", Condition::Current, &[]),
        ];
        let fleet = Fleet {
            proxies,
            unseen: Vec::new(),
        };
        let cost = Cost::of(&fleet);
        let expected = Cost {
            proxies: 2,
            gets: 3 * 172_800,
            puts: 4_320 + 17_280,
            lookups: 2 * 172_800,
        };
        assert_eq!(cost, expected);
        let lines = cost.lines().join("\n");
        assert!(
            lines.contains("cost of 2 proxies a month at rest: 518400 GET and 21600 PUT requests, 345600 to Cloud Map: about 0.66 $"),
            "{lines}"
        );
        let one = Cost {
            proxies: 1,
            ..Cost::default()
        };
        assert!(one.lines().join("").contains("cost of 1 proxy a month"));
    }
}
