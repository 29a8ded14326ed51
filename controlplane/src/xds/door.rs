//! How many proxies come in at once.
//!
//! An Envoy's first request has 60 kB, and after a restart of a server all proxies come at the same moment. They wait for their
//! turn in the order in which they came, so that what they send is taken a few at a time and not held all at once.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// How many are let in at once: enough for hundreds in a second over a slow network with TLS.
const AT_ONCE: usize = 64;
/// How long a turn takes at most: one that does not go on holds the others up no longer.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(crate) struct AdmissionGate(Arc<Semaphore>);

/// The turn of one of them. It is over when that is said, when it is dropped, or after a second.
#[derive(Debug)]
pub(crate) struct AdmissionPermit(Arc<Notify>);

impl AdmissionGate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> AdmissionPermit {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let over = Arc::new(Notify::new());
        let told = Arc::clone(&over);
        tokio::spawn(async move {
            let _ = tokio::time::timeout(LONGEST, told.notified()).await;
            drop(permit);
        });
        AdmissionPermit(over)
    }
}

impl AdmissionPermit {
    pub(crate) fn over(&self) {
        self.0.notify_one();
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        self.over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_in_or_takes_too_long_makes_room() {
        let door = AdmissionGate::new();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(door.turn().await);
        }
        let soon = Duration::from_millis(100);
        assert!(
            tokio::time::timeout(soon, door.turn()).await.is_err(),
            "all turns are taken"
        );
        turns[0].over();
        turns.pop();
        for _ in 0..2 {
            turns.push(tokio::time::timeout(soon, door.turn()).await.unwrap());
        }
        assert!(tokio::time::timeout(soon, door.turn()).await.is_err());
        // The others say nothing.
        assert!(tokio::time::timeout(LONGEST * 10, door.turn()).await.is_ok());
    }
}
