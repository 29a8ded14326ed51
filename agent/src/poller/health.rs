//! How the poller is: what it reads and writes, told on a loopback address and in its lease.

use crate::log;
use meshform_bundle::discovery::{NodeState, PollerState};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
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

/// `/health` and `/status`, for ever.
pub(super) async fn serve(listener: TcpListener, health: Rc<Health>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let health = Rc::clone(&health);
                tokio::task::spawn_local(async move {
                    let _ = tokio::time::timeout(Duration::from_secs(5), answer(stream, &health)).await;
                });
            }
            // Out of descriptors: others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, health: &Health) -> std::io::Result<()> {
    let mut read = Vec::with_capacity(1024);
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        if read.len() > 16_384 || stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&read);
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, body) = match (method, path) {
        ("GET", "/health") => {
            let healthy = health.is_healthy();
            let status = if healthy {
                "200 OK"
            } else {
                "503 Service Unavailable"
            };
            let body = json!({"healthy": healthy, "leads": health.leads(), "reasons": health.reasons()});
            (status, body.to_string())
        }
        ("GET", "/status") => {
            let state = serde_json::to_value(health.state()).unwrap_or_default();
            ("200 OK", state.to_string())
        }
        _ => (
            "404 Not Found",
            json!({"error": "there are /health and /status"}).to_string(),
        ),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
