//! The hosts of one node over time: what a source says last, without haste where it would take hosts away.

use super::Host;
use meshform_bundle::objects::{Endpoint, Health};
use std::collections::BTreeMap;

/// How far apart an answer without hosts must come twice before it is believed, in milliseconds. An empty answer takes
/// a service away, and for a moment a deployment or an outage of Cloud Map looks the same.
const TWICE: u64 = 10_000;

/// What is known of a node's hosts.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    hosts: BTreeMap<(String, Option<u16>), Tracked>,
    /// Since when the source has said that there are none.
    empty_since: Option<u64>,
    /// The source's own version of its last answer with hosts.
    revision: Option<u64>,
    /// Whether anything is known at all.
    known: bool,
}

#[derive(Debug)]
struct Tracked {
    host: Host,
    /// It is gone from the source, and goes from here then.
    drains_until: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct DiscoveredHosts {
    pub(super) hosts: Vec<Host>,
    /// A number that rises when hosts are registered and deregistered.
    pub(super) revision: Option<u64>,
}

impl Tracker {
    /// Takes up what an earlier poller has written.
    pub(super) fn seed(&mut self, hosts: impl IntoIterator<Item = (Host, Health)>, drain_until: u64) {
        self.known = true;
        for (host, health) in hosts {
            let drains_until = (health == Health::Draining).then_some(drain_until);
            self.hosts.insert(host.key(), Tracked { host, drains_until });
        }
    }

    /// Whether anything is known: what is not says nothing of a node.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// How many hosts get requests.
    pub(super) fn serving(&self) -> usize {
        self.hosts
            .values()
            .filter(|one| one.drains_until.is_none())
            .count()
    }

    /// Takes an answer in; a host that is missing drains for `interval` milliseconds.
    pub(super) fn observe(&mut self, answer: DiscoveredHosts, now: u64, interval: u64) {
        if answer.hosts.is_empty() && self.serving() > 0 && !self.is_empty_for_sure(&answer, now) {
            self.pass(now);
            return;
        }
        if !answer.hosts.is_empty() {
            self.empty_since = None;
        }
        self.known = true;
        self.revision = answer.revision.or(self.revision);
        let mut next: BTreeMap<_, _> = answer
            .hosts
            .into_iter()
            .map(|host| {
                let tracked = Tracked {
                    host,
                    drains_until: None,
                };
                (tracked.host.key(), tracked)
            })
            .collect();
        for (key, mut tracked) in std::mem::take(&mut self.hosts) {
            if next.contains_key(&key) {
                continue;
            }
            let until = *tracked.drains_until.get_or_insert(now.saturating_add(interval));
            if until > now {
                next.insert(key, tracked);
            }
        }
        self.hosts = next;
    }

    /// Drops what has drained; also where the source is not read now.
    pub(super) fn pass(&mut self, now: u64) {
        self.hosts
            .retain(|_, one| one.drains_until.is_none_or(|until| until > now));
    }

    /// Whether an answer without hosts is believed: it came twice, or the source counts a change.
    fn is_empty_for_sure(&mut self, answer: &DiscoveredHosts, now: u64) -> bool {
        let since = *self.empty_since.get_or_insert(now);
        let counted = answer
            .revision
            .zip(self.revision)
            .is_some_and(|(now, then)| now > then);
        counted || now.saturating_sub(since) >= TWICE
    }

    /// The hosts as endpoints on a port. Those that drain are never more than the others: where less than half of a
    /// cluster is well, Envoy would send to all of it.
    pub(super) fn endpoints(&self, port: u16) -> Vec<Endpoint> {
        let mut room = self.serving();
        let kept = self.hosts.values().filter(|one| {
            let drains = one.drains_until.is_some();
            let fits = !drains || room > 0;
            room -= usize::from(drains && fits);
            fits
        });
        kept.map(|one| Endpoint {
            address: one.host.address.clone(),
            port: one.host.port.unwrap_or(port),
            zone: one.host.zone.clone(),
            health: match one.drains_until {
                None => Health::Healthy,
                Some(_) => Health::Draining,
            },
            weight: one.host.weight,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: u64 = 15_000;

    fn answer(addresses: &[&str], revision: Option<u64>) -> DiscoveredHosts {
        let host = |address: &&str| Host::at(address);
        DiscoveredHosts {
            hosts: addresses.iter().map(host).collect(),
            revision,
        }
    }

    fn shown(tracker: &Tracker) -> Vec<(String, Health)> {
        let endpoints = tracker.endpoints(80).into_iter();
        endpoints.map(|one| (one.address, one.health)).collect()
    }

    fn of(list: &[(&str, Health)]) -> Vec<(String, Health)> {
        list.iter()
            .map(|(address, health)| ((*address).to_owned(), *health))
            .collect()
    }

    #[test]
    fn a_host_that_is_missing_drains_for_an_interval_and_may_come_back() {
        let mut tracker = Tracker::default();
        assert!(!tracker.is_known());
        tracker.observe(answer(&["a", "b"], None), 0, INTERVAL);
        tracker.observe(answer(&["a"], None), 1_000, INTERVAL);
        assert_eq!(
            shown(&tracker),
            of(&[("a", Health::Healthy), ("b", Health::Draining)])
        );
        tracker.observe(answer(&["a", "b"], None), 2_000, INTERVAL);
        assert_eq!(
            shown(&tracker),
            of(&[("a", Health::Healthy), ("b", Health::Healthy)])
        );
        tracker.observe(answer(&["a"], None), 3_000, INTERVAL);
        // The source is away: what drains goes all the same, the rest stays.
        tracker.pass(3_000 + INTERVAL);
        assert_eq!(shown(&tracker), of(&[("a", Health::Healthy)]));
    }

    #[test]
    fn an_empty_answer_is_believed_only_when_it_comes_again_or_is_counted() {
        let mut tracker = Tracker::default();
        tracker.observe(answer(&["a"], Some(3)), 0, INTERVAL);
        tracker.observe(answer(&[], Some(3)), 1_000, INTERVAL);
        assert_eq!(tracker.serving(), 1, "once is not enough");
        tracker.observe(answer(&[], Some(3)), 10_999, INTERVAL);
        assert_eq!(tracker.serving(), 1, "nor is it within 10 s");
        tracker.observe(answer(&["a"], Some(3)), 12_000, INTERVAL);
        tracker.observe(answer(&[], Some(3)), 13_000, INTERVAL);
        assert_eq!(tracker.serving(), 1, "it begins again");
        tracker.observe(answer(&[], Some(3)), 23_000, INTERVAL);
        assert_eq!(tracker.serving(), 0);
        tracker.observe(answer(&["a"], Some(4)), 24_000, INTERVAL);
        tracker.observe(answer(&[], Some(5)), 25_000, INTERVAL);
        assert_eq!(tracker.serving(), 0, "something was deregistered");
    }

    #[test]
    fn a_first_answer_without_hosts_is_the_truth() {
        let mut tracker = Tracker::default();
        tracker.observe(answer(&[], None), 0, INTERVAL);
        assert!(tracker.is_known());
        assert_eq!(shown(&tracker), []);
    }

    #[test]
    fn hosts_that_drain_are_never_more_than_those_that_serve() {
        let mut tracker = Tracker::default();
        tracker.observe(answer(&["a", "b", "c", "d"], None), 0, INTERVAL);
        tracker.observe(answer(&["e"], None), 1_000, INTERVAL);
        assert_eq!(
            shown(&tracker),
            of(&[("a", Health::Draining), ("e", Health::Healthy)])
        );
    }

    #[test]
    fn what_an_earlier_poller_wrote_is_taken_up() {
        let mut tracker = Tracker::default();
        let before = [
            (Host::at("a"), Health::Healthy),
            (Host::at("b"), Health::Draining),
        ];
        tracker.seed(before, 5_000);
        tracker.observe(answer(&[], None), 1_000, INTERVAL);
        assert_eq!(tracker.serving(), 1, "an empty answer is not believed at once");
        tracker.pass(5_000);
        assert_eq!(shown(&tracker), of(&[("a", Health::Healthy)]));
    }
}
