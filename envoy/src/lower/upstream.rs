//! What stands behind a virtual service: per port, routes to clusters, the same for every caller.

use super::index::IndexedResource;
use super::{Lowering, matching, names, retry, timeout};
use crate::codes;
use crate::ir::listener::TcpTarget;
use crate::ir::route::{Action, Route, Target};
use crate::ir::{Origin, Sourced};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::path::Path;
use meshform_model::spec::{
    GrpcRoute, HttpRoute, PortMapping, Protocol, RouteRule, RouteSpec, TcpRoute, VirtualNodeSpec,
    VirtualServiceProvider, VirtualServiceSpec, WeightedTarget,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A virtual service with its provider resolved.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// By port. Empty without a provider.
    pub(crate) ports: Vec<UpstreamPort>,
}

/// What a virtual service does on one port.
#[derive(Debug)]
pub(crate) struct UpstreamPort {
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) kind: UpstreamKind,
    /// The nodes' listeners that its clusters stand for.
    pub(crate) targets: BTreeSet<TargetRef>,
}

#[derive(Debug)]
pub(crate) enum UpstreamKind {
    Http(Vec<Route>),
    Tcp {
        targets: Vec<TcpTarget>,
        idle: Sourced<Duration>,
    },
}

/// A listener of a node, as a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TargetRef {
    pub(crate) node: String,
    pub(crate) listener: usize,
    pub(crate) cluster: String,
}

impl Upstream {
    /// The port that a call without one means: 80 where it is there, else the lowest.
    pub(crate) fn default_port(&self) -> Option<u16> {
        let has_80 = self.ports.iter().any(|port| port.port == 80);
        if has_80 {
            Some(80)
        } else {
            self.ports.first().map(|port| port.port)
        }
    }
}

impl UpstreamPort {
    pub(crate) fn is_http(&self) -> bool {
        matches!(self.kind, UpstreamKind::Http(_))
    }
}

impl Lowering<'_> {
    /// A virtual service, resolved once for all its callers. `asked` is who refers to it.
    pub(crate) fn upstream(&self, service: &str, asked: &Origin) -> Option<Arc<Upstream>> {
        if let Some(known) = self.upstreams.borrow().get(service) {
            return Some(Arc::clone(known));
        }
        let Some(entry) = self.index.services.get(service) else {
            self.missing(Kind::VirtualService, service, asked);
            return None;
        };
        let origin = Origin::at(&entry.key, VirtualServiceSpec::path());
        let ports = match &entry.spec.provider {
            None => Vec::new(),
            Some(VirtualServiceProvider::VirtualNode(provider)) => {
                let place = Origin::at(
                    &entry.key,
                    VirtualServiceSpec::path()
                        .provider()
                        .virtual_node()
                        .virtual_node_name(),
                );
                self.by_node(&provider.virtual_node_name, &place)
            }
            Some(VirtualServiceProvider::VirtualRouter(provider)) => {
                let place = Origin::at(
                    &entry.key,
                    VirtualServiceSpec::path()
                        .provider()
                        .virtual_router()
                        .virtual_router_name(),
                );
                self.by_router(&provider.virtual_router_name, &place)
            }
        };
        let upstream = Arc::new(Upstream {
            name: service.to_owned(),
            origin,
            ports,
        });
        self.upstreams
            .borrow_mut()
            .insert(service.to_owned(), Arc::clone(&upstream));
        Some(upstream)
    }

    /// A node provides the service: one route for everything, per listener.
    fn by_node(&self, name: &str, origin: &Origin) -> Vec<UpstreamPort> {
        let Some(node) = self.index.nodes.get(name) else {
            self.missing(Kind::VirtualNode, name, origin);
            return Vec::new();
        };
        let mut ports: Vec<UpstreamPort> = node
            .spec
            .listeners
            .iter()
            .enumerate()
            .map(|(at, listener)| {
                let PortMapping { port, protocol } = listener.port_mapping;
                let cluster = names::node_cluster(self.index.name, name, protocol, port);
                let target = TargetRef {
                    node: name.to_owned(),
                    listener: at,
                    cluster: cluster.clone(),
                };
                let timeouts = timeout::of_node_provider();
                let kind = if protocol == Protocol::Tcp {
                    UpstreamKind::Tcp {
                        targets: vec![TcpTarget { cluster, weight: 1 }],
                        idle: timeouts.idle,
                    }
                } else {
                    UpstreamKind::Http(vec![Route {
                        name: "default".to_owned(),
                        origin: origin.clone(),
                        matcher: matching::everything(),
                        action: Action {
                            targets: vec![Target {
                                cluster,
                                weight: 1,
                                label: name.to_owned(),
                            }],
                            timeout: timeouts.request,
                            idle_timeout: Some(timeouts.idle),
                            retry: Some(retry::default()),
                            host_rewrite: None,
                            path_rewrite: None,
                            set_header: None,
                            remove_headers: Vec::new(),
                        },
                    }])
                };
                UpstreamPort {
                    port,
                    protocol,
                    kind,
                    targets: BTreeSet::from([target]),
                }
            })
            .collect();
        ports.sort_by_key(|port| port.port);
        ports
    }

    /// A router provides it: per listener of the router the routes of that port, in their order.
    fn by_router(&self, name: &str, origin: &Origin) -> Vec<UpstreamPort> {
        let Some(router) = self.index.routers.get(name) else {
            self.missing(Kind::VirtualRouter, name, origin);
            return Vec::new();
        };
        let routes = self.index.routes(name);
        let mut ports: Vec<UpstreamPort> = router
            .spec
            .listeners
            .iter()
            .map(|listener| self.router_port(listener.port_mapping, &routes))
            .collect();
        ports.sort_by_key(|port| port.port);
        ports
    }

    fn router_port(&self, mapping: PortMapping, routes: &[IndexedResource<'_, RouteSpec>]) -> UpstreamPort {
        let of_port = |route: &&IndexedResource<'_, RouteSpec>| {
            let port = route.spec.rule.match_port();
            port.is_none_or(|port| port == mapping.port)
        };
        let routes: Vec<_> = routes.iter().filter(of_port).collect();
        let protocol = spoken(mapping, &routes);
        let tcp = protocol == Protocol::Tcp;
        let routes = routes.into_iter().filter(|route| tcp == is_tcp(route));
        let mut targets = BTreeSet::new();
        let kind = if tcp {
            // One connection, one rule: the first.
            match routes.into_iter().next() {
                Some(route) => self.tcp_route(route, mapping.port, &mut targets),
                None => UpstreamKind::Tcp {
                    targets: Vec::new(),
                    idle: timeout::of_node_provider().idle,
                },
            }
        } else {
            let lowered = routes.filter_map(|route| self.http_route(route, mapping.port, &mut targets));
            UpstreamKind::Http(lowered.collect())
        };
        UpstreamPort {
            port: mapping.port,
            protocol,
            kind,
            targets,
        }
    }

    fn http_route(
        &self,
        route: &IndexedResource<'_, RouteSpec>,
        port: u16,
        used: &mut BTreeSet<TargetRef>,
    ) -> Option<Route> {
        let rule = &route.spec.rule;
        let origin = Origin::at(&route.key, RouteSpec::path().rule(rule));
        let matcher = match rule {
            RouteRule::Http(route) | RouteRule::Http2(route) => matching::http(&route.r#match),
            RouteRule::Grpc(route) => matching::grpc(&route.r#match),
            RouteRule::Tcp(_) => return None,
        };
        let mut retry = self.retry(rule, &origin);
        if let Some(retry) = &mut retry {
            retry.value.back_off = self.back_off(route);
        }
        let timeouts = timeout::of_route(rule, &origin);
        if let Some(retry) = &retry {
            self.check_pauses_fit(&retry.value, &timeouts.request, &origin);
        }
        let targets = self.targets(rule.targets(), port, &origin);
        let action = Action {
            targets: targets
                .iter()
                .map(|(target, weight)| Target {
                    cluster: target.cluster.clone(),
                    weight: *weight,
                    label: target.node.clone(),
                })
                .collect(),
            timeout: timeouts.request,
            idle_timeout: Some(timeouts.idle),
            retry,
            host_rewrite: None,
            path_rewrite: None,
            set_header: None,
            remove_headers: Vec::new(),
        };
        used.extend(targets.into_iter().map(|(target, _)| target));
        Some(Route {
            name: route.key.name.clone(),
            origin,
            matcher,
            action,
        })
    }

    /// TCP knows no target without weight: those are left out, as App Mesh did.
    fn tcp_route(
        &self,
        route: &IndexedResource<'_, RouteSpec>,
        port: u16,
        used: &mut BTreeSet<TargetRef>,
    ) -> UpstreamKind {
        let rule = &route.spec.rule;
        let origin = Origin::at(&route.key, RouteSpec::path().rule(rule));
        let mut targets = self.targets(rule.targets(), port, &origin);
        targets.retain(|(_, weight)| *weight > 0);
        let tcp = targets
            .iter()
            .map(|(target, weight)| TcpTarget {
                cluster: target.cluster.clone(),
                weight: *weight,
            })
            .collect();
        used.extend(targets.into_iter().map(|(target, _)| target));
        UpstreamKind::Tcp {
            targets: tcp,
            idle: timeout::of_route(rule, &origin).idle,
        }
    }

    /// Targets with their listeners, in the order of their names; the same cluster twice is one with both weights.
    fn targets(&self, targets: &[WeightedTarget], port: u16, origin: &Origin) -> Vec<(TargetRef, u32)> {
        let mut resolved = std::collections::BTreeMap::<TargetRef, u32>::new();
        for (at, target) in targets.iter().enumerate() {
            type Rule = (HttpRoute, GrpcRoute, TcpRoute);
            let place = origin.below(|rule: Path<Rule>| rule.action().weighted_targets().at(at));
            if let Some(found) = self.target(target, port, &place) {
                *resolved.entry(found).or_default() += target.weight;
            }
        }
        resolved.into_iter().collect()
    }

    /// Which listener of a node a target means: the one it names; the only one; the one on the router's port.
    fn target(&self, target: &WeightedTarget, router_port: u16, origin: &Origin) -> Option<TargetRef> {
        let name = &target.virtual_node;
        let Some(node) = self.index.nodes.get(name.as_str()) else {
            self.missing(
                Kind::VirtualNode,
                name,
                &origin.below(|at: Path<WeightedTarget>| at.virtual_node()),
            );
            return None;
        };
        let listeners = &node.spec.listeners;
        let position = |port: u16| {
            listeners
                .iter()
                .position(|listener| listener.port_mapping.port == port)
        };
        let found = match (target.port, listeners.len()) {
            (Some(port), _) => position(port),
            (None, 1) => Some(0),
            (None, _) => position(router_port),
        };
        let Some((at, listener)) = found.and_then(|at| Some((at, listeners.get(at)?))) else {
            let ports: Vec<String> = listeners
                .iter()
                .map(|l| l.port_mapping.port.to_string())
                .collect();
            let has = match ports.len() {
                0 => "has no listener".to_owned(),
                _ => format!("listens on {}", ports.join(", ")),
            };
            let wanted = target.port.map_or_else(
                || format!("no target port is given and none of its listeners is on the router's port {router_port}"),
                |port| format!("the target selects port {port}"),
            );
            self.report(
                Diagnostic::error(
                    codes::INVALID_MESH,
                    format!("virtual node `{name}` {has}; {wanted}"),
                )
                .help("give the target a `port` that is one of the node's listeners")
                .at(origin.place())
                .at(Origin::at(&node.key, VirtualNodeSpec::path().listeners())
                    .place()
                    .label("the listeners")),
            );
            return None;
        };
        let PortMapping { port, protocol } = listener.port_mapping;
        Some(TargetRef {
            node: name.clone(),
            listener: at,
            cluster: names::node_cluster(self.index.name, name, protocol, port),
        })
    }

    /// Reports that a reference leads nowhere, at the field of `origin`.
    pub(crate) fn missing(&self, kind: Kind, name: &str, origin: &Origin) {
        let wanted = ResourceKey::in_mesh(self.index.name, kind, name);
        self.report(
            Diagnostic::error(codes::INVALID_MESH, format!("{wanted} does not exist"))
                .help(format!("create it, or remove the reference in {}", origin.key))
                .at(origin.place()),
        );
    }
}

/// What a port of a router speaks: what its listener says, unless every route is of the other layer. App Mesh took
/// such routes, and what somebody routes is a better sign than what the listener is called.
fn spoken(mapping: PortMapping, routes: &[&IndexedResource<'_, RouteSpec>]) -> Protocol {
    let tcp = mapping.protocol == Protocol::Tcp;
    match routes {
        [first, ..] if routes.iter().all(|route| is_tcp(route) != tcp) => first.spec.rule.protocol(),
        _ => mapping.protocol,
    }
}

fn is_tcp(route: &IndexedResource<'_, RouteSpec>) -> bool {
    matches!(route.spec.rule, RouteRule::Tcp(_))
}
