//! Outbound with interception: connections come by iptables, and the port that they were made to decides.

use super::context::{ProxyBuilder, ProxyContext};
use super::egress::{Backend, Intercepted, with_any_port};
use super::ingress::bind;
use super::upstream::UpstreamPort;
use super::{Lowering, matching, names};
use crate::ir::cluster::{Cluster, Discovery, Pool, Protocol as Speaks, ResponseHeaders};
use crate::ir::listener::{Chain, Direction, Listener, Service, TcpService, TcpTarget, Transport};
use crate::ir::route::{Action, Route, Target, VirtualHost};
use crate::ir::{Origin, Sourced};
use meshform_model::spec::{EgressFilterType, MeshSpec, Protocol, VirtualNodeSpec};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

impl Lowering<'_> {
    pub(crate) fn transparent(
        &self,
        draft: &mut ProxyBuilder,
        scope: &ProxyContext<'_>,
        intercepted: &Intercepted<'_>,
    ) {
        let Intercepted {
            node,
            interception: transparent,
            backends,
        } = *intercepted;
        let filter = self.egress_filter();
        let allow_all = filter.value == EgressFilterType::AllowAll;
        let mut by_port: BTreeMap<u16, Vec<(&Backend, &UpstreamPort)>> = BTreeMap::new();
        for backend in backends {
            for port in &backend.upstream.ports {
                by_port.entry(port.port).or_default().push((backend, port));
            }
        }
        let mut chains = Vec::new();
        for (port, users) in by_port {
            let http = users.iter().any(|(_, port)| port.is_http());
            let first = users.first();
            let service = if http {
                let mut hosts: Vec<Arc<VirtualHost>> = users
                    .iter()
                    .filter(|(_, port)| port.is_http())
                    .map(|(backend, port)| {
                        let name = &backend.upstream.name;
                        self.virtual_host(name.clone(), with_any_port(name), backend, Some(port))
                    })
                    .collect();
                hosts.extend(self.unprovided(backends));
                if allow_all {
                    hosts.push(self.allow_all_host(scope));
                }
                let protocol = common_protocol(users.iter().map(|(_, port)| port.protocol));
                let table = names::egress_table(protocol, port);
                self.table(
                    draft,
                    table.clone(),
                    Origin::at(&scope.key, VirtualNodeSpec::path().backends()),
                    hosts,
                );
                Some((table.clone(), draft.http(table, "egress".to_owned(), protocol)))
            } else {
                first.and_then(|(backend, port)| {
                    let service = self.tcp_service(draft, backend, port)?;
                    Some((format!("tcp-{}", port.port), service))
                })
            };
            if let (Some((name, service)), Some((backend, _))) = (service, first) {
                chains.push(Chain {
                    name,
                    origin: backend.origin.clone(),
                    destination_port: Some(port),
                    server_names: Vec::new(),
                    transport: None,
                    tls: None,
                    service,
                });
            }
        }
        chains.extend((!allow_all).then(|| self.allowed_names(draft, scope)).flatten());
        let default_chain = allow_all.then(|| self.allow_all_chain(draft, scope));
        // Without chains there is nothing to let out, and Envoy takes no listener without any.
        if chains.is_empty() && default_chain.is_none() {
            return;
        }
        let (address, ipv4_compat) = bind(self.preference(Some(node), &scope.key).map(|found| found.value));
        let port = transparent.egress_port();
        draft.listeners.push(Listener {
            name: names::egress_listener("0.0.0.0", port),
            origin: Origin::at(&scope.key, VirtualNodeSpec::path().backends()),
            address,
            port,
            port_source: scope.profile.interception_port(false),
            ipv4_compat,
            direction: Direction::Outbound,
            proxy_protocol: None,
            limited: true,
            original_destination: true,
            chains,
            default_chain,
        });
    }

    /// What is not modelled goes where it was going; its time is not ours to limit.
    fn allow_all_host(&self, scope: &ProxyContext<'_>) -> Arc<VirtualHost> {
        let origin = self.mesh_origin(scope);
        Arc::new(VirtualHost {
            name: names::ALLOW_ALL.to_owned(),
            origin: origin.clone(),
            domains: vec!["*".to_owned()],
            routes: vec![Route {
                name: names::ALLOW_ALL.to_owned(),
                origin,
                matcher: matching::everything(),
                action: Action {
                    targets: vec![Target {
                        cluster: names::allow_all_cluster(self.index.name),
                        weight: 1,
                        label: "where the caller was going".to_owned(),
                    }],
                    timeout: Sourced::ours(Duration::ZERO),
                    idle_timeout: None,
                    retry: None,
                    host_rewrite: None,
                    path_rewrite: None,
                    set_header: None,
                    remove_headers: Vec::new(),
                },
            }],
        })
    }

    fn allow_all_chain(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>) -> Chain {
        let cluster = names::allow_all_cluster(self.index.name);
        let origin = self.mesh_origin(scope);
        draft.add_cluster(original_destination(cluster.clone(), origin.clone()));
        pass_through(draft, names::ALLOW_ALL, cluster, origin)
    }

    /// What may leave although the mesh drops what it does not know: TLS by its server name, on port 443.
    fn allowed_names(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>) -> Option<Chain> {
        let allowed = self.allowed_server_names(scope);
        if allowed.is_empty() {
            return None;
        }
        let cluster = names::allowed_names_cluster(self.index.name);
        let origin = Origin::at(&scope.key, VirtualNodeSpec::path());
        draft.add_cluster(original_destination(cluster.clone(), origin.clone()));
        Some(Chain {
            destination_port: Some(443),
            server_names: allowed,
            transport: Some(Transport::Tls),
            ..pass_through(draft, "amazonaws", cluster, origin)
        })
    }

    pub(crate) fn egress_filter(&self) -> Sourced<EgressFilterType> {
        match self.index.mesh.as_ref() {
            Some(mesh) if mesh.spec.egress_filter.is_some() => Sourced::written(
                mesh.spec.egress(),
                Origin::at(&mesh.key, MeshSpec::path().egress_filter().r#type()),
            ),
            _ => Sourced::app_mesh(EgressFilterType::DropAll),
        }
    }

    fn mesh_origin(&self, scope: &ProxyContext<'_>) -> Origin {
        let mesh = self.index.mesh.as_ref();
        mesh.map_or_else(
            || Origin::at(&scope.key, VirtualNodeSpec::path()),
            |mesh| Origin::at(&mesh.key, MeshSpec::path().egress_filter()),
        )
    }
}

fn pass_through(draft: &ProxyBuilder, name: &str, cluster: String, origin: Origin) -> Chain {
    Chain {
        name: name.to_owned(),
        origin,
        destination_port: None,
        server_names: Vec::new(),
        transport: None,
        tls: None,
        service: Service::Tcp(TcpService {
            stat_prefix: "egress".to_owned(),
            targets: vec![TcpTarget { cluster, weight: 1 }],
            idle_timeout: Sourced::envoy(Duration::from_secs(3600)),
            access_log: draft.access_log(),
        }),
    }
}

fn original_destination(name: String, origin: Origin) -> Cluster {
    Cluster {
        name,
        origin,
        discovery: Discovery::OriginalDestination,
        connect_timeout: Sourced::app_mesh(Duration::from_secs(1)),
        protocol: Speaks::SameAsCaller,
        pool: Pool::default(),
        outlier: None,
        health_check: None,
        tls: None,
        balancing: None,
        response_headers: ResponseHeaders::default(),
    }
}

/// One table has one protocol in its name: the common one, else plain HTTP.
fn common_protocol(protocols: impl Iterator<Item = Protocol>) -> Protocol {
    let mut http = protocols.filter(|protocol| *protocol != Protocol::Tcp);
    let first = http.next().unwrap_or(Protocol::Http);
    if http.all(|other| other == first) {
        first
    } else {
        Protocol::Http
    }
}
