//! From a valid mesh to what each proxy needs.
//!
//! A virtual service is resolved once ([`upstream`]) and shared by its callers; a cluster that callers reach in the
//! same way is one. What is wrong is collected, all of it, each on the field of the model.
//!
//! - [`index`], [`profile`]: looking things up. [`names`]: what App Mesh called them.
//! - [`upstream`]: virtual services → routes → targets. [`matching`], [`retry`], [`timeout`]: their parts.
//! - [`cluster`], [`tls`], [`telemetry`]: towards others.
//! - [`ingress`], [`egress`] ([`transparent`], [`explicit`]), [`gateway`] ([`gateway_routes`], [`edge`]): listeners. [`proxy`]: all of it as one proxy, with what they put into it ([`context`]).

pub(crate) mod cluster;
pub(crate) mod context;
pub(crate) mod edge;
pub(crate) mod egress;
pub(crate) mod explicit;
pub(crate) mod extensions;
pub(crate) mod gateway;
pub(crate) mod gateway_routes;
pub(crate) mod index;
pub(crate) mod ingress;
pub(crate) mod matching;
pub(crate) mod names;
pub(crate) mod problems;
pub(crate) mod profile;
pub(crate) mod proxy;
pub(crate) mod retry;
pub(crate) mod sockets;
pub(crate) mod telemetry;
pub(crate) mod timeout;
pub(crate) mod tls;
pub(crate) mod transparent;
pub(crate) mod upstream;

use crate::codes;
use crate::ir::ProxyIr;
use crate::ir::cluster::Cluster;
use crate::ir::route::VirtualHost;
use context::ProxyContext;
use index::Index;
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use problems::Problems;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use upstream::{TargetRef, Upstream};

/// By virtual service, port and names.
type HostKey = (String, Option<u16>, Vec<String>);

/// One proxy in our own form: what `explain` and the simulation look at.
pub(crate) fn lowered(mesh: &Mesh, key: &ResourceKey, root: &str) -> Result<ProxyIr, Vec<Diagnostic>> {
    refuse_broken(mesh)?;
    lowered_one(mesh, key, root)
}

/// The same of a mesh that its rules have been asked about.
pub(crate) fn lowered_one(mesh: &Mesh, key: &ResourceKey, root: &str) -> Result<ProxyIr, Vec<Diagnostic>> {
    let index = Index::new(mesh);
    let lowering = Lowering::new(&index, root);
    let Some(proxy) = lowering.proxy(key) else {
        return Err(vec![
            Diagnostic::error(codes::NO_PROXY, format!("{key} does not exist, or has no proxy"))
                .help("use the name of a virtual node or a virtual gateway of the mesh"),
        ]);
    };
    let problems = lowering.problems();
    if has_errors(&problems) {
        return Err(problems);
    }
    Ok(proxy)
}

/// Nothing is made from a mesh that its rules refuse: lowering relies on them.
pub(crate) fn refuse_broken(mesh: &Mesh) -> Result<(), Vec<Diagnostic>> {
    let mut errors = mesh.check();
    errors.retain(Diagnostic::is_error);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The mesh that is being lowered, with what its proxies share: each service, cluster and host is made once.
#[derive(Debug)]
pub(crate) struct Lowering<'m> {
    pub(crate) index: &'m Index<'m>,
    /// The directory under which proxies without a directory of their own find their files.
    pub(crate) root: String,
    problems: RefCell<Problems>,
    upstreams: RefCell<BTreeMap<String, Arc<Upstream>>>,
    clusters: RefCell<BTreeMap<TargetRef, Option<Arc<Cluster>>>>,
    hosts: RefCell<BTreeMap<HostKey, Arc<VirtualHost>>>,
}

impl<'m> Lowering<'m> {
    pub(crate) fn new(index: &'m Index<'m>, root: &str) -> Self {
        Self {
            index,
            root: root.trim_end_matches('/').to_owned(),
            problems: RefCell::default(),
            upstreams: RefCell::default(),
            clusters: RefCell::default(),
            hosts: RefCell::default(),
        }
    }

    /// One proxy; nothing when the mesh has no such node or gateway.
    pub(crate) fn proxy(&self, key: &ResourceKey) -> Option<ProxyIr> {
        match key.kind {
            Kind::VirtualNode => {
                let entry = self.index.nodes.get(key.name.as_str())?;
                let scope = self.scope(&entry.key);
                let mut draft = self.draft(&scope, entry.spec.logging.as_ref());
                self.ingress(&mut draft, &scope, entry.spec);
                self.egress(&mut draft, &scope, entry.spec);
                Some(self.finish(draft, scope, entry.resource.identity.as_ref()))
            }
            Kind::VirtualGateway => {
                let entry = self.index.gateways.get(key.name.as_str())?;
                let scope = self.scope(&entry.key);
                let mut draft = self.draft(&scope, entry.spec.logging.as_ref());
                self.gateway(&mut draft, &scope, entry.spec);
                Some(self.finish(draft, scope, entry.resource.identity.as_ref()))
            }
            _ => None,
        }
    }

    fn scope(&self, key: &Arc<ResourceKey>) -> ProxyContext<'m> {
        ProxyContext {
            key: Arc::clone(key),
            profile: self.index.profile(key),
        }
    }

    /// Takes a problem down, once.
    pub(crate) fn report(&self, problem: Diagnostic) {
        self.problems.borrow_mut().add(problem);
    }

    /// What was found, in the order in which it was met.
    pub(crate) fn problems(&self) -> Vec<Diagnostic> {
        self.problems.take().into_vec()
    }
}
