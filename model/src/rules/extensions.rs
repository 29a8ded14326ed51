//! Extensions: what stands beside a spec fits the spec.

use super::{Findings, codes, listed, named};
use crate::key::ResourceKey;
use crate::resource::Resource;
use crate::spec::{
    Extensions, ListenerExtensions, PortMapping, Protocol, RouteExtensions, RouteRule, RouteSpec,
    VirtualGatewaySpec, VirtualNodeExtensions, VirtualNodeSpec,
};
use std::collections::BTreeSet;

pub(super) fn node(node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    let ports: Vec<PortMapping> = node.spec.listeners.iter().map(|l| l.port_mapping).collect();
    listeners(&node.key, node.extensions.as_ref(), &ports, report);
}

pub(super) fn gateway(gateway: &Resource<VirtualGatewaySpec>, report: &mut Findings) {
    let ports: Vec<PortMapping> = gateway.spec.listeners.iter().map(|l| l.port_mapping).collect();
    listeners(&gateway.key, gateway.extensions.as_ref(), &ports, report);
}

pub(super) fn route(route: &Resource<RouteSpec>, report: &mut Findings) {
    let pause = route.extensions.as_ref().and_then(Extensions::route);
    let Some(pause) = pause.and_then(|extensions| extensions.retry_back_off) else {
        return;
    };
    if matches!(route.spec.rule, RouteRule::Tcp(_)) {
        report.warning(
            codes::EXTENSION_UNUSED,
            (&route.key, RouteExtensions::path().retry_back_off()),
            format!("{} is for TCP, which is never retried", named(&route.key)),
            "take `retryBackOff` out",
        );
    }
    if let Some(max) = pause
        .max_interval
        .filter(|max| max.as_millis() < pause.base_interval.as_millis())
    {
        report.error(
            codes::RETRY_PAUSES,
            (
                &route.key,
                RouteExtensions::path().retry_back_off().max_interval(),
            ),
            format!(
                "the longest pause, {max}, is below the first, {}",
                pause.base_interval
            ),
            "give a `maxInterval` that is not below `baseInterval`, or leave it out",
        );
    }
}

fn listeners(
    key: &ResourceKey,
    extensions: Option<&Extensions>,
    ports: &[PortMapping],
    report: &mut Findings,
) {
    let mut seen = BTreeSet::new();
    let given: &[ListenerExtensions] = extensions.map_or(&[], Extensions::listeners);
    for (at, one) in given.iter().enumerate() {
        let port = one.port;
        // A gateway's stand at the same place.
        let path = || VirtualNodeExtensions::path().listeners().at(at);
        if !seen.insert(port) {
            report.error(
                codes::EXTENSION_PORT,
                (key, path().port()),
                format!("{} configures port {port} twice", named(key)),
                "keep one of them",
            );
        }
        match ports.iter().find(|mapping| mapping.port == port) {
            None => report.error(
                codes::EXTENSION_PORT,
                (key, path().port()),
                format!("{} has no listener on port {port}", named(key)),
                &format!("its ports: {}", listed(ports.iter().map(|mapping| mapping.port))),
            ),
            Some(mapping) if mapping.protocol == Protocol::Tcp && one.limits.is_some() => report.warning(
                codes::EXTENSION_UNUSED,
                (key, path().limits()),
                format!("port {port} of {} is for TCP, which has no headers", named(key)),
                "remove the limits",
            ),
            Some(_) => {}
        }
    }
}
