//! Runs where there are no locks: an object that is written again and again while its process lives.
//!
//! A run is dead when its object has not been written for the length of a lease. Both times are the storage's: the
//! object of a run of one's own, renewed all the time, tells what time it is there. Only a process that has none asks
//! its own clock.

use crate::contract::RunState;
use crate::error::Result;
use crate::ids::RunId;
use crate::storage::{NamedObject, Objects, part};
use crate::time::{Clock, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How many renewals come within a lease: five may fail, or be late, before a run is taken for dead. Each is a PUT of a
/// few bytes.
const RENEWALS_A_LEASE: u32 = 6;

const FOLDER: &str = "runs";

/// Milliseconds after which nobody asks any more whether a run had died: 30 days. It is asked about records that an
/// interrupted create left; an older one is somebody's resource.
const FORGET: i64 = 30 * 24 * 3_600_000;

#[derive(Debug)]
pub(super) struct Runs {
    objects: Objects,
    clock: Arc<dyn Clock>,
    lease: Duration,
    renewals: Mutex<BTreeMap<RunId, JoinHandle<()>>>,
}

impl Runs {
    pub(super) fn new(objects: Objects, clock: Arc<dyn Clock>, lease: Duration) -> Self {
        Self {
            objects,
            clock,
            lease,
            renewals: Mutex::default(),
        }
    }

    pub(super) async fn open(&self, run: &RunId, actor: &str) -> Result<()> {
        let (name, card) = (object(run), json!({ "actor": actor }).to_string().into_bytes());
        self.objects.write(&name, card.clone()).await?;
        let (objects, pause) = (self.objects.clone(), self.lease / RENEWALS_A_LEASE);
        // In the background: whoever opened the run may rest for long while Terraform waits for something else.
        let renewal = self.objects.background()?.spawn(async move {
            // Short runs, which are most, are not held up by what nobody waits for.
            tokio::time::sleep(pause).await;
            forget_the_dead(&objects, &name).await;
            loop {
                tokio::time::sleep(pause).await;
                if let Err(error) = objects.write(&name, card.clone()).await {
                    tracing::warn!(%error, "the run could not be renewed");
                }
            }
        });
        self.renewals().insert(run.clone(), renewal);
        Ok(())
    }

    pub(super) async fn close(&self, run: &RunId) -> Result<()> {
        let renewal = self.renewals().remove(run);
        if let Some(renewal) = renewal {
            renewal.abort();
            // A renewal that is under way would bring the object back.
            let _ = renewal.await;
        }
        self.objects.delete(&object(run)).await
    }

    pub(super) async fn state(&self, run: &RunId) -> Result<RunState> {
        if self.renewals().contains_key(run) {
            return Ok(RunState::Alive);
        }
        match self.objects.touched(&object(run)).await? {
            None => Ok(RunState::Closed),
            Some(touched) => self.judge(touched).await,
        }
    }

    /// Waits until the run has shown a sign of life, or for the length of a lease has not.
    pub(super) async fn outcome(&self, run: &RunId) -> Result<RunState> {
        if self.renewals().contains_key(run) {
            return Ok(RunState::Alive);
        }
        let begun = Instant::now();
        let mut first = None;
        loop {
            let Some(touched) = self.objects.touched(&object(run)).await? else {
                return Ok(RunState::Closed);
            };
            if *first.get_or_insert(touched) != touched {
                return Ok(RunState::Alive);
            }
            if begun.elapsed() > self.lease || self.judge(touched).await? == RunState::Dead {
                return Ok(RunState::Dead);
            }
            tokio::time::sleep(self.lease / (2 * RENEWALS_A_LEASE)).await;
        }
    }

    async fn judge(&self, touched: Timestamp) -> Result<RunState> {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        Ok(if touched.plus_millis(lease) < self.now().await? {
            RunState::Dead
        } else {
            RunState::Alive
        })
    }

    /// The time of the storage, or a little less.
    async fn now(&self) -> Result<Timestamp> {
        let own = self.renewals().keys().next().cloned();
        let seen = match own {
            Some(own) => self.objects.touched(&object(&own)).await?,
            None => None,
        };
        Ok(seen.unwrap_or_else(|| self.clock.now()))
    }

    fn renewals(&self) -> std::sync::MutexGuard<'_, BTreeMap<RunId, JoinHandle<()>>> {
        self.renewals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that was not closed is left as it is: it will be found dead.
impl Drop for Runs {
    fn drop(&mut self) {
        for renewal in self.renewals().values() {
            renewal.abort();
        }
    }
}

/// Takes away the objects of runs that died long ago: whoever finds their writes unfinished has come since. The time is
/// the storage's, as that of the object of a run of one's own.
async fn forget_the_dead(objects: &Objects, own: &str) {
    let forgotten = async {
        let found = objects.list(FOLDER, None).await?;
        let is_own = |object: &&NamedObject| {
            own.strip_prefix(FOLDER)
                .is_some_and(|rest| rest.get(1..) == Some(&*object.name))
        };
        let Some(now) = found.iter().find(is_own).map(|object| object.touched_at) else {
            return Ok(());
        };
        for object in found
            .iter()
            .filter(|object| object.touched_at.plus_millis(FORGET) < now)
        {
            objects.delete(&format!("{FOLDER}/{}", object.name)).await?;
        }
        Result::Ok(())
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(%error, "runs that died long ago were not cleaned up");
    }
}

fn object(run: &RunId) -> String {
    format!("{FOLDER}/{}.json", part(&run.0))
}
