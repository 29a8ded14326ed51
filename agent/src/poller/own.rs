//! A proxy that asks Cloud Map itself: what is found reaches the files of its own Envoy, by way of its agent, and nobody
//! else. For small meshes: every proxy asks for every service that it calls.

use super::objects::Objects;
use super::settings::Settings;
use super::{Clusters, source};
use crate::log;
use crate::shared::Shared;
use meshform_bundle::codes::DENIED;
use meshform_bundle::discovery::{Discovery, NodeState};
use meshform_bundle::objects::EndpointSet;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A month, in seconds.
const MONTH: u64 = 30 * 24 * 3600;

/// A proxy that looks up what it calls by itself.
pub(crate) struct SelfLookup {
    objects: Objects,
    proxy: String,
    interval: u64,
    shared: Rc<Shared>,
    /// How many services were asked for at the last round.
    services: usize,
}

impl SelfLookup {
    pub(super) fn open(settings: &Settings, proxy: String, shared: Rc<Shared>) -> Result<Self, String> {
        Ok(Self {
            objects: Objects::open(settings)?,
            proxy,
            interval: settings.interval.as_secs(),
            shared,
            services: 0,
        })
    }

    /// What the proxy calls of what is to be looked up.
    pub(super) async fn discovery(&mut self) -> Result<Discovery, String> {
        let mut discovery = self.objects.discovery().await?;
        discovery
            .nodes
            .retain(|_, node| node.callers.contains(&self.proxy));
        let services: BTreeSet<_> = discovery.nodes.values().map(source).collect();
        if services.len() != self.services {
            self.services = services.len();
            let asked = MONTH / self.interval.max(1) * u64::try_from(self.services).unwrap_or_default();
            log::info(&format!(
                "queries Cloud Map every {} s for {} {}: {asked} requests a month by this proxy alone; one \
                 `meshform-agent endpoints` does it for the whole mesh",
                self.interval,
                self.services,
                if self.services == 1 { "service" } else { "services" }
            ));
        }
        Ok(discovery)
    }

    /// What a round that failed means. A role without `s3:ListBucket` is refused what is not there: where the release of this proxy has
    /// no node to look up, and so perhaps the mesh none at all, that is as it should be.
    pub(super) fn judged(&self, outcome: Result<(), String>) -> Result<(), String> {
        let Err(error) = outcome else { return Ok(()) };
        // The release is not to wait for what will not come.
        self.shared.endpoints_known.notify_one();
        if error.starts_with(DENIED.0) && !self.shared.needs_endpoints.get() {
            return Ok(());
        }
        Err(error)
    }

    /// What was known before: of this process, or of the last one.
    pub(super) fn before(&self) -> Option<EndpointSet> {
        self.shared.endpoints.borrow().clone()
    }

    /// Hands what is known to who writes Envoy's files.
    pub(super) fn write(&self, known: &BTreeMap<String, Clusters>) -> usize {
        let mut set = EndpointSet::new(0);
        set.clusters = known
            .values()
            .flatten()
            .map(|(name, hosts)| (name.clone(), hosts.clone()))
            .collect();
        let differs = self.shared.endpoints.borrow().as_ref() != Some(&set);
        if differs {
            *self.shared.endpoints.borrow_mut() = Some(set);
            self.shared.endpoints_changed.set(true);
        }
        self.shared.endpoints_known.notify_one();
        usize::from(differs)
    }

    /// What is known of each node and since when, and why something is not: in the proxy's status plans read it.
    pub(super) fn tell(&self, nodes: BTreeMap<String, NodeState>, reasons: Vec<String>) {
        let known = |nodes: &BTreeMap<String, NodeState>| -> Vec<(String, bool)> {
            let known = nodes.iter().map(|(name, node)| (name.clone(), node.at > 0));
            known.collect()
        };
        let told = known(&nodes);
        let before = self.shared.status.borrow_mut().discovery.replace(nodes);
        let reasons_before = self.shared.discovery.replace(reasons.clone());
        if reasons_before != reasons || before.is_none_or(|before| known(&before) != told) {
            self.shared.changed.notify_one();
        }
    }
}
