//! Routes against their router's listeners and their targets' listeners.

use super::{Findings, codes, listed, named, place};
use crate::diag::Diagnostic;
use crate::mesh::Mesh;
use crate::resource::Resource;
use crate::spec::{
    PortMapping, Protocol, RouteRule, RouteSpec, VirtualNodeSpec, VirtualRouterSpec, WeightedTarget,
};

pub(super) fn check(mesh: &Mesh, route: &Resource<RouteSpec>, report: &mut Findings) {
    let router = route.key.parent.as_deref().unwrap_or_default();
    let router = mesh.virtual_router(router);
    let spoken = router.and_then(|router| against_router(route, router, report));
    for (i, target) in route.spec.rule.targets().iter().enumerate() {
        // Router and target agree: that the route's type is another is reported once.
        let agree = mesh.listener_of(target).is_some_and(|(_, listener)| {
            let protocol = listener.port_mapping.protocol;
            protocol != route.spec.rule.protocol() && spoken == Some(protocol)
        });
        if !agree {
            against_target(mesh, route, i, target, report);
        }
    }
    method(route, report);
    pathless(route, report);
}

/// What the router's listener speaks that the route is for, where there is one.
fn against_router(
    route: &Resource<RouteSpec>,
    router: &Resource<VirtualRouterSpec>,
    report: &mut Findings,
) -> Option<Protocol> {
    let rule = &route.spec.rule;
    let path = || RouteSpec::path().rule(rule);
    let ports: Vec<PortMapping> = router.spec.listeners.iter().map(|l| l.port_mapping).collect();
    let numbers = || listed(ports.iter().map(|p| p.port));
    let listener = match (rule.match_port(), ports.as_slice()) {
        (Some(port), _) => match ports.iter().position(|p| p.port == port) {
            Some(at) => Some(at),
            None => {
                report.error(
                    codes::ROUTE_PORT_UNKNOWN,
                    (&route.key, path().r#match().port()),
                    format!(
                        "{} is for port {port}, on which its router does not listen",
                        named(&route.key)
                    ),
                    &format!("the router listens on: {}", numbers()),
                );
                None
            }
        },
        (None, [_]) => Some(0),
        (None, []) => None,
        (None, _) => {
            report.error(
                codes::ROUTE_PORT_NEEDED,
                (&route.key, path().r#match()),
                format!(
                    "{} does not say which port of its router it is for: {}",
                    named(&route.key),
                    numbers()
                ),
                "set `match.port`",
            );
            None
        }
    };
    let mapping = listener.and_then(|at| ports.get(at).map(|mapping| (at, mapping)));
    if let Some((at, mapping)) = mapping.filter(|(_, mapping)| mapping.protocol != rule.protocol()) {
        let tcp = Protocol::Tcp;
        let effect = match (mapping.protocol == tcp) == (rule.protocol() == tcp) {
            true => "it still routes requests",
            false => {
                "beside routes of the listener's protocol it has no effect; alone it decides the port's protocol"
            }
        };
        // App Mesh took it.
        report.add(
            Diagnostic::warning(
                codes::ROUTE_PROTOCOL,
                format!(
                    "{} is of type `{}`, but port {} of {} speaks `{}`",
                    named(&route.key),
                    rule.field(),
                    mapping.port,
                    named(&router.key),
                    mapping.protocol
                ),
            )
            .help(format!(
                "{effect}; write `{}Route`, or let the listener speak `{}`",
                mapping.protocol,
                rule.protocol()
            ))
            .at(place(&route.key, path()))
            .at(place(
                &router.key,
                VirtualRouterSpec::path().listeners().at(at).port_mapping(),
            )
            .label("the listener")),
        );
    }
    mapping.map(|(_, mapping)| mapping.protocol)
}

fn against_target(
    mesh: &Mesh,
    route: &Resource<RouteSpec>,
    index: usize,
    target: &WeightedTarget,
    report: &mut Findings,
) {
    let Some(node) = mesh.virtual_node(&target.virtual_node) else {
        return;
    };
    let rule = &route.spec.rule;
    let found = mesh.listener_of(target);
    if found.is_some_and(|(_, listener)| listener.port_mapping.protocol == rule.protocol()) {
        return;
    }
    let path = || RouteSpec::path().rule(rule).action().weighted_targets().at(index);
    let who = named(&route.key);
    let ports = || listed(node.spec.listeners.iter().map(|l| l.port_mapping.port));
    let Some((_, listener)) = found else {
        let diagnostic = match (target.port, node.spec.listeners.as_slice()) {
            (_, []) => Diagnostic::error(
                codes::NO_LISTENER,
                format!("{who} sends to {}, which has no listener", named(&node.key)),
            )
            .help(format!("give {} a listener", named(&node.key)))
            .at(place(&route.key, path().virtual_node())),
            (Some(port), _) => Diagnostic::error(
                codes::TARGET_PORT_UNKNOWN,
                format!(
                    "{who} sends to port {port} of {}, on which it does not listen",
                    named(&node.key)
                ),
            )
            .help(format!("it listens on: {}", ports()))
            .at(place(&route.key, path().port())),
            (None, _) => Diagnostic::error(
                codes::TARGET_PORT_NEEDED,
                format!(
                    "{who} does not say to which port of {} it sends: {}",
                    named(&node.key),
                    ports()
                ),
            )
            .help("set the target's `port`")
            .at(place(&route.key, path())),
        };
        report.add(
            diagnostic
                .at(place(&node.key, VirtualNodeSpec::path().listeners()).label("the target's listeners")),
        );
        return;
    };
    let PortMapping { port, protocol } = listener.port_mapping;
    let at = node
        .spec
        .listeners
        .iter()
        .position(|l| l.port_mapping.port == port);
    // App Mesh took it; each target is called as its own listener says.
    report.add(
        Diagnostic::warning(
            codes::TARGET_PROTOCOL,
            format!(
                "{who} is of type `{}`, but port {port} of {} speaks `{protocol}`",
                rule.field(),
                named(&node.key)
            ),
        )
        .help("use one protocol for route, router and target: callers use that of the target's listener")
        .at(place(&route.key, path()))
        .at(place(
            &node.key,
            VirtualNodeSpec::path()
                .listeners()
                .at(at.unwrap_or_default())
                .port_mapping(),
        )
        .label("the target's listener")),
    );
}

fn method(route: &Resource<RouteSpec>, report: &mut Findings) {
    let RouteRule::Grpc(grpc) = &route.spec.rule else {
        return;
    };
    if let (Some(method), None) = (&grpc.r#match.method_name, &grpc.r#match.service_name) {
        report.error(
            codes::GRPC_METHOD,
            (&route.key, RouteSpec::path().grpc_route().r#match().method_name()),
            format!(
                "{} matches the method `{method}` without saying of which service",
                named(&route.key)
            ),
            "set `serviceName` too, with its package, such as `orders.OrderService`",
        );
    }
}

fn pathless(route: &Resource<RouteSpec>, report: &mut Findings) {
    let (RouteRule::Http(http) | RouteRule::Http2(http)) = &route.spec.rule else {
        return;
    };
    if http.r#match.prefix.is_none() && http.r#match.path.is_none() {
        report.warning(
            codes::PATHLESS,
            (&route.key, RouteSpec::path().rule(&route.spec.rule).r#match()),
            format!(
                "{} matches every path: it sets neither `prefix` nor `path`",
                named(&route.key)
            ),
            "write `prefix: /` to match every path",
        );
    }
}
