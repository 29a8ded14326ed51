//! TLS of callers against TLS of the listeners that they call.
//!
//! A caller's policy is held against every listener behind a service. To keep that from growing with callers
//! times targets, each service is summed up once: for each port, one listener of each sort.

use super::{Findings, codes, named, place};
use crate::diag::{Code, Diagnostic};
use crate::key::ResourceKey;
use crate::mesh::{Mesh, Provider};
use crate::path::Path;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{
    ClientPolicy, ClientPolicyTls, GatewayRouteSpec, Listener, ListenerCertificate, ListenerTls,
    ListenerTlsMode, SubjectAlternativeNames, VirtualGatewaySpec, VirtualNodeSpec,
};
use std::collections::BTreeMap;

/// Services summed up so far.
#[derive(Default)]
pub(super) struct ServiceListenersCache<'m>(BTreeMap<&'m str, ServiceListeners<'m>>);

impl<'m> ServiceListenersCache<'m> {
    fn of(&mut self, mesh: &'m Mesh, service: &'m str) -> &ServiceListeners<'m> {
        self.0
            .entry(service)
            .or_insert_with(|| ServiceListeners::of(mesh, service))
    }
}

pub(super) fn node<'m>(
    mesh: &'m Mesh,
    node: &'m Resource<VirtualNodeSpec>,
    sums: &mut ServiceListenersCache<'m>,
    report: &mut Findings,
) {
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let path = || VirtualNodeSpec::path().listeners().at(i).tls();
        unused(&node.key, path, listener.tls.as_ref(), report);
    }
    let defaults = node.spec.backend_defaults.as_ref();
    let defaults = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    let path = || VirtualNodeSpec::path().backend_defaults().client_policy();
    wildcards(&node.key, path, defaults, report);
    for (i, backend) in node.spec.backend_services().enumerate() {
        let path = || VirtualNodeSpec::path().backends().at(i).virtual_service();
        wildcards(
            &node.key,
            || path().client_policy(),
            backend.client_policy.as_ref(),
            report,
        );
        let caller = Caller {
            proxy: &node.key,
            at: &node.key,
            path: &|| path().into(),
            service: &backend.virtual_service_name,
            policy: node.spec.client_policy(backend).and_then(|p| p.tls.as_ref()),
        };
        caller.against(sums.of(mesh, &backend.virtual_service_name), report);
    }
}

pub(super) fn gateway<'m>(
    mesh: &'m Mesh,
    gateway: &'m Resource<VirtualGatewaySpec>,
    sums: &mut ServiceListenersCache<'m>,
    report: &mut Findings,
) {
    for (i, listener) in gateway.spec.listeners.iter().enumerate() {
        let path = || VirtualGatewaySpec::path().listeners().at(i).tls();
        unused(&gateway.key, path, listener.tls.as_ref(), report);
    }
    let defaults = gateway.spec.backend_defaults.as_ref();
    let defaults = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    wildcards(
        &gateway.key,
        || VirtualGatewaySpec::path().backend_defaults().client_policy(),
        defaults,
        report,
    );
    for route in mesh.gateway_routes_of(&gateway.key.name) {
        let target = &route.spec.rule.target().virtual_service;
        let caller = Caller {
            proxy: &gateway.key,
            at: &route.key,
            path: &|| {
                let target = GatewayRouteSpec::path().rule(&route.spec.rule).action().target();
                target.virtual_service().into()
            },
            service: &target.virtual_service_name,
            policy: defaults.and_then(|policy| policy.tls.as_ref()),
        };
        caller.against(sums.of(mesh, &target.virtual_service_name), report);
    }
}

fn unused(
    key: &ResourceKey,
    path: impl FnOnce() -> Path<ListenerTls>,
    tls: Option<&ListenerTls>,
    report: &mut Findings,
) {
    if tls.is_some_and(|tls| tls.mode == ListenerTlsMode::Disabled && tls.validation.is_some()) {
        report.warning(
            codes::TLS_UNUSED,
            (key, path().validation()),
            format!(
                "a listener of {} validates callers' certificates, but its TLS mode is `DISABLED`",
                named(key)
            ),
            "set the mode to `STRICT` or `PERMISSIVE`, or remove the validation",
        );
    }
}

fn wildcards(
    key: &ResourceKey,
    path: impl Fn() -> Path<ClientPolicy>,
    policy: Option<&ClientPolicy>,
    report: &mut Findings,
) {
    let Some(tls) = policy.and_then(|policy| policy.tls.as_ref()) else {
        return;
    };
    let names = tls.validation.subject_alternative_names.as_ref();
    for (i, name) in exact(names).iter().enumerate() {
        if name.contains('*') && tls.enforce.unwrap_or(true) {
            let names = path().tls().validation().subject_alternative_names();
            report.error(
                codes::TLS_WILDCARD,
                (key, names.r#match().exact().at(i)),
                format!("`{name}` is compared literally, so no certificate matches it"),
                "write the full name in the certificate",
            );
        }
    }
}

fn exact(names: Option<&SubjectAlternativeNames>) -> &[String] {
    names.map_or(&[], |names| names.r#match.exact.as_slice())
}

/// The listeners behind a service: for each port, the first of each sort.
#[derive(Default)]
struct ServiceListeners<'a> {
    ports: BTreeMap<u16, PortListeners<'a>>,
}

/// A listener of each sort.
#[derive(Default)]
struct PortListeners<'a> {
    plain: Option<NodeListener<'a>>,
    /// Encrypted, with a certificate that nobody vouches for.
    unvouched: Option<NodeListener<'a>>,
    /// Asks clients for certificates of their own.
    asking: Option<NodeListener<'a>>,
}

/// A listener of a node.
#[derive(Clone, Copy)]
struct NodeListener<'a> {
    node: &'a ResourceKey,
    index: usize,
}

impl<'a> ServiceListeners<'a> {
    fn of(mesh: &'a Mesh, service: &str) -> Self {
        let mut sum = Self::default();
        match mesh.provider_of(service) {
            None => {}
            Some(Provider::VirtualNode(node)) => {
                for (index, listener) in node.spec.listeners.iter().enumerate() {
                    sum.add(
                        listener,
                        NodeListener {
                            node: &node.key,
                            index,
                        },
                    );
                }
            }
            Some(Provider::VirtualRouter(router)) => {
                let routes = mesh.routes_of(&router.key.name).iter();
                for target in routes.flat_map(|route| route.spec.rule.targets()) {
                    if let Some((node, listener)) = mesh.listener_of(target) {
                        let port = listener.port_mapping.port;
                        let index = node
                            .spec
                            .listeners
                            .iter()
                            .position(|l| l.port_mapping.port == port);
                        let index = index.unwrap_or_default();
                        sum.add(
                            listener,
                            NodeListener {
                                node: &node.key,
                                index,
                            },
                        );
                    }
                }
            }
        }
        sum
    }

    fn add(&mut self, listener: &Listener, at: NodeListener<'a>) {
        let sorts = self.ports.entry(listener.port_mapping.port).or_default();
        match listener
            .tls
            .as_ref()
            .filter(|tls| tls.mode != ListenerTlsMode::Disabled)
        {
            None => drop(sorts.plain.get_or_insert(at)),
            Some(tls) => {
                if !matches!(tls.certificate, ListenerCertificate::Acm(_)) {
                    sorts.unvouched.get_or_insert(at);
                }
                if tls.validation.is_some() {
                    sorts.asking.get_or_insert(at);
                }
            }
        }
    }
}

/// A proxy that calls a service.
struct Caller<'a> {
    proxy: &'a ResourceKey,
    at: &'a ResourceKey,
    path: &'a dyn Fn() -> Pointer,
    service: &'a str,
    policy: Option<&'a ClientPolicyTls>,
}

impl Caller<'_> {
    fn against(&self, sum: &ServiceListeners<'_>, report: &mut Findings) {
        for (port, sorts) in &sum.ports {
            let enforced = self.policy.is_some_and(|policy| policy.enforced_for(*port));
            if let Some(at) = sorts.plain.filter(|_| enforced) {
                let what = "demands TLS of";
                let help = "give the listener TLS, or set `enforce: false` or `ports` in the client policy";
                let why = "which does not speak it";
                report.add(self.warning(codes::TLS_PLAIN_TARGET, at, what, why).help(help));
            }
            if let Some(at) = sorts.unvouched.filter(|_| !enforced) {
                let what = "encrypts calls to";
                let help = "add a client policy with `tls.validation`, which names the trusted authorities";
                let why = "but has no policy that names trusted authorities";
                report.add(self.warning(codes::TLS_UNVALIDATED, at, what, why).help(help));
            }
            let shows = self.policy.is_some_and(|policy| policy.certificate.is_some());
            if let Some(at) = sorts.asking.filter(|_| !shows) {
                let what = "has no certificate for";
                let help = "add `tls.certificate` to the client policy";
                let why = "which requires one of callers";
                let warning = self.warning(codes::TLS_NO_CLIENT_CERTIFICATE, at, what, why);
                report.add(warning.help(help));
            }
        }
    }

    /// A warning about the listener of a target: `what` is wrong with how the proxy calls it, and `why`.
    fn warning(&self, code: Code, at: NodeListener<'_>, what: &str, why: &str) -> Diagnostic {
        let message = format!(
            "{} {what} {} behind `{}`, {why}",
            named(self.proxy),
            named(at.node),
            self.service
        );
        Diagnostic::warning(code, message)
            .at(place(self.at, (self.path)()))
            .at(place(at.node, VirtualNodeSpec::path().listeners().at(at.index)).label("the listener"))
    }
}
