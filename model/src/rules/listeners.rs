//! Listeners by themselves: ports, and what must fit the listener's protocol; and how targets are found.

use super::{Findings, codes, named, place};
use crate::diag::{Code, Diagnostic};
use crate::key::ResourceKey;
use crate::mesh::{Mesh, Role};
use crate::path::{Path, last_name};
use crate::resource::Resource;
use crate::spec::{
    ConnectionPool, HealthCheckPolicy, PortMapping, Protocol, ServiceDiscovery, VirtualGatewaySpec,
    VirtualNodeSpec, VirtualRouterSpec,
};
use std::collections::BTreeMap;

pub(super) fn node(mesh: &Mesh, node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    let key = &node.key;
    let path = |i| VirtualNodeSpec::path().listeners().at(i);
    let mappings = node.spec.listeners.iter().map(|l| l.port_mapping);
    ports(key, |i| path(i).port_mapping(), mappings, report);
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let of = Of {
            key,
            port: listener.port_mapping,
        };
        of.pool(
            || path(i).connection_pool(),
            listener.connection_pool.as_ref(),
            report,
        );
        of.health_check(|| path(i).health_check(), listener.health_check.as_ref(), report);
        if let Some(timeout) = &listener.timeout {
            let written = ProtocolField {
                path: || path(i).timeout(),
                protocol: timeout.protocol(),
            };
            of.named_after(
                codes::TIMEOUT_PROTOCOL,
                written,
                |field| field.of(timeout),
                report,
            );
        }
    }
    // A node whose endpoints some profile gives needs no discovery of its own.
    let given = || mesh.referrers(key).any(|r| r.role == Role::ProfileDetail);
    let bare = node.spec.service_discovery.is_none();
    if (bare || single_endpoint(node)) && !given() {
        found(mesh, node, report);
        dns(node, report);
    }
    listening(
        mesh,
        key,
        VirtualNodeSpec::path(),
        node.spec.listeners.is_empty(),
        report,
    );
}

pub(super) fn router(mesh: &Mesh, router: &Resource<VirtualRouterSpec>, report: &mut Findings) {
    let key = &router.key;
    let path = |i| VirtualRouterSpec::path().listeners().at(i).port_mapping();
    ports(
        key,
        path,
        router.spec.listeners.iter().map(|l| l.port_mapping),
        report,
    );
    listening(
        mesh,
        key,
        VirtualRouterSpec::path(),
        router.spec.listeners.is_empty(),
        report,
    );
}

pub(super) fn gateway(gateway: &Resource<VirtualGatewaySpec>, report: &mut Findings) {
    let key = &gateway.key;
    let path = |i| VirtualGatewaySpec::path().listeners().at(i);
    let mappings = gateway.spec.listeners.iter().map(|l| l.port_mapping);
    ports(key, |i| path(i).port_mapping(), mappings, report);
    for (i, listener) in gateway.spec.listeners.iter().enumerate() {
        let of = Of {
            key,
            port: listener.port_mapping,
        };
        of.pool(
            || path(i).connection_pool(),
            listener.connection_pool.as_ref(),
            report,
        );
        of.health_check(|| path(i).health_check(), listener.health_check.as_ref(), report);
    }
}

fn ports(
    key: &ResourceKey,
    path: impl Fn(usize) -> Path<PortMapping>,
    listeners: impl Iterator<Item = PortMapping>,
    report: &mut Findings,
) {
    let place_of = |i: usize| place(key, path(i).port());
    let mut first = BTreeMap::new();
    for (i, PortMapping { port, .. }) in listeners.enumerate() {
        match first.get(&port) {
            None => drop(first.insert(port, i)),
            Some(earlier) => report.add(
                Diagnostic::error(
                    codes::SAME_LISTENER_PORT,
                    format!("two listeners of {} are on port {port}", named(key)),
                )
                .help("give one of them another port")
                .at(place_of(i))
                .at(place_of(*earlier).label("the other one")),
            ),
        }
    }
}

/// One listener of a resource.
struct Of<'a> {
    key: &'a ResourceKey,
    port: PortMapping,
}

/// A union, and the part of it that is there: `timeout`, `http`.
struct ProtocolField<P> {
    path: P,
    protocol: Protocol,
}

impl Of<'_> {
    fn pool(
        &self,
        path: impl Fn() -> Path<ConnectionPool>,
        pool: Option<&ConnectionPool>,
        report: &mut Findings,
    ) {
        if let Some(pool) = pool {
            let written = ProtocolField {
                path,
                protocol: pool.protocol(),
            };
            self.named_after(codes::POOL_PROTOCOL, written, |field| field.of(pool), report);
        }
    }

    /// What is named after a protocol is named after the listener's.
    fn named_after<U, T>(
        &self,
        code: Code,
        written: ProtocolField<impl Fn() -> Path<U>>,
        part: impl FnOnce(Path<U>) -> Path<T>,
        report: &mut Findings,
    ) {
        let PortMapping { port, protocol } = self.port;
        let is = written.protocol;
        if is != protocol {
            let union = (written.path)();
            let field = last_name(&union).to_owned();
            report.error(
                code,
                (self.key, part(union)),
                format!(
                    "`{field}.{is}` is set on the listener of {} on port {port}, which speaks `{protocol}`",
                    named(self.key)
                ),
                &format!("write `{field}.{protocol}`, or change the listener's protocol"),
            );
        }
    }

    fn health_check(
        &self,
        path: impl Fn() -> Path<HealthCheckPolicy>,
        check: Option<&HealthCheckPolicy>,
        report: &mut Findings,
    ) {
        let Some(check) = check else { return };
        let PortMapping { port, protocol } = self.port;
        if let Some(other) = check.port.filter(|other| *other != port) {
            report.error(
                codes::HEALTH_CHECK_PORT,
                (self.key, path().port()),
                format!(
                    "the health check of {} probes port {other}, but its listener is on port {port}",
                    named(self.key)
                ),
                &format!("write {port}, or leave the port out"),
            );
        }
        if check.protocol == Protocol::Grpc && !protocol.is_http2() {
            report.error(
                codes::HEALTH_CHECK_PROTOCOL,
                (self.key, path().protocol()),
                format!(
                    "the health check of {} is `grpc`, but its listener on port {port} speaks `{protocol}`",
                    named(self.key)
                ),
                &format!("check with `{protocol}`, or let the listener speak `grpc` or `http2`"),
            );
        }
    }
}

/// Who answers for a service needs a port to answer on. (Targets of routes are looked at with their routes.)
fn listening<T>(mesh: &Mesh, key: &ResourceKey, spec: Path<T>, silent: bool, report: &mut Findings) {
    if !silent {
        return;
    }
    for reference in mesh.referrers(key).filter(|r| r.role == Role::Provider) {
        report.add(
            Diagnostic::error(
                codes::NO_LISTENER,
                format!(
                    "{} is provided by {}, which has no listener",
                    named(&reference.from),
                    named(key)
                ),
            )
            .help(format!("give {} a listener", named(key)))
            .at(crate::diag::ProblemLocation::of(
                &reference.from,
                &reference.pointer,
            ))
            .at(place(key, &spec).label("no listener")),
        );
    }
}

/// What gets requests can be found.
fn found(mesh: &Mesh, node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    if node.spec.service_discovery.is_some() {
        return;
    }
    let users = mesh.referrers(&node.key);
    for reference in users.filter(|r| matches!(r.role, Role::Provider | Role::Target)) {
        report.add(
            Diagnostic::error(
                codes::NO_DISCOVERY,
                format!(
                    "{} {} {}, which has no service discovery",
                    named(&reference.from),
                    reference.role.verb(),
                    named(&node.key)
                ),
            )
            .help(format!(
                "give {} a `serviceDiscovery`, or its endpoints in a proxy profile",
                named(&node.key)
            ))
            .at(crate::diag::ProblemLocation::of(
                &reference.from,
                &reference.pointer,
            ))
            .at(place(&node.key, VirtualNodeSpec::path()).label("no service discovery")),
        );
    }
}

/// Found by a name that stands for one endpoint.
fn single_endpoint(node: &Resource<VirtualNodeSpec>) -> bool {
    use crate::spec::DnsResponseType::Endpoints;
    let discovery = node.spec.service_discovery.as_ref();
    matches!(discovery, Some(ServiceDiscovery::Dns(dns)) if dns.response_type != Some(Endpoints))
}

/// What DNS does to protocols and outlier detection.
fn dns(node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    use crate::spec::DnsResponseType::Endpoints;
    let Some(ServiceDiscovery::Dns(dns)) = &node.spec.service_discovery else {
        return;
    };
    if dns.response_type == Some(Endpoints) {
        return;
    }
    let response = match dns.response_type {
        None => "without `responseType`",
        Some(_) => "with `responseType: LOADBALANCER`",
    };
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let PortMapping { port, protocol } = listener.port_mapping;
        if dns.response_type.is_none() && protocol.is_http2() {
            report.warning(
                codes::LOGICAL_DNS,
                (&node.key, VirtualNodeSpec::path().service_discovery().dns()),
                format!(
                    "{} speaks `{protocol}` on port {port} and is found by DNS `{}` {response}: each caller's \
                     requests all go to one address",
                    named(&node.key),
                    dns.hostname
                ),
                "write `ENDPOINTS` where the name has the instances' addresses, `LOADBALANCER` where it is a load \
                 balancer's",
            );
        }
        if listener.outlier_detection.is_some() {
            report.warning(
                codes::OUTLIER_DNS,
                (&node.key, VirtualNodeSpec::path().listeners().at(i).outlier_detection()),
                format!(
                    "outlier detection of {} on port {port} does nothing: DNS `{}` {response} is one endpoint",
                    named(&node.key),
                    dns.hostname
                ),
                "write `responseType: ENDPOINTS`",
            );
        }
    }
}
