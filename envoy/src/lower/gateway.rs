//! Gateways: a first pass by the gateway's own routes, then through the same Envoy once more, where virtual services
//! are what they are for every caller. That is App Mesh's shape; three repairs: the inner listener is on loopback,
//! the routing header replaces what a client sent, and it never reaches an application.

use super::context::{ProxyBuilder, ProxyContext};
use super::egress::Backend;
use super::gateway_routes::{Rule, hosts};
use super::index::IndexedResource;
use super::ingress::{bind, with_tls};
use super::{Lowering, cluster, edge, matching, names};
use crate::ir::cluster::{Cluster, Discovery, ResponseHeaders};
use crate::ir::listener::{Chain, Direction, Listener, Service};
use crate::ir::route::{HeaderMatch, Route, RouteTable, ValueMatch, VirtualHost};
use crate::ir::{Origin, Source, Sourced};
use meshform_model::path::Path;
use meshform_model::spec::{
    GatewayRouteRule, GatewayRouteSpec, Interception, ListenerTlsMode, PortMapping, Protocol,
    VirtualGatewayListener, VirtualGatewaySpec,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The virtual host of names that the second pass does not know.
const DEFAULT_BACKEND: &str = "default_backend";

/// What only a proxy of the mesh may say of a request, and Envoy does not take from a client by itself, as it does with
/// timeouts and retries: whoever is outside could write another path into access logs than the one asked for.
const FROM_OUTSIDE: [&str; 3] = [
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-original-path",
];

/// What a gateway's second pass is made from.
#[derive(Clone, Copy)]
struct SecondPass<'a> {
    gateway: &'a VirtualGatewaySpec,
    rules: &'a [Rule<'a>],
    /// The port of the listener that the second pass begins at.
    port: u16,
}

impl Lowering<'_> {
    pub(crate) fn gateway(
        &self,
        draft: &mut ProxyBuilder,
        scope: &ProxyContext<'_>,
        gateway: &VirtualGatewaySpec,
    ) {
        let entries = self.index.gateway_routes(&scope.key.name);
        let rules: Vec<Rule<'_>> = entries.iter().filter_map(|entry| self.rule(entry)).collect();
        let inner = match scope.profile.merged.interception() {
            Interception::Transparent(transparent) => transparent.egress_port(),
            Interception::Explicit(explicit) => explicit.listener().1,
        };
        let mut listeners: Vec<(usize, &VirtualGatewayListener)> =
            gateway.listeners.iter().enumerate().collect();
        listeners.sort_by_key(|(_, listener)| listener.port_mapping.port);
        let ports: Vec<PortMapping> = listeners
            .iter()
            .map(|(_, listener)| listener.port_mapping)
            .collect();
        for (at, listener) in listeners {
            let origin = Origin::at(&scope.key, VirtualGatewaySpec::path().listeners().at(at));
            self.first_pass(
                draft,
                scope,
                &Outer {
                    listener,
                    origin,
                    ports: &ports,
                    rules: &rules,
                    inner,
                },
            );
        }
        self.second_pass(
            draft,
            scope,
            &SecondPass {
                gateway,
                rules: &rules,
                port: inner,
            },
        );
    }

    fn rule<'a>(&self, entry: &IndexedResource<'a, GatewayRouteSpec>) -> Option<Rule<'a>> {
        let rule = &entry.spec.rule;
        let origin = Origin::at(&entry.key, GatewayRouteSpec::path().rule(rule));
        let matcher = match rule {
            GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => {
                matching::http_gateway(&route.r#match)
            }
            GatewayRouteRule::Grpc(route) => matching::grpc_gateway(&route.r#match),
        };
        let target = rule.target();
        let service = &target.virtual_service.virtual_service_name;
        let place = GatewayRouteSpec::path()
            .rule(rule)
            .action()
            .target()
            .virtual_service()
            .virtual_service_name();
        let upstream = self.upstream(service, &Origin::at(&entry.key, place))?;
        let selector = match target.port {
            Some(port) if upstream.ports.len() > 1 => format!("{service}:{port}"),
            _ => service.clone(),
        };
        Some(Rule {
            spec: entry.spec,
            origin,
            matcher,
            upstream,
            selector,
        })
    }

    /// One listener of the gateway: TLS, its table, and the way to the second pass.
    fn first_pass(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>, outer: &Outer<'_>) {
        let Outer {
            listener,
            origin,
            ports,
            rules,
            inner,
        } = outer;
        let mapping = listener.port_mapping;
        let PortMapping { port, protocol } = mapping;
        let several = ports.len() > 1;
        let redirect = names::self_redirect_cluster(
            self.index.name,
            &scope.key.name,
            several.then_some(port),
            protocol,
        );
        draft.add_cluster(Cluster {
            name: redirect.clone(),
            origin: origin.clone(),
            discovery: Discovery::Loopback {
                address: "127.0.0.1".to_owned(),
                port: *inner,
            },
            connect_timeout: Sourced::app_mesh(Duration::from_millis(250)),
            protocol: cluster::protocol(protocol),
            pool: cluster::pool(
                listener.connection_pool.as_ref(),
                &origin.below(|at: Path<VirtualGatewayListener>| at.connection_pool()),
            ),
            outlier: None,
            health_check: None,
            tls: None,
            balancing: None,
            response_headers: ResponseHeaders::default(),
        });
        let mine: Vec<&Rule<'_>> = rules
            .iter()
            .filter(|rule| applies(&rule.spec.rule, mapping, ports))
            .collect();
        let table = names::ingress_table(protocol, port);
        draft.tables.push(RouteTable {
            name: table.clone(),
            origin: origin.clone(),
            hosts: hosts(&mine, &redirect, origin),
            any_port: true,
            remove_headers: FROM_OUTSIDE.iter().map(|&name| name.to_owned()).collect(),
        });
        let mut service = draft.http(table, names::ingress_prefix(several, protocol, port), protocol);
        self.listener_limits(&scope.key, port).apply(&mut service);
        if let Service::Http(http) = &mut service {
            http.edge = Some(Arc::new(edge::edge(scope)));
        }
        let proxy_protocol = edge::proxy_protocol(scope);
        let chain = Chain {
            name: format!("{protocol}-{port}"),
            origin: origin.clone(),
            // The PROXY protocol also says where the client was going: to another port than this one.
            destination_port: proxy_protocol.is_none().then_some(port),
            server_names: Vec::new(),
            transport: None,
            tls: None,
            service,
        };
        let place = origin.below(|at: Path<VirtualGatewayListener>| at.tls());
        let tls = listener
            .tls
            .as_ref()
            .filter(|tls| tls.mode != ListenerTlsMode::Disabled)
            .map(|tls| (tls.mode, self.server_tls(tls, protocol, scope, &place)));
        let (address, ipv4_compat) = bind(self.preference(None, &scope.key).map(|found| found.value));
        draft.listeners.push(Listener {
            name: names::ingress_listener("0.0.0.0", port),
            origin: origin.clone(),
            address,
            port,
            port_source: Source::Field(origin.clone()),
            ipv4_compat,
            direction: Direction::Inbound,
            proxy_protocol,
            limited: true,
            original_destination: false,
            chains: with_tls(chain, tls),
            default_chain: None,
        });
    }

    /// The virtual services, as any caller sees them; by name, or by the header where `Host` was kept.
    fn second_pass(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>, inner: &SecondPass<'_>) {
        let SecondPass {
            gateway,
            rules,
            port: inner,
        } = *inner;
        let policy = gateway
            .backend_defaults
            .as_ref()
            .and_then(|defaults| defaults.client_policy.as_ref()?.tls.as_ref())
            .map(|policy| {
                (
                    policy,
                    Origin::at(
                        &scope.key,
                        VirtualGatewaySpec::path()
                            .backend_defaults()
                            .client_policy()
                            .tls(),
                    ),
                )
            });
        let mut services: BTreeMap<&str, Backend> = BTreeMap::new();
        for rule in rules {
            if !services.contains_key(rule.upstream.name.as_str()) {
                let renames = self.connect(draft, scope, &rule.upstream, policy.clone());
                let backend = Backend {
                    upstream: Arc::clone(&rule.upstream),
                    origin: rule.origin.clone(),
                    renames,
                };
                services.insert(&rule.upstream.name, backend);
            }
        }
        if services.is_empty() {
            return;
        }
        let mut hosts: Vec<Arc<VirtualHost>> = Vec::new();
        for backend in services.values() {
            let name = &backend.upstream.name;
            let http = backend.upstream.ports.iter().filter(|port| port.is_http());
            for port in http {
                let qualified = format!("{name}:{}", port.port);
                let (host, domains) = if backend.upstream.default_port() == Some(port.port) {
                    (name.clone(), vec![name.clone(), qualified])
                } else {
                    (qualified.clone(), vec![qualified])
                };
                hosts.push(self.virtual_host(host, domains, backend, Some(port)));
            }
            if backend.upstream.ports.is_empty() {
                hosts.push(self.virtual_host(name.clone(), vec![name.clone()], backend, None));
            }
        }
        let kept: BTreeSet<&str> = rules
            .iter()
            .filter(|rule| !rule.spec.rule.rewrites_hostname())
            .map(|rule| rule.selector.as_str())
            .collect();
        if !kept.is_empty() {
            hosts = with_header_routes(hosts, &kept, &Origin::at(&scope.key, VirtualGatewaySpec::path()));
        }
        let table = names::egress_table(Protocol::Http, inner);
        let origin = Origin::at(&scope.key, VirtualGatewaySpec::path().listeners());
        self.table(draft, table.clone(), origin.clone(), hosts);
        if let Some(table) = draft.tables.last_mut() {
            table.remove_headers.push(names::SERVICE_HEADER.to_owned());
        }
        let mut service = draft.http(table.clone(), "egress".to_owned(), Protocol::Http);
        if let Service::Http(http) = &mut service {
            // One hop, one span: the first pass has it, and its context goes on in the headers.
            http.tracing = None;
        }
        draft.listeners.push(Listener {
            name: names::egress_listener("0.0.0.0", inner),
            origin: origin.clone(),
            address: "127.0.0.1".to_owned(),
            port: inner,
            port_source: scope.profile.interception_port(false),
            ipv4_compat: false,
            direction: Direction::Outbound,
            proxy_protocol: None,
            // What came in at the gateway counted there.
            limited: false,
            original_destination: false,
            chains: vec![Chain {
                name: table,
                origin,
                destination_port: None,
                server_names: Vec::new(),
                transport: None,
                tls: None,
                service,
            }],
            default_chain: None,
        });
    }
}

/// A listener of a gateway on its way into the proxy.
struct Outer<'a> {
    listener: &'a VirtualGatewayListener,
    origin: Origin,
    ports: &'a [PortMapping],
    rules: &'a [Rule<'a>],
    inner: u16,
}

/// Whether a route belongs to a listener: by the port it names and by protocol; where no listener speaks the route's
/// protocol, any does.
fn applies(rule: &GatewayRouteRule, listener: PortMapping, all: &[PortMapping]) -> bool {
    let of_port = |mapping: &PortMapping| rule.match_port().is_none_or(|port| port == mapping.port);
    let exact = |mapping: &PortMapping| mapping.protocol == rule.protocol();
    of_port(&listener) && (exact(&listener) || !all.iter().any(|mapping| of_port(mapping) && exact(mapping)))
}

/// Routes that also ask for the routing header stand first in every virtual host, so that a kept `Host` that happens
/// to be a virtual service's name goes where the gateway route said.
fn with_header_routes(
    hosts: Vec<Arc<VirtualHost>>,
    kept: &BTreeSet<&str>,
    origin: &Origin,
) -> Vec<Arc<VirtualHost>> {
    let pinned: Vec<Route> = hosts
        .iter()
        .filter_map(|host| {
            Some((
                host,
                host.domains.iter().find(|name| kept.contains(name.as_str()))?,
            ))
        })
        .flat_map(|(host, selector)| {
            host.routes.iter().map(move |route| {
                let mut route = route.clone();
                route.matcher.headers.insert(
                    0,
                    HeaderMatch {
                        name: names::SERVICE_HEADER.to_owned(),
                        value: ValueMatch::Exact(selector.clone()),
                        invert: false,
                    },
                );
                route
            })
        })
        .collect();
    let mut out: Vec<Arc<VirtualHost>> = hosts
        .into_iter()
        .map(|host| {
            let mut own = VirtualHost::clone(&host);
            own.routes.splice(0..0, pinned.iter().cloned());
            Arc::new(own)
        })
        .collect();
    out.push(Arc::new(VirtualHost {
        name: DEFAULT_BACKEND.to_owned(),
        origin: origin.clone(),
        domains: vec!["*".to_owned()],
        routes: pinned,
    }));
    out
}
