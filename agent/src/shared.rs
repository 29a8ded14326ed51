//! What the parts of the agent know of each other. One thread: no locks.

use crate::envoy::Admin;
use meshform_bundle::Digest;
use meshform_bundle::codes::{REJECTED, UNPUBLISHED, told};
use meshform_bundle::objects::{ProxyState, Status};
use std::cell::{Cell, RefCell};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) status: RefCell<Status>,
    /// Why the store was not read at the last look.
    pub(crate) store: RefCell<Option<String>>,
    /// Why Envoy does not serve, or cannot be asked.
    pub(crate) envoy: RefCell<Option<String>>,
    /// Why certificates that changed are not in use.
    pub(crate) certificates: RefCell<Option<String>>,
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
            store: RefCell::default(),
            envoy: RefCell::default(),
            certificates: RefCell::default(),
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
        if status.bundle.is_none() && status.state == ProxyState::Starting {
            reasons.push(told(UNPUBLISHED, "no release is there yet to start Envoy with"));
        }
        reasons.extend(self.store.borrow().clone());
        reasons.extend(self.envoy.borrow().clone());
        reasons.extend(self.certificates.borrow().clone());
        let refused = status.rejected.iter().flat_map(|rejected| &rejected.problems);
        reasons.extend(refused.map(|problem| told(REJECTED, problem)));
        reasons
    }

    /// Whether Envoy serves.
    pub(crate) fn is_healthy(&self) -> bool {
        self.status.borrow().state == ProxyState::Ready
    }

    /// Sets how the proxy is; a change is told at once.
    pub(crate) fn state(&self, state: ProxyState) {
        let before = std::mem::replace(&mut self.status.borrow_mut().state, state);
        if before != state {
            self.changed.notify_one();
        }
    }

    /// The status as it is reported now.
    pub(crate) fn report(&self) -> Status {
        let mut status = self.status.borrow().clone();
        status.reasons = self.reasons();
        status.at = now();
        status
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
