//! Writes the status where `meshform status` reads it: on a change, and every ten minutes or more often;
//! after a failure soon again.

use crate::config::Config;
use crate::log;
use crate::shared::Shared;
use crate::store::{ObjectSource, StoreUser};
use meshform_bundle::agent;
use meshform_bundle::codes::{AWAY, told, told_of};
use meshform_bundle::objects::ProxyState;
use std::rc::Rc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(agent::REPORT_SECONDS);
const EVERY_OWN: Duration = Duration::from_secs(agent::OWN_REPORT_SECONDS);

/// How soon to try again what was not written: until then nobody sees what changed.
const AGAIN: Duration = Duration::from_secs(15);

/// How long the last report may take: whoever stops the task waits for it, and it counts into `MESHFORM_STOP_TIMEOUT`.
pub(crate) const LAST: Duration = Duration::from_secs(2);

/// What one instance reports, and where.
pub(crate) struct Reports {
    store: ObjectSource,
    status: String,
    rejected: String,
    every: Duration,
    shared: Rc<Shared>,
}

impl Reports {
    pub(crate) fn new(config: &Config, instance: &str, shared: Rc<Shared>) -> Result<Self, String> {
        Ok(Self {
            store: ObjectSource::parse(&config.store, StoreUser::Proxy)?,
            status: config.proxy.status_key(instance),
            rejected: config.proxy.rejected_key(instance),
            every: if config.own_discovery { EVERY_OWN } else { EVERY },
            shared,
        })
    }

    /// Runs until the process ends.
    pub(crate) async fn run(mut self) {
        let mut failed: Option<String> = None;
        loop {
            let pause = if failed.is_some() { AGAIN } else { self.every };
            let _ = tokio::time::timeout(pause, self.shared.changed.notified()).await;
            // What changes together is told together.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let error = self.write().await.err();
            if error != failed
                && let Some(error) = &error
            {
                log::warn(&told_of(AWAY, "the status is not written", error));
            }
            failed = error;
        }
    }

    /// That it has ended, so that nobody takes it for lost. Of one that was told to stop, what it refused is nobody's concern any
    /// more; one that has given up leaves all of it for who asks why.
    pub(crate) async fn say_goodbye(mut self) {
        let gave_up = self.shared.status.borrow().gave_up;
        if !gave_up {
            self.shared.state(ProxyState::Stopped);
        }
        let refused = !gave_up && self.shared.status.borrow().rejected.is_some();
        let last = async {
            self.write().await?;
            if refused {
                self.store.remove(&self.rejected).await?;
            }
            Ok::<_, String>(())
        };
        match tokio::time::timeout(LAST, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::warn(&told_of(AWAY, "the last status is not written", &error)),
            Err(_) => log::warn(&told(
                AWAY,
                "the last status is not written: the store did not answer in time",
            )),
        }
    }

    async fn write(&mut self) -> Result<(), String> {
        let bytes = self.shared.report().encode().map_err(|error| error.to_string())?;
        self.store.write(&self.status, bytes).await
    }
}
