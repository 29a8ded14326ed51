//! How the poller is: what it reads and writes, told on a loopback address and in its lease.

use crate::log;
use crate::server::{Answer, IncomingRequest};
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
        let told = |nodes: &BTreeMap<String, NodeState>| -> BTreeMap<String, NodeState> {
            let told = nodes.iter();
            told.map(|(name, node)| {
                let at = u64::from(node.at > 0);
                (name.clone(), NodeState { at, ..node.clone() })
            })
            .collect()
        };
        let before = std::mem::replace(&mut self.state.borrow_mut().nodes, nodes);
        if told(&before) != told(&self.state.borrow().nodes) {
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
                told(&self.lease, None);
                if self.leads.replace(leads) != leads {
                    log::info(if leads {
                        "this poller holds the lease"
                    } else {
                        "another poller holds the lease: this one waits"
                    });
                }
                if leads {
                    self.lead.notify_one();
                } else {
                    told(&self.round, None);
                    self.state.borrow_mut().nodes.clear();
                }
            }
            Err(error) => told(&self.lease, Some(error)),
        }
    }

    /// What became of a round.
    pub(super) fn wrote(&self, outcome: Result<(), String>) {
        told(&self.round, outcome.err());
    }

    pub(super) fn reasons(&self) -> Vec<String> {
        let own = [&self.lease, &self.round].into_iter();
        let mut reasons: Vec<String> = own.filter_map(|one| one.borrow().clone()).collect();
        let state = self.state.borrow();
        let nodes = state.nodes.iter();
        reasons.extend(nodes.filter_map(|(name, node)| {
            let problem = node.problem.as_ref()?;
            Some(format!("virtual node `{name}`: {problem}"))
        }));
        reasons
    }

    /// Another start would not help where only a source cannot be read.
    fn is_healthy(&self) -> bool {
        self.lease.borrow().is_none() && self.round.borrow().is_none()
    }
}

/// Keeps a problem; one that is new is logged.
fn told(place: &RefCell<Option<String>>, problem: Option<String>) {
    let before = place.replace(problem.clone());
    match problem {
        Some(problem) if before.as_ref() != Some(&problem) => {
            log::warn(&format!(
                "{problem}; proxies go on with the endpoints that they have"
            ));
        }
        None if before.is_some() => log::info("the store is read and written again"),
        _ => {}
    }
}

/// The poller's own interface: `/health` and `/status`.
pub(super) fn answer(health: &Health, asked: &IncomingRequest) -> Answer {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/health") => {
            let healthy = health.is_healthy();
            let body = json!({"healthy": healthy, "leads": health.leads(), "reasons": health.reasons()});
            Answer::json(if healthy { 200 } else { 503 }, &body)
        }
        ("GET", "/status") => Answer::json(200, &serde_json::to_value(health.state()).unwrap_or_default()),
        _ => Answer::json(404, &json!({"error": "there are /health and /status"})),
    }
}
