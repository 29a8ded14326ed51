//! How the poller is: what it reads and writes, told on a loopback address and in its lease.

use crate::log;
use crate::prometheus::{self, quoted};
use crate::server::{HttpAnswer, IncomingRequest};
use crate::shared::now;
use meshform_bundle::codes::{AWAY, IDLE, LOOKUP, told};
use meshform_bundle::discovery::{NodeState, PollerState};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use tokio::sync::Notify;

pub(super) struct Health {
    state: RefCell<PollerState>,
    leads: Cell<bool>,
    lead: Notify,
    /// What the lease tells of nodes has changed in more than its times.
    news: Notify,
    /// Why the lease was not renewed at the last try, and why the last round wrote nothing.
    lease: RefCell<Option<String>>,
    round: RefCell<Option<String>>,
    /// Why there is nothing to look up, which may be as it should be.
    idle: RefCell<Option<String>>,
    /// It was logged who holds the lease.
    announced: Cell<bool>,
}

impl Health {
    pub(super) fn new(mesh: &str, holder: &str) -> Self {
        Self {
            state: RefCell::new(PollerState::new(mesh, holder)),
            leads: Cell::default(),
            lead: Notify::new(),
            news: Notify::new(),
            lease: RefCell::default(),
            round: RefCell::default(),
            idle: RefCell::default(),
            announced: Cell::default(),
        }
    }

    /// As the lease tells it.
    pub(super) fn state(&self) -> PollerState {
        self.state.borrow().clone()
    }

    pub(super) fn state_of(&self, node: &str) -> NodeState {
        self.state.borrow().nodes.get(node).cloned().unwrap_or_default()
    }

    /// What was read is written: what is known of each node from now on.
    pub(super) fn knows(&self, nodes: BTreeMap<String, NodeState>) {
        // When it was read is told with the next renewal.
        let timeless = |nodes: &BTreeMap<String, NodeState>| -> BTreeMap<String, NodeState> {
            let nodes = nodes.iter();
            nodes
                .map(|(name, node)| {
                    let at = u64::from(node.at > 0);
                    (name.clone(), NodeState { at, ..node.clone() })
                })
                .collect()
        };
        let before = std::mem::replace(&mut self.state.borrow_mut().nodes, nodes);
        if timeless(&before) != timeless(&self.state.borrow().nodes) {
            self.news.notify_one();
        }
    }

    /// Waits until there is something to tell before the lease has to be renewed.
    pub(super) async fn has_news(&self) {
        self.news.notified().await;
    }

    /// There is nobody who could have the lease.
    pub(super) fn leads_alone(&self) {
        self.leads.set(true);
    }

    pub(super) fn leads(&self) -> bool {
        self.leads.get()
    }

    /// Waits until this poller leads.
    pub(super) async fn awaits_lead(&self) {
        self.lead.notified().await;
    }

    /// What became of the lease. One that could not be renewed is kept: nobody else has it before it is lost, and then
    /// both write the same.
    pub(super) fn renewed(&self, outcome: Result<bool, String>) {
        match outcome {
            Ok(leads) => {
                keep(&self.lease, None);
                let is_news = self.leads.replace(leads) != leads;
                if !self.announced.replace(true) || is_news {
                    log::info(if leads {
                        "this poller holds the lease"
                    } else {
                        "another poller holds the lease: this one waits"
                    });
                }
                if leads {
                    self.lead.notify_one();
                } else {
                    keep(&self.round, None);
                    self.idle.take();
                    self.state.borrow_mut().nodes.clear();
                }
            }
            Err(error) => keep(&self.lease, Some(told(AWAY, error))),
        }
    }

    /// What became of a round.
    pub(super) fn wrote(&self, outcome: Result<(), String>) {
        keep(&self.round, outcome.err().map(|error| told(AWAY, error)));
    }

    /// Whether no node of what is published in a store is to be looked up: so it is in a mesh without Cloud Map, and where
    /// the mesh or the store is misspelt.
    pub(super) fn is_idle(&self, store: Option<&String>) {
        let mesh = &self.state.borrow().mesh;
        let idle = store.map(|store| {
            told(
                IDLE,
                format!(
                    "nothing is to be looked up for mesh `{mesh}` in {store}: it has no released node with Cloud \
                     Map discovery, or MESHFORM_MESH or MESHFORM_STORE is wrong"
                ),
            )
        });
        let before = self.idle.replace(idle.clone());
        if let Some(idle) = idle.filter(|_| before.is_none()) {
            log::warn(&idle);
        }
    }

    pub(super) fn reasons(&self) -> Vec<String> {
        let own = [&self.lease, &self.round, &self.idle].into_iter();
        let mut reasons: Vec<String> = own.filter_map(|one| one.borrow().clone()).collect();
        let state = self.state.borrow();
        let nodes = state.nodes.iter();
        reasons.extend(nodes.filter_map(|(name, node)| {
            let problem = node.problem.as_ref()?;
            Some(told(LOOKUP, format!("virtual node `{name}`: {problem}")))
        }));
        reasons
    }

    /// Another start would not help where only a source cannot be read.
    fn is_healthy(&self) -> bool {
        self.lease.borrow().is_none() && self.round.borrow().is_none()
    }
}

/// Keeps a problem; one that is new is logged.
fn keep(place: &RefCell<Option<String>>, problem: Option<String>) {
    let before = place.replace(problem.clone());
    match problem {
        Some(problem) if before.as_ref() != Some(&problem) => {
            log::warn(&format!("{problem}; proxies keep the endpoints that they have"));
        }
        None if before.is_some() => log::info("the store is read and written again"),
        _ => {}
    }
}

/// The poller's own interface: `/health`, `/status` and `/metrics`.
pub(super) fn answer(health: &Health, asked: &IncomingRequest) -> HttpAnswer {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/health") => {
            let healthy = health.is_healthy();
            let body = json!({"healthy": healthy, "leads": health.leads(), "reasons": health.reasons()});
            HttpAnswer::json(if healthy { 200 } else { 503 }, &body)
        }
        ("GET", "/status") => {
            HttpAnswer::json(200, &serde_json::to_value(health.state()).unwrap_or_default())
        }
        ("GET", "/metrics") => HttpAnswer::new(200, prometheus::MEDIA, metrics(health, now())),
        _ => HttpAnswer::text(404, "there are /health, /status and /metrics\n"),
    }
}

/// How the poller is, as Prometheus reads it.
fn metrics(health: &Health, now: u64) -> String {
    let state = health.state.borrow();
    let mesh = quoted(&state.mesh);
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, values: Vec<(String, f64)>| {
        let values = values
            .into_iter()
            .map(|(labels, value)| (format!("{{mesh=\"{mesh}\"{labels}}}"), value));
        prometheus::gauge(&mut out, &format!("poller_{name}"), help, values);
    };
    let flag = |is: bool| vec![(String::new(), f64::from(u8::from(is)))];
    gauge(
        "leads",
        "Whether this poller holds the lease.",
        flag(health.leads()),
    );
    gauge(
        "healthy",
        "Whether it reads and writes the store.",
        flag(health.is_healthy()),
    );
    let each = |value: &dyn Fn(&NodeState) -> f64| -> Vec<(String, f64)> {
        // Of what was never read nothing is known.
        let nodes = state.nodes.iter().filter(|(_, node)| node.at > 0);
        nodes
            .map(|(name, node)| (format!(",node=\"{}\"", quoted(name)), value(node)))
            .collect()
    };
    let count = |node: &NodeState| f64::from(u32::try_from(node.endpoints).unwrap_or(u32::MAX));
    gauge(
        "endpoints",
        "Hosts of a virtual node that get requests.",
        each(&count),
    );
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    let read = |node: &NodeState| now.saturating_sub(node.at) as f64 / 1000.0;
    gauge(
        "read_age_seconds",
        "Since a virtual node's hosts were read last.",
        each(&read),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_sees_what_is_known_of_each_node() {
        let health = Health::new("shop", "me");
        health.leads_alone();
        let node = |at, endpoints| NodeState {
            at,
            endpoints,
            ..NodeState::default()
        };
        let nodes = [
            ("api", node(1_000, 3)),
            ("a\"b", node(3_000, 1)),
            ("new", node(0, 0)),
        ];
        health.knows(nodes.map(|(name, node)| (name.to_owned(), node)).into());
        let told = metrics(&health, 3_500);
        for line in [
            "meshform_poller_leads{mesh=\"shop\"} 1",
            "meshform_poller_healthy{mesh=\"shop\"} 1",
            "meshform_poller_endpoints{mesh=\"shop\",node=\"api\"} 3",
            "meshform_poller_read_age_seconds{mesh=\"shop\",node=\"api\"} 2.5",
            "meshform_poller_read_age_seconds{mesh=\"shop\",node=\"a\\\"b\"} 0.5",
        ] {
            assert!(told.lines().any(|one| one == line), "{line} is not in\n{told}");
        }
        assert!(!told.contains("node=\"new\""), "{told}");
    }

    #[test]
    fn a_poller_with_nothing_to_look_up_says_so_and_is_healthy() {
        let health = Health::new("shp", "me");
        health.leads_alone();
        health.is_idle(Some(&"s3://meshes/prod".to_owned()));
        let told = health.reasons().join("\n");
        assert!(
            told.contains("nothing is to be looked up for mesh `shp` in s3://meshes/prod"),
            "{told}"
        );
        assert!(health.is_healthy());
        health.is_idle(None);
        assert_eq!(health.reasons(), Vec::<String>::new());
    }
}
