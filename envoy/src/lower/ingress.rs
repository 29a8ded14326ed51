//! Inbound: from the network to the application beside the proxy.

use super::context::{Application, ProxyBuilder, ProxyContext};
use super::{Lowering, matching, names, timeout};
use crate::codes;
use crate::ir::listener::{Chain, Direction, Listener, Service, TcpService, TcpTarget, Transport};
use crate::ir::route::{Action, Route, RouteTable, Target, VirtualHost};
use crate::ir::tls::ServerTls;
use crate::ir::{Origin, Source};
use meshform_model::diag::{Diagnostic, Example};
use meshform_model::path::Path;
use meshform_model::spec::{
    AppPort, Interception, IpPreference, Listener as Spec, ListenerTlsMode, PortMapping, Protocol,
    VirtualNodeSpec,
};
use serde_json::json;
use std::sync::Arc;

/// The virtual host of the application itself.
const LOCAL: &str = "local";

/// A socket for the network: all addresses, as the preference says.
pub(crate) fn bind(preference: Option<IpPreference>) -> (String, bool) {
    match preference {
        None => ("0.0.0.0".to_owned(), false),
        Some(_) => ("::".to_owned(), true),
    }
}

impl Lowering<'_> {
    pub(crate) fn ingress(&self, draft: &mut ProxyBuilder, scope: &ProxyContext<'_>, node: &VirtualNodeSpec) {
        let preference = self.preference(Some(node), &scope.key).map(|found| found.value);
        let mut listeners: Vec<(usize, &Spec)> = node.listeners.iter().enumerate().collect();
        listeners.sort_by_key(|(_, listener)| listener.port_mapping.port);
        let several = listeners.len() > 1;
        match scope.profile.merged.interception() {
            Interception::Transparent(transparent) => {
                let loopback = match preference {
                    Some(IpPreference::Ipv6Preferred | IpPreference::Ipv6Only) => "::1",
                    _ => "127.0.0.1",
                };
                let mut chains = Vec::new();
                for (at, spec) in listeners {
                    let origin = Origin::at(&scope.key, VirtualNodeSpec::path().listeners().at(at));
                    let app = (loopback.to_owned(), spec.port_mapping.port);
                    draft.applications.push(Application {
                        address: None,
                        port: spec.port_mapping.port,
                        origin: origin.clone(),
                    });
                    chains.extend(self.inbound(
                        draft,
                        scope,
                        &Inbound {
                            spec,
                            origin,
                            app,
                            several,
                        },
                    ));
                }
                if chains.is_empty() {
                    return;
                }
                let port = transparent.ingress_port();
                let (address, ipv4_compat) = bind(preference);
                draft.listeners.push(Listener {
                    name: names::ingress_listener("0.0.0.0", port),
                    origin: Origin::at(&scope.key, VirtualNodeSpec::path().listeners()),
                    address,
                    port,
                    port_source: scope.profile.interception_port(true),
                    ipv4_compat,
                    direction: Direction::Inbound,
                    proxy_protocol: None,
                    limited: true,
                    original_destination: true,
                    chains,
                    default_chain: None,
                });
            }
            Interception::Explicit(_) => {
                for (at, spec) in listeners {
                    let origin = Origin::at(&scope.key, VirtualNodeSpec::path().listeners().at(at));
                    let declared = self.declared_app(spec, scope, &origin);
                    let port = declared
                        .as_ref()
                        .map_or(spec.port_mapping.port, |(_, port)| *port);
                    draft.applications.push(Application {
                        address: declared.as_ref().map(|(address, _)| address.clone()),
                        port,
                        origin: origin.clone(),
                    });
                    let Some(app) = declared else { continue };
                    let port = spec.port_mapping.port;
                    let inbound = Inbound {
                        spec,
                        origin: origin.clone(),
                        app,
                        several,
                    };
                    let chains = self.inbound(draft, scope, &inbound);
                    let (address, ipv4_compat) = bind(preference);
                    draft.listeners.push(Listener {
                        name: names::ingress_listener("0.0.0.0", port),
                        port_source: Source::Field(origin.clone()),
                        origin,
                        address,
                        port,
                        ipv4_compat,
                        direction: Direction::Inbound,
                        proxy_protocol: None,
                        limited: true,
                        original_destination: false,
                        chains,
                        default_chain: None,
                    });
                }
            }
        }
    }

    /// Where the application listens, without interception. Without a word of the profile the application itself
    /// has the listener's port, and nothing of the listener is enforced here.
    fn declared_app(&self, spec: &Spec, scope: &ProxyContext<'_>, origin: &Origin) -> Option<(String, u16)> {
        let port = spec.port_mapping.port;
        let declared = scope
            .profile
            .merged
            .inbound
            .iter()
            .flat_map(|inbound| &inbound.app_ports)
            .find(|app| app.listener_port == port);
        let Some(declared) = declared else {
            let speaks_tls = spec
                .tls
                .as_ref()
                .is_some_and(|tls| tls.mode != ListenerTlsMode::Disabled);
            let problem = if speaks_tls {
                Diagnostic::error(
                    codes::APP_PORT,
                    format!(
                        "the listener on port {port} speaks TLS, but nothing says where the application listens"
                    ),
                )
            } else if spec.timeout.is_some() || spec.connection_pool.is_some() {
                Diagnostic::warning(
                    codes::INBOUND_NOT_PROXIED,
                    format!(
                        "the listener on port {port} is served by the application itself: its timeouts and pool \
                             have no effect"
                    ),
                )
            } else {
                return None;
            };
            let behind = port.checked_add(1).unwrap_or(8081);
            self.report(
                problem
                    .help("set the application's port in the proxy profile")
                    .example(Example::profile(json!({
                        "inbound": {"appPorts": [{"listenerPort": port, "appPort": behind}]}
                    })))
                    .at(origin.place()),
            );
            return None;
        };
        let address = declared
            .app_address
            .as_deref()
            .unwrap_or(AppPort::DEFAULT_APP_ADDRESS);
        Some((address.to_owned(), declared.app_port))
    }

    /// One listener of the model: its cluster, its table, its chains.
    fn inbound(
        &self,
        draft: &mut ProxyBuilder,
        scope: &ProxyContext<'_>,
        inbound: &Inbound<'_>,
    ) -> Vec<Chain> {
        let Inbound {
            spec,
            origin,
            app,
            several,
        } = inbound;
        let PortMapping { port, protocol } = spec.port_mapping;
        let (address, app_port) = app.clone();
        let cluster = self.local_cluster(origin.clone(), spec, address, app_port);
        let target = cluster.name.clone();
        draft.add_cluster(cluster);
        let timeouts = timeout::of_listener(spec.timeout.as_ref(), origin);
        let stat_prefix = names::ingress_prefix(*several, protocol, port);
        let service = if protocol == Protocol::Tcp {
            Service::Tcp(TcpService {
                stat_prefix,
                targets: vec![TcpTarget {
                    cluster: target,
                    weight: 1,
                }],
                idle_timeout: timeouts.idle,
                access_log: draft.access_log(),
            })
        } else {
            let table = names::ingress_table(protocol, port);
            draft.tables.push(RouteTable {
                name: table.clone(),
                origin: origin.clone(),
                hosts: vec![Arc::new(VirtualHost {
                    name: LOCAL.to_owned(),
                    origin: origin.clone(),
                    domains: vec!["*".to_owned()],
                    routes: vec![Route {
                        name: LOCAL.to_owned(),
                        origin: origin.clone(),
                        matcher: matching::everything(),
                        action: Action {
                            targets: vec![Target {
                                cluster: target,
                                weight: 1,
                                label: "the application".to_owned(),
                            }],
                            timeout: timeouts.request,
                            idle_timeout: Some(timeouts.idle),
                            retry: None,
                            host_rewrite: None,
                            path_rewrite: None,
                            set_header: None,
                            remove_headers: Vec::new(),
                        },
                    }],
                })],
                any_port: false,
                remove_headers: Vec::new(),
            });
            let mut service = draft.http(table, stat_prefix, protocol);
            self.listener_limits(&scope.key, port).apply(&mut service);
            service
        };
        let chain = Chain {
            name: format!("{protocol}-{port}"),
            origin: origin.clone(),
            destination_port: Some(port),
            server_names: Vec::new(),
            transport: None,
            tls: None,
            service,
        };
        let place = origin.below(|at: Path<Spec>| at.tls());
        let tls = spec
            .tls
            .as_ref()
            .filter(|tls| tls.mode != ListenerTlsMode::Disabled)
            .map(|tls| (tls.mode, self.server_tls(tls, protocol, scope, &place)));
        with_tls(chain, tls)
    }
}

/// A listener on its way into the proxy.
struct Inbound<'a> {
    spec: &'a Spec,
    origin: Origin,
    app: (String, u16),
    several: bool,
}

/// STRICT speaks only TLS; PERMISSIVE looks at the first bytes and does both.
pub(crate) fn with_tls(chain: Chain, tls: Option<(ListenerTlsMode, Option<Arc<ServerTls>>)>) -> Vec<Chain> {
    match tls {
        Some((ListenerTlsMode::Strict, Some(tls))) => vec![Chain {
            tls: Some(tls),
            ..chain
        }],
        Some((ListenerTlsMode::Permissive, Some(tls))) => {
            let encrypted = Chain {
                name: format!("{}-tls", chain.name),
                transport: Some(Transport::Tls),
                tls: Some(tls),
                ..chain.clone()
            };
            let plain = Chain {
                transport: Some(Transport::Plain),
                ..chain
            };
            vec![encrypted, plain]
        }
        // A certificate that is not available was reported; the listener does not become plain by that.
        Some((_, None)) => Vec::new(),
        Some((ListenerTlsMode::Disabled, _)) | None => vec![chain],
    }
}
