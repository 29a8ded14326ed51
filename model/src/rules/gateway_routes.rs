//! Gateway routes against their gateway's listeners and against the services behind them.

use super::{Findings, codes, listed, named, place};
use crate::diag::Diagnostic;
use crate::mesh::{Mesh, Provider};
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteRule, GatewayRouteSpec, PortMapping, Protocol, VirtualGatewaySpec, VirtualNodeSpec,
    VirtualRouterSpec,
};

pub(super) fn check(mesh: &Mesh, route: &Resource<GatewayRouteSpec>, report: &mut Findings) {
    let gateway = route.key.parent.as_deref().unwrap_or_default();
    if let Some(gateway) = mesh.virtual_gateway(gateway) {
        against_gateway(route, gateway, report);
    }
    against_service(mesh, route, report);
    pathless(route, report);
}

fn against_gateway(
    route: &Resource<GatewayRouteSpec>,
    gateway: &Resource<VirtualGatewaySpec>,
    report: &mut Findings,
) {
    let rule = &route.spec.rule;
    let path = || GatewayRouteSpec::path().rule(rule);
    let ports: Vec<PortMapping> = gateway.spec.listeners.iter().map(|l| l.port_mapping).collect();
    let numbers = || listed(ports.iter().map(|p| p.port));
    let at = match (rule.match_port(), ports.as_slice()) {
        (Some(port), _) => {
            let at = ports.iter().position(|p| p.port == port);
            if at.is_none() {
                report.error(
                    codes::GATEWAY_PORT_UNKNOWN,
                    (&route.key, path().r#match().port()),
                    format!(
                        "{} is for port {port}, on which its gateway does not listen",
                        named(&route.key)
                    ),
                    &format!("the gateway listens on: {}", numbers()),
                );
            }
            at
        }
        (None, [_]) => Some(0),
        (None, []) => None,
        (None, _) => {
            report.error(
                codes::GATEWAY_PORT_NEEDED,
                (&route.key, path().r#match()),
                format!(
                    "{} does not say which port of its gateway it is for: {}",
                    named(&route.key),
                    numbers()
                ),
                "set `match.port`",
            );
            None
        }
    };
    let mapping = at.and_then(|at| ports.get(at).map(|mapping| (at, mapping)));
    if let Some((at, mapping)) = mapping.filter(|(_, mapping)| mapping.protocol != rule.protocol()) {
        report.add(
            Diagnostic::error(
                codes::GATEWAY_PROTOCOL,
                format!(
                    "{} is of type `{}`, but port {} of {} speaks `{}`",
                    named(&route.key),
                    rule.field(),
                    mapping.port,
                    named(&gateway.key),
                    mapping.protocol
                ),
            )
            .help(format!(
                "write `{}Route`, or let the listener speak `{}`",
                mapping.protocol,
                rule.protocol()
            ))
            .at(place(&route.key, path()))
            .at(place(
                &gateway.key,
                VirtualGatewaySpec::path().listeners().at(at).port_mapping(),
            )
            .label("the listener")),
        );
    }
}

fn against_service(mesh: &Mesh, route: &Resource<GatewayRouteSpec>, report: &mut Findings) {
    let target = route.spec.rule.target();
    let name = &target.virtual_service.virtual_service_name;
    let Some(provider) = mesh.provider_of(name) else {
        return;
    };
    let path = || GatewayRouteSpec::path().rule(&route.spec.rule).action().target();
    let ports = provider.ports();
    let numbers = || listed(ports.iter().map(|p| p.port));
    let mapping = match (target.port, ports.as_slice()) {
        (Some(port), _) => match ports.iter().find(|p| p.port == port) {
            Some(mapping) => mapping,
            None => {
                report.add(
                    Diagnostic::error(
                        codes::SERVICE_PORT_UNKNOWN,
                        format!(
                            "{} sends to port {port} of virtual service `{name}`, on which {} does not listen",
                            named(&route.key),
                            named(provider.key())
                        ),
                    )
                    .help(format!("it listens on: {}", numbers()))
                    .at(place(&route.key, path().port()))
                    .at(place(provider.key(), provider_listeners(provider)).label("the provider's listeners")),
                );
                return;
            }
        },
        (None, [only]) => only,
        // A provider without listeners is reported with its service.
        (None, []) => return,
        (None, _) => {
            report.add(
                Diagnostic::error(
                    codes::SERVICE_PORT_NEEDED,
                    format!(
                        "{} does not say to which port of virtual service `{name}` it sends: {}",
                        named(&route.key),
                        numbers()
                    ),
                )
                .help("set `target.port`")
                .at(place(&route.key, path()))
                .at(place(provider.key(), provider_listeners(provider)).label("the provider's listeners")),
            );
            return;
        }
    };
    if mapping.protocol == Protocol::Tcp {
        report.add(
            Diagnostic::error(
                codes::SERVICE_PROTOCOL,
                format!(
                    "{} sends to port {} of virtual service `{name}`, which speaks `tcp`",
                    named(&route.key),
                    mapping.port
                ),
            )
            .help("send to a port that speaks `http`, `http2` or `grpc`")
            .at(place(&route.key, path()))
            .at(place(provider.key(), provider_listeners(provider)).label("the provider's listeners")),
        );
    }
}

/// Where what provides a service says on which ports it listens.
fn provider_listeners(provider: Provider<'_>) -> Pointer {
    match provider {
        Provider::VirtualNode(_) => VirtualNodeSpec::path().listeners().into(),
        Provider::VirtualRouter(_) => VirtualRouterSpec::path().listeners().into(),
    }
}

fn pathless(route: &Resource<GatewayRouteSpec>, report: &mut Findings) {
    let (GatewayRouteRule::Http(http) | GatewayRouteRule::Http2(http)) = &route.spec.rule else {
        return;
    };
    let m = &http.r#match;
    if m.prefix.is_none() && m.path.is_none() && route.spec.rule.hostname().is_none() {
        report.warning(
            codes::PATHLESS,
            (
                &route.key,
                GatewayRouteSpec::path().rule(&route.spec.rule).r#match(),
            ),
            format!(
                "{} matches every path of every host: it sets none of `prefix`, `path`, `hostname`",
                named(&route.key)
            ),
            "write `prefix: /` to match every path",
        );
    }
}
