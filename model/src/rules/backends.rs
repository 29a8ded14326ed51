//! What one proxy calls: services that it could not distinguish.

use super::{Findings, codes, named, place};
use crate::diag::{Diagnostic, ProblemLocation};
use crate::key::ResourceKey;
use crate::mesh::{Mesh, Provider};
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteRule, GatewayRouteSpec, Interception, PortMapping, Protocol, VirtualGatewaySpec,
    VirtualNodeSpec,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn node(mesh: &Mesh, node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    twice(node, report);
    let services: Vec<Called<'_>> = node
        .spec
        .backend_services()
        .enumerate()
        .map(|(i, backend)| Called {
            name: &backend.virtual_service_name,
            by: &node.key,
            at: ServiceField::Backend(i),
        })
        .collect();
    let tables = Tables::of_node(mesh, &node.key);
    domains(mesh, &node.key, &tables, &services, report);
    if matches!(tables, Tables::ByPort) {
        connections(mesh, &node.key, &services, report);
    }
}

pub(super) fn gateway(mesh: &Mesh, gateway: &Resource<VirtualGatewaySpec>, report: &mut Findings) {
    let routes = mesh.gateway_routes_of(&gateway.key.name);
    let services: Vec<Called<'_>> = routes
        .iter()
        .map(|route| Called {
            name: &route.spec.rule.target().virtual_service.virtual_service_name,
            by: &route.key,
            at: ServiceField::Target(&route.spec.rule),
        })
        .collect();
    domains(mesh, &gateway.key, &Tables::Inner, &services, report);
}

/// A service that a proxy calls, and where that stands.
struct Called<'a> {
    name: &'a str,
    by: &'a ResourceKey,
    at: ServiceField<'a>,
}

/// Which field names a service. Most are never told of, so the path is made when it is needed.
enum ServiceField<'a> {
    /// A backend of a node.
    Backend(usize),
    /// The target of a gateway route.
    Target(&'a GatewayRouteRule),
}

impl Called<'_> {
    fn place(&self) -> ProblemLocation {
        let path = match self.at {
            ServiceField::Backend(i) => {
                let backend = VirtualNodeSpec::path().backends().at(i);
                backend.virtual_service().virtual_service_name()
            }
            ServiceField::Target(rule) => {
                let target = GatewayRouteSpec::path().rule(rule).action().target();
                target.virtual_service().virtual_service_name()
            }
        };
        place(self.by, path)
    }
}

fn twice(node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    let mut first = BTreeMap::new();
    for (i, backend) in node.spec.backend_services().enumerate() {
        let name = &backend.virtual_service_name;
        let Some((earlier, at)) = first.get(name) else {
            first.insert(name, (backend, i));
            continue;
        };
        let message = format!("{} names the backend `{name}` twice", named(&node.key));
        let (diagnostic, help) = if *earlier == backend {
            (
                Diagnostic::warning(codes::SAME_BACKEND, message),
                "remove one of them",
            )
        } else {
            (
                Diagnostic::error(codes::SAME_BACKEND, format!("{message}, with different policies")),
                "keep the one with the intended client policy",
            )
        };
        report.add(
            diagnostic
                .help(help)
                .at(place(&node.key, VirtualNodeSpec::path().backends().at(i)))
                .at(place(&node.key, VirtualNodeSpec::path().backends().at(*at)).label("the other one")),
        );
    }
}

fn mappings(mesh: &Mesh, service: &str) -> impl Iterator<Item = PortMapping> {
    let provider = mesh.provider_of(service);
    provider.into_iter().flat_map(Provider::mappings)
}

/// With transparent interception: a TCP connection has only its port.
fn connections(mesh: &Mesh, proxy: &ResourceKey, services: &[Called<'_>], report: &mut Findings) {
    // Nearly no proxy calls over TCP.
    let tcp = |service: &Called<'_>| mappings(mesh, service.name).any(|p| p.protocol == Protocol::Tcp);
    if !services.iter().any(tcp) {
        return;
    }
    let mut first: BTreeMap<u16, (&Called<'_>, Protocol)> = BTreeMap::new();
    for service in services {
        for PortMapping { port, protocol } in mappings(mesh, service.name) {
            let Some((earlier, other)) = first.get(&port) else {
                first.insert(port, (service, protocol));
                continue;
            };
            let tcp = protocol == Protocol::Tcp || *other == Protocol::Tcp;
            if tcp && earlier.name != service.name {
                report.add(
                    Diagnostic::error(
                        codes::SAME_TCP_PORT,
                        format!(
                            "{} calls `{}` (`{other}`) and `{}` (`{protocol}`), both on port {port}",
                            named(proxy),
                            earlier.name,
                            service.name
                        ),
                    )
                    .help("give one of them another port, or intercept explicitly (proxy profile)")
                    .at(service.place())
                    .at(earlier.place().label("the other one")),
                );
            }
        }
    }
}

/// Whether any two names may be one host: they differ only by case, or one looks as if it had a port.
fn alike(services: &[Called<'_>]) -> bool {
    let lowered = |name: &str| !name.is_ascii() || name.bytes().any(|b| b.is_ascii_uppercase());
    let names = || services.iter().map(|service| service.name);
    names().any(|name| name.contains(':') || lowered(name))
}

/// How a proxy keeps the hosts of its services apart.
enum Tables {
    /// A table for each port that is called.
    ByPort,
    /// One table, behind Envoy's own port of that number, which callers may name too.
    Listener(u16),
    /// One table that only the proxy itself calls.
    Inner,
}

impl Tables {
    fn of_node(mesh: &Mesh, proxy: &ResourceKey) -> Self {
        match mesh.interception_for(proxy) {
            Some(Interception::Explicit(explicit)) => Self::Listener(explicit.listener().1),
            _ => Self::ByPort,
        }
    }

    /// The hosts under which a service is known: in which table (by port), by which name.
    fn hosts(&self, name: &str, ports: &[PortMapping], called: &BTreeSet<u16>) -> Vec<(Option<u16>, String)> {
        let qualified = |port: u16| format!("{name}:{port}");
        let http = || {
            let http = ports.iter().filter(|mapping| mapping.protocol != Protocol::Tcp);
            http.map(|mapping| mapping.port)
        };
        match self {
            // A service that nobody provides is known on every port, so that it does not leave by another way.
            Self::ByPort if ports.is_empty() => called
                .iter()
                .flat_map(|port| [(Some(*port), name.to_owned()), (Some(*port), qualified(*port))])
                .collect(),
            Self::ByPort => http()
                .flat_map(|port| [(Some(port), name.to_owned()), (Some(port), qualified(port))])
                .collect(),
            Self::Listener(_) | Self::Inner => {
                let mut hosts: Vec<String> = http().map(qualified).collect();
                let all = || ports.iter().map(|mapping| mapping.port);
                let default = all().find(|port| *port == 80).or_else(|| all().min());
                let known = default.is_none_or(|default| http().any(|port| port == default));
                if known {
                    hosts.push(name.to_owned());
                    if let Self::Listener(own) = self
                        && !all().any(|port| port == *own)
                    {
                        hosts.push(qualified(*own));
                    }
                }
                hosts.into_iter().map(|host| (None, host)).collect()
            }
        }
    }
}

/// Hosts are compared without regard to case, with and without port.
fn domains(
    mesh: &Mesh,
    proxy: &ResourceKey,
    tables: &Tables,
    services: &[Called<'_>],
    report: &mut Findings,
) {
    if !alike(services) {
        return;
    }
    let ports = |service: &Called<'_>| mesh.ports_of(service.name);
    let called: BTreeSet<u16> = services
        .iter()
        .flat_map(&ports)
        .filter(|mapping| mapping.protocol != Protocol::Tcp)
        .map(|mapping| mapping.port)
        .collect();
    let mut first: BTreeMap<(Option<u16>, String), &Called<'_>> = BTreeMap::new();
    for service in services {
        let hosts = tables.hosts(&service.name.to_lowercase(), &ports(service), &called);
        let earlier = hosts.iter().find_map(|host| {
            let earlier = first.get(host)?;
            (earlier.name != service.name).then_some((host, *earlier))
        });
        if let Some(((port, domain), earlier)) = earlier {
            let on = port.map_or_else(String::new, |port| format!(", on port {port}"));
            report.add(
                Diagnostic::error(
                    codes::SAME_DOMAIN,
                    format!(
                        "{} calls `{}` and `{}`, which are one host, `{domain}`{on}",
                        named(proxy),
                        earlier.name,
                        service.name
                    ),
                )
                .help("rename one of the virtual services, or call only one of them")
                .at(service.place())
                .at(earlier.place().label("the other one")),
            );
        }
        for host in hosts {
            first.entry(host).or_insert(service);
        }
    }
}
