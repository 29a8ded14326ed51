//! What the parts of the agent know of each other. One thread: no locks.

use crate::envoy::Admin;
use meshform_bundle::Digest;
use meshform_bundle::codes::{NOT_SERVING, REJECTED, UNCONFIRMED, UNPUBLISHED, told};
use meshform_bundle::objects::{Delivery, EndpointSet, ProxyState, Status};
use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// What becomes of a proxy while its store is away.
pub(crate) const GOES_ON: &str = "the proxy keeps its configuration";

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) status: RefCell<Status>,
    /// Envoy has taken a release from files.
    pub(crate) took_release: Cell<bool>,
    /// Where Envoy has its configuration from; none until its control plane has answered, or has not in time.
    pub(crate) delivery: Cell<Option<Delivery>>,
    /// Told when it is decided anew where Envoy has its configuration from.
    pub(crate) delivery_settled: Notify,
    /// An Envoy is about to be started with files.
    pub(crate) files_needed: Notify,
    /// How often that was so.
    pub(crate) files_turn: Cell<u32>,
    /// Why Envoy does not have its configuration by ADS, as it should.
    pub(crate) control_plane: RefCell<Option<String>>,
    /// Why the store was not read at the last look.
    pub(crate) store: RefCell<Option<String>>,
    /// Why Envoy does not serve, or cannot be asked.
    pub(crate) envoy: RefCell<Option<String>>,
    /// How Envoy ended by itself, until one serves again: while it is started again and again the proxy is not one that starts.
    pub(crate) ended: RefCell<Option<String>>,
    /// Why certificates that changed are not in use.
    pub(crate) certificates: RefCell<Option<String>>,
    /// What is wrong with certificates that are exported for the proxy.
    pub(crate) exports: RefCell<Vec<String>>,
    /// What this proxy found in Cloud Map itself, where it asks.
    pub(crate) endpoints: RefCell<Option<EndpointSet>>,
    /// They are others than Envoy has.
    pub(crate) endpoints_changed: Cell<bool>,
    /// A round of asking is over.
    pub(crate) endpoints_known: Notify,
    /// Its release has nodes that are to be looked up.
    pub(crate) needs_endpoints: Cell<bool>,
    /// Why something of it is not known.
    pub(crate) discovery: RefCell<Vec<String>>,
    /// Envoy's admin interface, once it was started.
    pub(crate) admin: RefCell<Option<Admin>>,
    /// The digest of the bootstrap that the running Envoy was started with: it reads that only once.
    pub(crate) bootstrap: RefCell<Option<Digest>>,
    /// The process of the Envoy that runs.
    pub(crate) envoy_pid: Cell<Option<i32>>,
    /// How often Envoy ended, and with which status last.
    pub(crate) ends: Cell<(u32, i32)>,
    /// There is something to start Envoy with.
    pub(crate) startable: Notify,
    /// The status changed in something that is worth telling at once.
    pub(crate) changed: Notify,
}

impl Shared {
    pub(crate) fn new(status: Status) -> Self {
        Self {
            status: RefCell::new(status),
            took_release: Cell::default(),
            delivery: Cell::new(Some(Delivery::Files)),
            delivery_settled: Notify::new(),
            files_needed: Notify::new(),
            files_turn: Cell::default(),
            control_plane: RefCell::default(),
            store: RefCell::default(),
            envoy: RefCell::default(),
            ended: RefCell::default(),
            certificates: RefCell::default(),
            exports: RefCell::default(),
            endpoints: RefCell::default(),
            endpoints_changed: Cell::default(),
            endpoints_known: Notify::new(),
            needs_endpoints: Cell::default(),
            discovery: RefCell::default(),
            admin: RefCell::default(),
            bootstrap: RefCell::default(),
            envoy_pid: Cell::default(),
            ends: Cell::default(),
            startable: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// Why the proxy is not as it should be; empty where it is.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let status = self.status.borrow();
        let mut reasons = Vec::new();
        let waits_for_files = status.bundle.is_none() && self.follows_files();
        if waits_for_files && matches!(status.state, ProxyState::Starting | ProxyState::Failing) {
            reasons.push(told(UNPUBLISHED, "there is no release yet to start Envoy with"));
        }
        reasons.extend(self.control_plane.borrow().clone());
        let store = self.store.borrow();
        reasons.extend(store.as_ref().map(|why| match status.bundle {
            Some(_) => format!("{why}; {GOES_ON}"),
            None => why.clone(),
        }));
        reasons.extend(self.ended.borrow().clone());
        reasons.extend(self.envoy.borrow().clone());
        reasons.extend(self.certificates.borrow().clone());
        reasons.extend(self.exports.borrow().clone());
        reasons.extend(self.discovery.borrow().clone());
        let refused = status.rejected.iter().flat_map(|rejected| &rejected.problems);
        reasons.extend(refused.map(|problem| told(REJECTED, problem)));
        reasons
    }

    /// The same for who asks whether the proxy is healthy: one that is not always says why.
    pub(crate) fn health_reasons(&self) -> Vec<String> {
        let mut reasons = self.reasons();
        if !self.is_healthy() && reasons.is_empty() {
            reasons.push(match self.status.borrow().state {
                ProxyState::Draining | ProxyState::Stopped => told(NOT_SERVING, "the agent is stopping"),
                ProxyState::Ready => told(UNCONFIRMED, "Envoy has not confirmed its first release yet"),
                ProxyState::Starting | ProxyState::Failing => {
                    told(NOT_SERVING, "Envoy has started but does not serve yet")
                }
            });
        }
        reasons
    }

    /// Whether Envoy has, or is to have, its configuration from files.
    pub(crate) fn follows_files(&self) -> bool {
        matches!(self.delivery.get(), Some(Delivery::Files | Delivery::Fallback))
    }

    /// Settles where the Envoy that is started next has its configuration from; where that is not as it should be, why.
    pub(crate) fn settle(&self, delivery: Delivery, why: Option<String>) {
        self.delivery.set(Some(delivery));
        *self.control_plane.borrow_mut() = why;
        {
            let mut status = self.status.borrow_mut();
            status.mode = delivery;
            (status.release, status.bundle, status.endpoints) = (None, None, None);
            status.since = 0;
        }
        self.changed.notify_one();
        self.delivery_settled.notify_one();
        if self.follows_files() {
            self.files_turn.set(self.files_turn.get() + 1);
            self.files_needed.notify_one();
        }
    }

    /// Whether Envoy says that it serves.
    pub(crate) fn is_ready(&self) -> bool {
        self.status.borrow().state == ProxyState::Ready
    }

    /// Whether the proxy can take the place of another: Envoy serves, and has taken a release. One that has refused its first
    /// release serves a part of it at most, and must not replace a proxy that went back to the one before.
    pub(crate) fn is_healthy(&self) -> bool {
        self.is_ready() && (self.took_release.get() || !self.follows_files())
    }

    /// Sets how the proxy is; a change is told at once.
    pub(crate) fn state(&self, state: ProxyState) {
        let before = std::mem::replace(&mut self.status.borrow_mut().state, state);
        if before != state {
            self.changed.notify_one();
        }
    }

    /// Envoy has ended by itself, in this life of the agent or at the end of the last.
    pub(crate) fn fails(&self, how: String) {
        *self.ended.borrow_mut() = Some(how);
        self.envoy.take();
        self.state(ProxyState::Failing);
    }

    /// Envoy is not started again, and the agent ends.
    pub(crate) fn gives_up(&self, why: &str) {
        self.fails(told(NOT_SERVING, why));
        self.status.borrow_mut().gave_up = true;
    }

    /// Envoy is started: after it has ended by itself the proxy fails until it serves.
    pub(crate) fn starts(&self) {
        if self.ended.borrow().is_none() {
            self.state(ProxyState::Starting);
        }
    }

    /// Envoy says that it serves.
    pub(crate) fn serves(&self) {
        self.envoy.take();
        self.ended.take();
        self.state(ProxyState::Ready);
    }

    /// The status as it is reported now.
    pub(crate) fn report(&self) -> Status {
        let mut status = self.status.borrow().clone();
        status.reasons = self.reasons();
        status.at = now();
        status
    }
}

/// A fifth shorter or longer, so that proxies do not all ask at once.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let mut random = [0_u8; 1];
    // Without randomness they ask at once.
    let _ = getrandom::fill(&mut random);
    pause.mul_f64(0.8 + f64::from(u8::from_ne_bytes(random)) / 255.0 * 0.4)
}

/// The machine's time, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
