//! A mesh as its pages show it.

use crate::live::Live;
use meshform_compiler::graph::Picture;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::rules::told;
use meshform_registry::{LastWrite, Snapshot};
use meshform_release::{Condition, Fleet, Refusals, State};
use meshform_store::{Digest, Revision};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A mesh, its release, and the proxies that run it.
#[derive(Debug, Clone)]
pub struct View {
    /// The resources, and what is said of them.
    pub records: Arc<Records>,
    /// The current release and those before it. Nothing where the mesh comes from files.
    pub state: Option<State>,
    /// Which proxies refused a release that a control plane told them, and why.
    pub refusals: BTreeMap<Digest, Refusals>,
    /// The proxies that report to buckets.
    pub fleet: Fleet,
    /// The proxies that this server serves by ADS.
    pub streams: Vec<Stream>,
    /// Live numbers, where a Prometheus is asked.
    pub live: Option<Arc<Live>>,
}

/// A proxy that is connected to this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The virtual node or gateway, as a path.
    pub proxy: String,
    /// The address that it connects from.
    pub peer: String,
    /// What is said of it.
    pub about: String,
}

/// The resources of a mesh as of a revision.
#[derive(Debug)]
pub struct Records {
    /// Shared with this process's one view of it, where it comes from a store.
    pub mesh: Arc<Mesh>,
    pub revision: Revision,
    /// What is wrong, or worth a look.
    pub problems: Vec<Diagnostic>,
    /// Who wrote what, where that is known.
    pub written: BTreeMap<ResourceKey, LastWrite>,
    pub picture: Picture,
    /// Every resource in the order of the page: what contains others before them.
    pub keys: Vec<ResourceKey>,
    /// The whole picture as a server shows it, once somebody asked for it.
    pub(crate) drawn: OnceLock<String>,
}

impl View {
    /// A mesh from files: there are no releases and no proxies.
    pub fn of_files(mesh: Mesh, problems: Vec<Diagnostic>) -> Self {
        Self {
            records: Arc::new(Records::new(
                Arc::new(mesh),
                Revision::default(),
                problems,
                BTreeMap::new(),
            )),
            state: None,
            refusals: BTreeMap::new(),
            fleet: Fleet::default(),
            streams: Vec::new(),
            live: None,
        }
    }

    pub fn mesh(&self) -> &Mesh {
        &self.records.mesh
    }

    pub fn name(&self) -> &str {
        self.records.mesh.name()
    }

    /// Every virtual node and gateway.
    pub fn proxies(&self) -> impl Iterator<Item = &ResourceKey> {
        let nodes = self.mesh().virtual_nodes().map(|node| &node.key);
        nodes.chain(self.mesh().virtual_gateways().map(|gateway| &gateway.key))
    }

    /// The proxies that refuse the current release, as paths, each with why: as agents report, and as control planes were
    /// answered.
    pub fn refusing(&self) -> BTreeMap<&str, String> {
        let reported = self.fleet.proxies.iter().filter_map(|one| {
            let rejected = one.status.rejected.as_ref();
            let rejected = rejected.filter(|_| one.condition == Condition::Rejects)?;
            let reasons = rejected.problems.iter().map(|problem| problem.reason.as_str());
            Some((one.status.proxy.as_str(), reasons.collect::<Vec<_>>().join("; ")))
        });
        let current = self.state.as_ref().and_then(|state| state.current.as_ref());
        let told = current.and_then(|current| self.refusals.get(current));
        let told = told.into_iter().flatten();
        let told = told.map(|(proxy, reasons)| (proxy.as_str(), reasons.join("; ")));
        reported.chain(told).collect()
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        let problems = self.records.problems.iter();
        problems.filter(|problem| problem.is_error()).count()
    }
}

impl Records {
    pub(crate) fn new(
        mesh: Arc<Mesh>,
        revision: Revision,
        problems: Vec<Diagnostic>,
        written: BTreeMap<ResourceKey, LastWrite>,
    ) -> Self {
        let picture = Picture::of(std::slice::from_ref(&*mesh), &problems);
        let keys = mesh
            .resources()
            .into_iter()
            .map(|resource| resource.key)
            .collect();
        Self {
            mesh,
            revision,
            problems,
            written,
            picture,
            keys,
            drawn: OnceLock::new(),
        }
    }

    /// Of what this process's one view has of a store.
    pub(crate) fn of_store(snapshot: Snapshot, written: BTreeMap<ResourceKey, LastWrite>) -> Self {
        let Snapshot {
            mesh,
            revision,
            mut problems,
            ..
        } = snapshot;
        // Of a mesh that was never written there is nothing to say.
        if !written.is_empty() {
            problems.extend(told(&mesh, mesh.check()));
        }
        Self::new(mesh, revision, problems, written)
    }

    /// How many resources of a kind there are.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.keys.iter().filter(|key| key.kind == kind).count()
    }
}
