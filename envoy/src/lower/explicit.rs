//! Outbound without interception: the application calls Envoy, by name through one listener, or through a socket that
//! stands for one service.

use super::context::{ProxyBuilder, ProxyContext};
use super::egress::{Backend, with_any_port};
use super::upstream::UpstreamPort;
use super::{Lowering, names};
use crate::codes;
use crate::ir::listener::{Chain, Direction, Listener, Service};
use crate::ir::route::VirtualHost;
use crate::ir::{Origin, Source};
use meshform_model::diag::{Diagnostic, Example};
use meshform_model::path::Path;
use meshform_model::spec::{
    EgressFilterType, ExplicitInterception, Interception, Protocol, ProxyProfileSpec, VirtualNodeSpec,
};
use serde_json::json;
use std::sync::Arc;

impl Lowering<'_> {
    pub(crate) fn explicit(
        &self,
        draft: &mut ProxyBuilder,
        scope: &ProxyContext<'_>,
        explicit: &ExplicitInterception,
        backends: &[Backend],
    ) {
        let (address, port) = explicit.listener();
        self.warn_of_allow_all(scope);
        let mut hosts = Vec::new();
        for backend in backends {
            for upstream_port in &backend.upstream.ports {
                let own = explicit
                    .services
                    .iter()
                    .find(|service| service.virtual_service == backend.upstream.name);
                if upstream_port.is_http() {
                    hosts.push(self.named_host(backend, upstream_port));
                }
                match own {
                    Some(own) => {
                        let socket = OwnSocket {
                            backend,
                            port: upstream_port,
                            address: own.address.as_deref().unwrap_or(address),
                            listens: own.port.unwrap_or(upstream_port.port),
                        };
                        self.own_listener(draft, scope, &socket);
                    }
                    None if upstream_port.is_http() => {}
                    None => self.report(
                        Diagnostic::error(
                            codes::TCP_NEEDS_PORT,
                            format!(
                                "`{}` is called over TCP (port {}), which carries no name",
                                backend.upstream.name, upstream_port.port
                            ),
                        )
                        .help(format!(
                            "say in the proxy profile of {} where Envoy listens for it",
                            scope.key
                        ))
                        .example(Example::profile(
                            json!({"interception": {"explicit": {"services": [
                                {"virtualService": backend.upstream.name, "port": upstream_port.port}
                            ]}}}),
                        ))
                        .at(backend.origin.place()),
                    ),
                }
            }
        }
        hosts.extend(self.unprovided(backends));
        if hosts.is_empty() {
            return;
        }
        let table = names::egress_table(Protocol::Http, port);
        let origin = Origin::at(&scope.key, VirtualNodeSpec::path().backends());
        self.table(draft, table.clone(), origin.clone(), hosts);
        let service = draft.http(table.clone(), "egress".to_owned(), Protocol::Http);
        let whose = scope.profile.interception_port(false);
        draft.listeners.push(loopback(
            ListenerBinding {
                address,
                port,
                source: whose,
            },
            table,
            origin,
            service,
        ));
    }

    /// What an egress filter lets out does not pass here.
    fn warn_of_allow_all(&self, scope: &ProxyContext<'_>) {
        let filter = self.egress_filter();
        if let (EgressFilterType::AllowAll, Source::Field(origin)) = (filter.value, &filter.source) {
            self.report(
                Diagnostic::warning(
                    codes::ALLOW_ALL_EXPLICIT,
                    "`ALLOW_ALL` does nothing for proxies with explicit interception",
                )
                .help(
                    "call destinations outside of the mesh directly, and use `http_proxy` for backends only",
                )
                .at(origin.place())
                .at(scope.profile_place(Path::<ProxyProfileSpec>::interception)),
            );
        }
    }

    /// On the common listener a service is known by its name. Of several ports the first one answers to the name alone
    /// and with any port; the others only with their own.
    fn named_host(&self, backend: &Backend, port: &UpstreamPort) -> Arc<VirtualHost> {
        let name = &backend.upstream.name;
        if backend.upstream.default_port() == Some(port.port) {
            return self.virtual_host(name.clone(), with_any_port(name), backend, Some(port));
        }
        let qualified = format!("{name}:{}", port.port);
        self.virtual_host(qualified.clone(), vec![qualified], backend, Some(port))
    }

    /// A socket that stands for one service: whatever name the caller uses.
    fn own_listener(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>, socket: &OwnSocket<'_>) {
        let OwnSocket {
            backend,
            port,
            address,
            listens,
        } = *socket;
        let name = &backend.upstream.name;
        let origin = scope
            .profile
            .get(Path::<ProxyProfileSpec>::interception, |profile| {
                profile.interception.as_ref()
            })
            .and_then(|found| match found.source {
                Source::Field(origin) => {
                    Some(origin.below(|at: Path<Interception>| at.explicit().services()))
                }
                _ => None,
            })
            .unwrap_or_else(|| backend.origin.clone());
        let service = if port.is_http() {
            let table = format!("{}_{address}", names::egress_table(port.protocol, listens));
            let host = self.virtual_host(name.clone(), vec!["*".to_owned()], backend, Some(port));
            self.table(draft, table.clone(), origin.clone(), vec![host]);
            Some(draft.http(table, "egress".to_owned(), port.protocol))
        } else {
            self.tcp_service(draft, backend, port)
        };
        if let Some(service) = service {
            let whose = Source::Field(origin.clone());
            let listener = loopback(
                ListenerBinding {
                    address,
                    port: listens,
                    source: whose,
                },
                name.clone(),
                origin,
                service,
            );
            draft.listeners.push(listener);
        }
    }
}

/// A socket of one port of a backend.
struct OwnSocket<'a> {
    backend: &'a Backend,
    port: &'a UpstreamPort,
    address: &'a str,
    listens: u16,
}

/// Where a listener accepts connections, and who says the port.
struct ListenerBinding<'a> {
    address: &'a str,
    port: u16,
    source: Source,
}

/// A listener with one chain for everything.
fn loopback(bound: ListenerBinding<'_>, chain: String, origin: Origin, service: Service) -> Listener {
    Listener {
        name: names::egress_listener(bound.address, bound.port),
        origin: origin.clone(),
        address: bound.address.to_owned(),
        port: bound.port,
        port_source: bound.source,
        ipv4_compat: false,
        direction: Direction::Outbound,
        proxy_protocol: None,
        limited: true,
        original_destination: false,
        chains: vec![Chain {
            name: chain,
            origin,
            destination_port: None,
            server_names: Vec::new(),
            transport: None,
            tls: None,
            service,
        }],
        default_chain: None,
    }
}
