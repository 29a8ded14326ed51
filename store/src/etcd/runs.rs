//! Runs: a key that stays until the run is closed, and one that goes with its lease when the process goes.

use super::kept::RunCard;
use super::{EtcdStore, request};
use crate::contract::RunState;
use crate::error::Result;
use crate::r#gen::lease_client::LeaseClient;
use crate::r#gen::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest};
use crate::ids::RunId;
use crate::trouble::ServiceFailure;
use futures_util::stream;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tonic::Request;

use super::client::{Client, authorise};

/// How many renewals come within a lease: two may fail before a run is taken for dead.
const RENEWALS_A_LEASE: u32 = 3;

/// The runs of this process.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<BTreeMap<RunId, Renewal>>);

#[derive(Debug)]
struct Renewal {
    lease: i64,
    task: JoinHandle<()>,
}

impl EtcdStore {
    pub(super) async fn begin_run(&self, actor: &str) -> Result<RunId> {
        self.identity_or(&self.seed).await?;
        let run = RunId(self.ids.next());
        let seconds = i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX);
        let granted = self
            .client
            .call("write", |channel, token| {
                let mut request = Request::new(LeaseGrantRequest { ttl: seconds, id: 0 });
                authorise(&mut request, token);
                async move { LeaseClient::new(channel).lease_grant(request).await }
            })
            .await?;
        let card = self.bytes(&RunCard {
            actor: actor.to_owned(),
        })?;
        let alive = self.keys.alive(&run.0);
        let puts = vec![
            request::put(&self.keys.run(&run.0), card),
            request::put_leased(&alive, Vec::new(), granted.id),
        ];
        self.client.txn("write", request::reads(puts)).await?;
        let (client, lease, pause) = (self.client.clone(), granted.id, self.lease / RENEWALS_A_LEASE);
        let task = self.client.background()?.spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                match renew(&client, lease, &alive).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!("the run was declared dead: it gave no sign of life in time");
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "the run could not be renewed"),
                }
            }
        });
        self.runs.lock().insert(run.clone(), Renewal { lease, task });
        Ok(run)
    }

    pub(super) async fn end_run(&self, run: &RunId) -> Result<()> {
        let renewal = self.runs.lock().remove(run);
        if let Some(renewal) = &renewal {
            renewal.task.abort();
        }
        let deletes = vec![
            request::delete(&self.keys.run(&run.0)),
            request::delete(&self.keys.alive(&run.0)),
        ];
        self.client.txn("delete", request::reads(deletes)).await?;
        if let Some(Renewal { lease, .. }) = renewal {
            let revoked = self.client.call("delete", |channel, token| {
                let mut request = Request::new(LeaseRevokeRequest { id: lease });
                authorise(&mut request, token);
                async move { LeaseClient::new(channel).lease_revoke(request).await }
            });
            // It would have ended by itself, and nothing hangs on it any more.
            if let Err(error) = revoked.await {
                tracing::debug!(%error, "the lease of a run was not given back");
            }
        }
        Ok(())
    }

    pub(super) async fn state_of_run(&self, run: &RunId) -> Result<RunState> {
        Ok(match self.look(run).await? {
            (false, _) => RunState::Closed,
            (true, Some(_)) => RunState::Alive,
            (true, None) => RunState::Dead,
        })
    }

    /// Waits until the run has shown a sign of life, or its lease has ended.
    pub(super) async fn outcome_of_run(&self, run: &RunId) -> Result<RunState> {
        if self.runs.lock().contains_key(run) {
            return self.state_of_run(run).await;
        }
        let begun = Instant::now();
        let mut first = None;
        loop {
            let sign = match self.look(run).await? {
                (false, _) => return Ok(RunState::Closed),
                (true, None) => return Ok(RunState::Dead),
                (true, Some(sign)) => sign,
            };
            // A new leader lets every lease begin anew.
            if *first.get_or_insert(sign) != sign || begun.elapsed() > self.lease * 3 {
                return Ok(RunState::Alive);
            }
            tokio::time::sleep(self.lease / (2 * RENEWALS_A_LEASE)).await;
        }
    }

    /// Whether the run is there, and the revision of its last sign of life.
    async fn look(&self, run: &RunId) -> Result<(bool, Option<i64>)> {
        let asked = vec![
            request::get(&self.keys.run(&run.0)),
            request::get(&self.keys.alive(&run.0)),
        ];
        let mut found = self
            .client
            .txn("read", request::reads(asked))
            .await?
            .first_found();
        let there = found.next().flatten().is_some();
        Ok((there, found.next().flatten().map(|alive| alive.mod_revision)))
    }
}

/// Renews a lease, and writes its key, so that others see a sign of life. False where it has ended.
async fn renew(client: &Client, lease: i64, alive: &str) -> Result<bool> {
    let renewed = client
        .call("renew a run in", |channel, token| {
            let mut request = Request::new(stream::iter([LeaseKeepAliveRequest { id: lease }]));
            authorise(&mut request, token);
            async move {
                let answer = LeaseClient::new(channel).lease_keep_alive(request).await?;
                let (metadata, mut answers, extensions) = answer.into_parts();
                let first = answers.message().await?;
                Ok(tonic::Response::from_parts(metadata, first, extensions))
            }
        })
        .await?;
    let Some(renewed) = renewed else {
        return Err(client.error(
            ServiceFailure::Etcd,
            "renew a run in",
            "an empty answer".to_owned(),
        ));
    };
    if renewed.ttl <= 0 {
        return Ok(false);
    }
    let put = request::put_leased(alive, Vec::new(), lease);
    let write = request::txn(vec![request::there(alive)], vec![put], Vec::new());
    Ok(client.txn("renew a run in", write).await?.succeeded)
}

impl Runs {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<RunId, Renewal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that was not closed is left as it is: it will be found dead.
impl Drop for Runs {
    fn drop(&mut self) {
        for renewal in self.lock().values() {
            renewal.task.abort();
        }
    }
}

/// How long a run is taken for alive after its last sign of life. It outlasts the election of a new leader; and who
/// finds what a run left that was killed need not wait longer.
pub(super) const LEASE: Duration = Duration::from_secs(15);
