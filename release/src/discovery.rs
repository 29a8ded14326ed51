//! Nodes whose addresses a poller looks up: publishers tell it what to look up, and it tells when it did.

use crate::bucket::{ATTEMPTS, BucketTarget, Listing, Wanted};
use crate::discovered;
use crate::error::{ReleaseError, Result};
use crate::releaser::Releaser;
use crate::state::State;
use crate::target::Target;
use meshform_bundle::discovery::{DiscoveredNode, Discovery, PollerState};
use meshform_bundle::objects::EndpointSet;
use meshform_bundle::{Digest, Error, mesh_prefix};
use meshform_envoy::polled::{self, Looked};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use std::collections::BTreeMap;

impl BucketTarget {
    /// Tells pollers what is to be looked up, unless they know, or were told something later. Whether it was told now.
    pub(crate) async fn tell_pollers(&self, wanted: &Wanted<'_>, listing: &Listing) -> Result<bool> {
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
    pub(crate) async fn collect_endpoints(&self, wanted: &Wanted<'_>) -> Result<()> {
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

    /// A set of endpoints.
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

    /// How the poller of a mesh is.
    pub(crate) async fn poller(&self, mesh: &str) -> Result<Option<PollerState>> {
        let found = self.objects.get(&PollerState::key(mesh)).await?;
        found
            .map(|(bytes, _)| PollerState::decode(mesh, &bytes))
            .transpose()
            .map_err(|error| ReleaseError::of_bundle(mesh, error))
    }
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
                .then(|| self.told_of(mesh, nodes, &Looked::default(), None))
                .flatten()
                .into_iter()
                .collect();
        }
        let mut warnings = Vec::new();
        for target in &targets {
            let poller = match target {
                Target::Directory(publisher) => publisher
                    .poller(mesh)
                    .map_err(|error| ReleaseError::of_bundle(mesh, error)),
                Target::Bucket(bucket) => bucket.poller(mesh).await,
            };
            let looked = Looked {
                store: Some(target.name()),
                problem: None,
            };
            match poller {
                Ok(poller) => warnings.extend(self.told_of(mesh, nodes, &looked, poller.as_ref())),
                Err(error) => {
                    let problem = Some(error.to_string());
                    warnings.extend(self.told_of(mesh, nodes, &Looked { problem, ..looked }, None));
                }
            }
        }
        warnings
    }

    /// A warning of the nodes that the poller has not read lately.
    fn told_of(
        &self,
        mesh: &str,
        nodes: &BTreeMap<String, DiscoveredNode>,
        looked: &Looked,
        poller: Option<&PollerState>,
    ) -> Option<Diagnostic> {
        let now = u64::try_from(self.clock.now().0).unwrap_or_default();
        let is_fresh = |name: &str| poller.is_some_and(|poller| poller.is_fresh(name, now));
        let lacking: Vec<&String> = nodes.keys().filter(|name| !is_fresh(name)).collect();
        let states = lacking.iter().filter_map(|name| poller?.nodes.get(*name));
        let problem = states.filter_map(|state| state.problem.clone()).next();
        let keys: Vec<ResourceKey> = lacking
            .iter()
            .map(|name| ResourceKey::in_mesh(mesh, Kind::VirtualNode, name.as_str()))
            .collect();
        let looked = Looked {
            store: looked.store.clone(),
            problem: looked.problem.clone().or(problem),
        };
        polled::without_endpoints(&keys.iter().collect::<Vec<_>>(), &looked)
    }
}
