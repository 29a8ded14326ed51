//! Outbound: from the application to its backends, and nothing else than its backends.

use super::Lowering;
use super::context::{ProxyBuilder, ProxyContext};
use super::upstream::{Upstream, UpstreamKind, UpstreamPort};
use crate::ir::Origin;
use crate::ir::cluster::Cluster;
use crate::ir::listener::{Service, TcpService, TcpTarget};
use crate::ir::route::{Route, RouteTable, VirtualHost};
use crate::ir::tls::ClientTls;
use meshform_model::path::Path;
use meshform_model::spec::{
    ClientPolicyTls, Interception, TransparentInterception, VirtualNodeSpec, VirtualServiceBackend,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Clusters that this caller must call by another name, because it reaches the same listener in two ways.
pub(crate) type Renames = BTreeMap<String, String>;

/// A backend, resolved and connected.
pub(crate) struct Backend {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) origin: Origin,
    pub(crate) renames: Renames,
}

/// A node whose connections are redirected to its proxy.
pub(crate) struct Intercepted<'a> {
    pub(crate) node: &'a VirtualNodeSpec,
    pub(crate) interception: &'a TransparentInterception,
    pub(crate) backends: &'a [Backend],
}

impl Lowering<'_> {
    /// A node's side towards its backends.
    pub(crate) fn egress(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>, node: &VirtualNodeSpec) {
        let backends = self.backends(draft, scope, node);
        match scope.profile.merged.interception() {
            Interception::Transparent(transparent) => {
                let intercepted = Intercepted {
                    node,
                    interception: &transparent,
                    backends: &backends,
                };
                self.transparent(draft, scope, &intercepted);
            }
            Interception::Explicit(explicit) => self.explicit(draft, scope, &explicit, &backends),
        }
    }

    fn backends(
        &self,
        draft: &mut ProxyBuilder,
        scope: &ProxyContext<'_>,
        node: &VirtualNodeSpec,
    ) -> Vec<Backend> {
        let mut backends: Vec<_> = node.backend_services().enumerate().collect();
        backends.sort_by(|(_, a), (_, b)| a.virtual_service_name.cmp(&b.virtual_service_name));
        backends.dedup_by(|(_, a), (_, b)| a.virtual_service_name == b.virtual_service_name);
        backends
            .into_iter()
            .filter_map(|(at, backend)| {
                let origin = Origin::at(
                    &scope.key,
                    VirtualNodeSpec::path().backends().at(at).virtual_service(),
                );
                let upstream = self.upstream(
                    &backend.virtual_service_name,
                    &origin.below(|at: Path<VirtualServiceBackend>| at.virtual_service_name()),
                )?;
                let place = match backend.client_policy {
                    Some(_) => origin.below(|at: Path<VirtualServiceBackend>| at.client_policy().tls()),
                    None => Origin::at(
                        &scope.key,
                        VirtualNodeSpec::path().backend_defaults().client_policy().tls(),
                    ),
                };
                let policy = node.client_policy(backend).and_then(|policy| policy.tls.as_ref());
                let policy = policy.map(|policy| (policy, place));
                let renames = self.connect(draft, scope, &upstream, policy);
                Some(Backend {
                    upstream,
                    origin,
                    renames,
                })
            })
            .collect()
    }

    /// Adds the clusters behind a virtual service.
    pub(crate) fn connect(
        &self,
        draft: &mut ProxyBuilder,
        scope: &ProxyContext<'_>,
        upstream: &Upstream,
        policy: Option<(&ClientPolicyTls, Origin)>,
    ) -> Renames {
        let mut renames = Renames::new();
        for target in upstream.ports.iter().flat_map(|port| &port.targets) {
            let tls = self.client_tls(target, policy.clone(), scope);
            let Some(cluster) = self.egress_cluster(target, scope, tls) else {
                continue;
            };
            match draft.clusters.get(&cluster.name) {
                None => {
                    draft.clusters.insert(cluster.name.clone(), cluster);
                }
                Some(known) if same_tls(known.tls.as_deref(), cluster.tls.as_deref()) => {}
                Some(_) => {
                    let name = format!("{}_via_{}", cluster.name, upstream.name);
                    renames.insert(cluster.name.clone(), name.clone());
                    let mut own = Cluster::clone(&cluster);
                    own.name.clone_from(&name);
                    draft.clusters.insert(name, Arc::new(own));
                }
            }
        }
        renames
    }

    /// A virtual service's virtual host, made once for all callers that use the same names.
    pub(crate) fn virtual_host(
        &self,
        name: String,
        domains: Vec<String>,
        backend: &Backend,
        port: Option<&UpstreamPort>,
    ) -> Arc<VirtualHost> {
        let memo = (
            backend.upstream.name.clone(),
            port.map(|port| port.port),
            domains.clone(),
        );
        if backend.renames.is_empty()
            && let Some(known) = self.hosts.borrow().get(&memo)
        {
            return Arc::clone(known);
        }
        let mut routes: Vec<Route> = match port.map(|port| &port.kind) {
            Some(UpstreamKind::Http(routes)) => routes.clone(),
            Some(UpstreamKind::Tcp { .. }) | None => Vec::new(),
        };
        for target in routes.iter_mut().flat_map(|route| &mut route.action.targets) {
            if let Some(own) = backend.renames.get(&target.cluster) {
                target.cluster.clone_from(own);
            }
        }
        let host = Arc::new(VirtualHost {
            name,
            origin: backend.upstream.origin.clone(),
            domains,
            routes,
        });
        if backend.renames.is_empty() {
            self.hosts.borrow_mut().insert(memo, Arc::clone(&host));
        }
        host
    }

    pub(crate) fn tcp_service(
        &self,
        draft: &ProxyBuilder,
        backend: &Backend,
        port: &UpstreamPort,
    ) -> Option<Service> {
        let UpstreamKind::Tcp { targets, idle } = &port.kind else {
            return None;
        };
        // A service without a route was reported, or gets no traffic; a chain needs a target.
        if targets.is_empty() {
            return None;
        }
        let targets = targets
            .iter()
            .map(|target| TcpTarget {
                cluster: backend
                    .renames
                    .get(&target.cluster)
                    .unwrap_or(&target.cluster)
                    .clone(),
                weight: target.weight,
            })
            .collect();
        Some(Service::Tcp(TcpService {
            stat_prefix: "egress".to_owned(),
            targets,
            idle_timeout: idle.clone(),
            access_log: draft.access_log(),
        }))
    }

    /// Names that nobody provides: known, and answered with 404, so that they do not leave by another way.
    pub(crate) fn unprovided(&self, backends: &[Backend]) -> Vec<Arc<VirtualHost>> {
        let nobody = backends
            .iter()
            .filter(|backend| backend.upstream.ports.is_empty());
        nobody
            .map(|backend| {
                let name = &backend.upstream.name;
                self.virtual_host(name.clone(), with_any_port(name), backend, None)
            })
            .collect()
    }

    pub(crate) fn table(
        &self,
        draft: &mut ProxyBuilder,
        name: String,
        origin: Origin,
        mut hosts: Vec<Arc<VirtualHost>>,
    ) {
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        draft.tables.push(RouteTable {
            name,
            origin,
            hosts,
            any_port: false,
            remove_headers: Vec::new(),
        });
    }
}

/// The `Host` values that mean a name: alone, and with any port behind it. A domain that names a port goes before these.
pub(crate) fn with_any_port(name: &str) -> Vec<String> {
    vec![name.to_owned(), format!("{name}:*")]
}

/// Equal but for the field that they were written in.
fn same_tls(a: Option<&ClientTls>, b: Option<&ClientTls>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            (&a.certificate, &a.validation, &a.sni, &a.alpn)
                == (&b.certificate, &b.validation, &b.sni, &b.alpn)
        }
        _ => false,
    }
}
