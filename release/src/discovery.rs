//! Nodes whose addresses a poller looks up: publishers tell it what to look up, and it tells when it did.

use crate::bucket::{ATTEMPTS, BucketTarget, DesiredState, LOST_MILLIS, Listing};
use crate::discovered;
use crate::error::{ReleaseError, Result};
use crate::fleet::FleetReader;
use crate::releaser::Releaser;
use crate::state::State;
use crate::target::Target;
use meshform_bundle::discovery::{DiscoveredNode, Discovery, FRESH_MILLIS, PollerState};
use meshform_bundle::objects::{EndpointSet, ProxyState, Status};
use meshform_bundle::{Digest, Error, ProxyId, mesh_prefix};
use meshform_envoy::polled::{self, LookupContext};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_store::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl BucketTarget {
    /// Tells pollers what is to be looked up, unless they know, or were told something later. Whether it was told now.
    pub(crate) async fn tell_pollers(&self, wanted: &DesiredState<'_>, listing: &Listing) -> Result<bool> {
        let key = Discovery::key(wanted.mesh);
        if !listing.has(&key) && wanted.discovery.is_empty() {
            return Ok(false);
        }
        let mut next = Discovery::new(wanted.mesh, wanted.sequence);
        next.nodes.clone_from(wanted.discovery);
        let bytes = next
            .encode()
            .map_err(|error| ReleaseError::of_bundle(wanted.mesh, error))?;
        for _ in 0..ATTEMPTS {
            let found = self.objects.get(&key).await?;
            let known = match &found {
                None => None,
                Some((bytes, _)) => match Discovery::decode(wanted.mesh, bytes) {
                    Ok(known) => Some(known),
                    Err(error @ Error::Newer { .. }) => {
                        return Err(ReleaseError::of_bundle(wanted.mesh, error));
                    }
                    // Damaged: it is written anew.
                    Err(_) => None,
                },
            };
            if known.is_some_and(|known| known.nodes == next.nodes || known.sequence > next.sequence) {
                return Ok(false);
            }
            let seen = found.as_ref().map(|(_, version)| version);
            if self.objects.replace(&key, bytes.clone(), seen).await?.is_some() {
                return Ok(true);
            }
        }
        Err(ReleaseError::Contended {
            mesh: wanted.mesh.to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// Takes sets of endpoints away that no proxy's object has named for long.
    pub(crate) async fn collect_endpoints(&self, wanted: &DesiredState<'_>) -> Result<()> {
        if wanted.discovery.is_empty() {
            return Ok(());
        }
        let sets = self
            .list_below(&format!("{}/endpoints", mesh_prefix(wanted.mesh)))
            .await?;
        let old: Vec<&String> = sets.old().collect();
        if old.is_empty() {
            return Ok(());
        }
        let named = self.named_endpoints(wanted).await?;
        for key in old {
            // The lease lies beside the sets.
            let digest = key.rsplit('/').next().and_then(Digest::parse);
            if digest.is_some_and(|digest| !named.contains(&digest)) {
                self.objects.delete(key).await?;
            }
        }
        Ok(())
    }

    /// Reads a set of endpoints that something names; a missing one is damage.
    pub(crate) async fn endpoint_set(&self, mesh: &str, digest: &Digest) -> Result<EndpointSet> {
        let key = EndpointSet::key(mesh, digest);
        match self.objects.get(&key).await? {
            Some((bytes, _)) => {
                EndpointSet::decode(&bytes).map_err(|error| ReleaseError::of_bundle(mesh, error))
            }
            None => Err(ReleaseError::Damaged {
                mesh: mesh.to_owned(),
                detail: format!("the endpoints {digest} are not there"),
            }),
        }
    }

    /// The nodes that all their callers look up themselves (`MESHFORM_DISCOVERY=own`), as far as those run; and why others are
    /// not, where their callers say so.
    async fn found_by_callers(
        &self,
        mesh: &str,
        nodes: &BTreeMap<&String, &DiscoveredNode>,
        now: Timestamp,
    ) -> Result<(BTreeSet<String>, Option<String>)> {
        let callers = nodes.values().flat_map(|node| &node.callers);
        let prefixes: BTreeSet<String> = callers
            .filter_map(|caller| ProxyId::parse(caller).ok())
            .map(|proxy| format!("{}/", proxy.status_prefix()))
            .collect();
        let is_callers = |key: &str| prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
        let mut reports = FleetReader::default().read_where(self, mesh, is_callers).await?;
        // One that starts has no requests yet, and one that is lost has none any more.
        reports.retain(|(status, at)| {
            let runs = !matches!(status.state, ProxyState::Starting | ProxyState::Stopped);
            runs && !status.gave_up && now.0.saturating_sub(at.0) <= LOST_MILLIS
        });
        let mut problem = None;
        let mut found = BTreeSet::new();
        for (name, node) in nodes {
            let mut callers = reports
                .iter()
                .filter(|(status, _)| node.callers.contains(&status.proxy))
                .peekable();
            let some_run = callers.peek().is_some();
            let lacking = callers.find(|(status, at)| !knows(status, *at, name, now));
            match lacking {
                None if some_run => {
                    found.insert((*name).clone());
                }
                Some((status, _)) if status.discovery.is_some() => {
                    let own = status.discovery.as_ref().and_then(|nodes| nodes.get(*name));
                    let why = own.and_then(|node| node.problem.clone());
                    let why = why.unwrap_or_else(|| "it has reported no answer for five minutes".to_owned());
                    let (proxy, instance) = (&status.proxy, &status.instance);
                    problem = Some(format!("{proxy} ({instance}) queries Cloud Map itself: {why}"));
                }
                _ => {}
            }
        }
        Ok((found, problem))
    }

    /// How the poller of a mesh is, and when it said so, by the storage's clock.
    pub(crate) async fn poller(&self, mesh: &str) -> Result<Option<(PollerState, Timestamp)>> {
        let found = self.objects.read(&PollerState::key(mesh)).await?;
        found
            .map(|(bytes, object)| Ok((PollerState::decode(mesh, &bytes)?, object.touched_at)))
            .transpose()
            .map_err(|error| ReleaseError::of_bundle(mesh, error))
    }
}

/// What a mesh's poller said last.
struct PollerReport {
    state: PollerState,
    /// What its clock says now, in milliseconds since 1970.
    now: u64,
}

impl PollerReport {
    /// Of what it said then. What it says is by its own clock, which may be wrong; how long ago it said so the storage knows.
    fn of(state: PollerState, then: Timestamp, now: Timestamp) -> Self {
        let ago = millis(now).saturating_sub(millis(then));
        let now = match state.written_at() {
            Some(written) => written.saturating_add(ago),
            None => millis(now),
        };
        Self { state, now }
    }

    /// Whether it has read a node lately.
    fn is_fresh(&self, node: &str) -> bool {
        self.state.is_fresh(node, self.now)
    }

    /// Its name, as long as it runs.
    fn running(&self) -> Option<&str> {
        (self.state.until > self.now).then_some(self.state.holder.as_str())
    }
}

fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.0).unwrap_or_default()
}

/// Whether a running proxy has found a node itself within the last minutes. Only times of one clock are compared.
fn knows(status: &Status, reported: Timestamp, node: &str, now: Timestamp) -> bool {
    let found = status.discovery.as_ref().and_then(|nodes| nodes.get(node));
    let Some(found) = found.filter(|found| found.at > 0) else {
        return false;
    };
    let since_reported = u64::try_from(now.0.saturating_sub(reported.0)).unwrap_or_default();
    let before_that = status.at.saturating_sub(found.at);
    since_reported.saturating_add(before_that) < FRESH_MILLIS
}

impl Releaser {
    /// That callers of Cloud Map's nodes have no addresses, for each place where that is so: nobody has looked them up
    /// there within the last minutes.
    pub async fn without_endpoints(&self, mesh: &str) -> Result<Vec<Diagnostic>> {
        let state = self.pointed(mesh).await?.state;
        match self.current(mesh, &state).await {
            Ok(Some(manifest)) => Ok(self.unpolled(mesh, &state, &manifest.discovery).await),
            Ok(None) | Err(ReleaseError::Damaged { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The same of a mesh that is no release.
    pub async fn without_endpoints_of(&self, mesh: &Mesh) -> Result<Vec<Diagnostic>> {
        let state = self.pointed(mesh.name()).await?.state;
        Ok(self.unpolled(mesh.name(), &state, &discovered::of(mesh)).await)
    }

    /// The same of these nodes.
    pub(crate) async fn unpolled(
        &self,
        mesh: &str,
        state: &State,
        nodes: &BTreeMap<String, DiscoveredNode>,
    ) -> Vec<Diagnostic> {
        if nodes.is_empty() {
            return Vec::new();
        }
        let reported = state.targets.iter();
        let mut targets: Vec<Target> = reported.filter_map(|report| report.here(&self.host)).collect();
        targets.retain(|target| self.targets.iter().all(|mine| mine.name() != target.name()));
        targets.extend(self.targets.iter().cloned());
        if targets.is_empty() {
            // What is published elsewhere cannot be looked at from here.
            let nowhere = state.targets.is_empty();
            return nowhere
                .then(|| told_of(mesh, nodes, &LookupContext::default(), None))
                .flatten()
                .into_iter()
                .collect();
        }
        let mut warnings = Vec::new();
        let now = self.clock.now();
        for target in &targets {
            let poller = match target {
                Target::Directory(publisher) => publisher
                    .poller(mesh)
                    .map(|state| {
                        let now = millis(now);
                        state.map(|state| PollerReport { state, now })
                    })
                    .map_err(|error| ReleaseError::of_bundle(mesh, error)),
                Target::Bucket(bucket) => bucket
                    .poller(mesh)
                    .await
                    .map(|found| found.map(|(state, then)| PollerReport::of(state, then, now))),
            };
            let looked = LookupContext {
                store: Some(target.name()),
                ..LookupContext::default()
            };
            match poller {
                Ok(poller) => {
                    let (lacking, own) = self.lacking(mesh, target, nodes, poller.as_ref()).await;
                    let looked = LookupContext {
                        problem: own,
                        ..looked
                    };
                    warnings.extend(told_of(mesh, &lacking, &looked, poller.as_ref()));
                }
                Err(error) => {
                    let problem = Some(error.to_string());
                    warnings.extend(told_of(mesh, nodes, &LookupContext { problem, ..looked }, None));
                }
            }
        }
        warnings
    }

    /// The nodes that neither the poller nor all their callers have read lately, and why the callers have not.
    async fn lacking(
        &self,
        mesh: &str,
        target: &Target,
        nodes: &BTreeMap<String, DiscoveredNode>,
        poller: Option<&PollerReport>,
    ) -> (BTreeMap<String, DiscoveredNode>, Option<String>) {
        let now = self.clock.now();
        let mut lacking = nodes.clone();
        lacking.retain(|name, _| poller.is_none_or(|poller| !poller.is_fresh(name)));
        let Target::Bucket(bucket) = target else {
            return (lacking, None);
        };
        if lacking.is_empty() {
            return (lacking, None);
        }
        let unread: BTreeMap<&String, &DiscoveredNode> = lacking.iter().collect();
        match bucket.found_by_callers(mesh, &unread, now).await {
            Ok((found, problem)) => {
                lacking.retain(|name, _| !found.contains(name));
                (lacking, problem)
            }
            Err(error) => (
                lacking,
                Some(format!("what proxies report cannot be read: {error}")),
            ),
        }
    }
}

/// A warning of the nodes that the poller has not read lately.
fn told_of(
    mesh: &str,
    nodes: &BTreeMap<String, DiscoveredNode>,
    looked: &LookupContext,
    poller: Option<&PollerReport>,
) -> Option<Diagnostic> {
    let is_fresh = |name: &str| poller.is_some_and(|poller| poller.is_fresh(name));
    let lacking: Vec<&String> = nodes.keys().filter(|name| !is_fresh(name)).collect();
    let mut states = lacking
        .iter()
        .filter_map(|name| poller?.state.nodes.get(*name)?.problem.clone());
    let problem = states.next();
    let keys: Vec<ResourceKey> = lacking
        .iter()
        .map(|name| ResourceKey::in_mesh(mesh, Kind::VirtualNode, name.as_str()))
        .collect();
    let running = poller.and_then(PollerReport::running).map(str::to_owned);
    let looked = LookupContext {
        store: looked.store.clone(),
        poller: running.filter(|_| problem.is_some() && looked.problem.is_none()),
        problem: looked.problem.clone().or(problem),
    };
    polled::without_endpoints(&keys.iter().collect::<Vec<_>>(), &looked)
}
