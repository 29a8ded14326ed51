//! A directory that Envoys read themselves: the poller gives them other files, as a publisher does.

use super::Clusters;
use super::settings::Settings;
use crate::shared::now;
use meshform_bundle::ProxyId;
use meshform_bundle::discovery::Discovery;
use meshform_bundle::objects::EndpointSet;
use meshform_bundle::publish::Publisher;
use std::collections::{BTreeMap, BTreeSet};

/// The directory, and what was written there last.
pub(crate) struct Files {
    publisher: Publisher,
    mesh: String,
    written: Option<Clusters>,
}

impl Files {
    pub(super) fn open(settings: &Settings) -> Self {
        Self {
            publisher: Publisher::new(settings.directory().unwrap_or_else(|| "".as_ref())),
            mesh: settings.mesh.clone(),
            written: None,
        }
    }

    pub(super) fn forget(&mut self) {
        self.written = None;
    }

    pub(super) fn discovery(&self) -> Result<Discovery, String> {
        let found = self
            .publisher
            .discovery(&self.mesh)
            .map_err(|error| error.to_string())?;
        if found.is_none() && !self.publisher.knows(&self.mesh) {
            return Err(format!(
                "nothing of mesh `{}` is published to {}: name the directory or bucket that is published to",
                self.mesh,
                self.publisher.root().display()
            ));
        }
        Ok(found.unwrap_or_else(|| Discovery::new(&self.mesh, 0)))
    }

    pub(super) fn before(&self) -> Result<Option<EndpointSet>, String> {
        self.publisher
            .endpoints(&self.mesh)
            .map_err(|error| error.to_string())
    }

    /// Writes what differs; the number of proxies that got other files.
    pub(super) async fn write(
        &mut self,
        discovery: &Discovery,
        known: &BTreeMap<String, Clusters>,
    ) -> Result<usize, String> {
        let clusters: Clusters = known
            .values()
            .flatten()
            .map(|(name, endpoints)| (name.clone(), endpoints.clone()))
            .collect();
        if self.written.as_ref() == Some(&clusters) {
            return Ok(0);
        }
        let callers = discovery.nodes.values().flat_map(|node| &node.callers);
        let folders: BTreeSet<String> = callers
            .filter_map(|caller| Some(ProxyId::parse(caller).ok()?.folder()))
            .collect();
        let mut set = EndpointSet::new(now());
        set.clusters.clone_from(&clusters);
        let (publisher, mesh) = (self.publisher.clone(), self.mesh.clone());
        let work = move || publisher.lock(&mesh, &|_| {})?.renew_endpoints(&set, &folders);
        let changed = match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string())?,
            Err(error) => return Err(error.to_string()),
        };
        self.written = Some(clusters);
        Ok(changed.len())
    }
}
