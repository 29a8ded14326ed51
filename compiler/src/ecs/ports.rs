//! The ports of a task's containers, which share one network: none may be the proxy's, and with intercepted traffic one
//! container has to have each listener's.

use super::{Delivery, Task, codes, names};
use meshform_model::agent;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::spec::Interception;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Ports below are root's, unless `net.ipv4.ip_unprivileged_port_start` says otherwise.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// The interception of a proxy; none of a gateway, into which nothing has to be led.
pub(super) fn interception(task: &Task<'_>) -> Option<Interception> {
    let profile = task.mesh.profile_for(task.key);
    profile
        .interception
        .filter(|_| task.key.kind != Kind::VirtualGateway)
}

/// The ports of the model on which the node or gateway is called, each once.
pub(super) fn listener_ports(task: &Task<'_>) -> Vec<u16> {
    let name = &task.key.name;
    let ports: BTreeSet<u16> = match task.key.kind {
        Kind::VirtualGateway => task
            .mesh
            .virtual_gateway(name)
            .map(|gateway| {
                gateway
                    .spec
                    .listeners
                    .iter()
                    .map(|l| l.port_mapping.port)
                    .collect()
            })
            .unwrap_or_default(),
        _ => task
            .mesh
            .virtual_node(name)
            .map(|node| node.spec.listeners.iter().map(|l| l.port_mapping.port).collect())
            .unwrap_or_default(),
    };
    ports.into_iter().collect()
}

/// The ports on which the proxy itself listens beside the listeners', and for what.
pub(super) fn of_the_proxy(task: &Task<'_>, interception: Option<&Interception>) -> Vec<(u16, &'static str)> {
    let mut own = vec![(task.mesh.profile_for(task.key).admin().1, "admin interface")];
    if matches!(task.delivery, Delivery::Agent { .. }) {
        own.push((agent::PORT, "agent"));
    }
    match interception {
        Some(Interception::Transparent(transparent)) => {
            own.push((transparent.ingress_port(), "inbound listener"));
            own.push((transparent.egress_port(), "outbound listener"));
        }
        Some(Interception::Explicit(explicit)) => own.push((explicit.listener().1, "outbound listener")),
        None => {}
    }
    own
}

/// Ports on which Envoy listens and which Linux leaves to root where nothing else is said: Envoy is not root.
pub(super) fn privileged(task: &Task<'_>) -> BTreeSet<u16> {
    let mut ports: BTreeSet<u16> = match interception(task) {
        // All that it takes is redirected to two ports.
        Some(Interception::Transparent(transparent)) => {
            [transparent.ingress_port(), transparent.egress_port()].into()
        }
        Some(Interception::Explicit(explicit)) => {
            let mut ports: BTreeSet<u16> = listener_ports(task).into_iter().collect();
            ports.insert(explicit.listener().1);
            for service in &explicit.services {
                match service.port {
                    Some(port) => drop(ports.insert(port)),
                    None => ports.extend(
                        task.mesh
                            .ports_of(&service.virtual_service)
                            .iter()
                            .map(|one| one.port),
                    ),
                }
            }
            ports
        }
        None => listener_ports(task).into_iter().collect(),
    };
    ports.insert(task.mesh.profile_for(task.key).admin().1);
    ports.retain(|port| *port < FIRST_UNPRIVILEGED);
    ports
}

/// Ports of other containers than the proxy's (`called`) on which the proxy listens itself.
pub(super) fn collisions(task: &Task<'_>, containers: &[Map<String, Json>], called: &str) -> Vec<Diagnostic> {
    let own = of_the_proxy(task, interception(task).as_ref());
    let mut problems = Vec::new();
    for container in containers {
        let name = container.get("name").and_then(Json::as_str).unwrap_or_default();
        for ports in mappings(container).filter_map(mapped).filter(|_| name != called) {
            for (port, what) in own.iter().filter(|(port, _)| ports.contains(&u64::from(*port))) {
                let has = match ports.start() == ports.end() {
                    true => format!("has the port {port}, which is"),
                    false => format!("has the ports {}-{}, and {port} is", ports.start(), ports.end()),
                };
                problems.push(
                    Diagnostic::error(
                        codes::PORT,
                        format!("the container `{name}` {has} the proxy's {what}"),
                    )
                    .help(
                        "let the container listen on another port, or give the proxy another in its profile",
                    )
                    .at(ProblemLocation::at(&Pointer::root(), None)),
                );
            }
        }
    }
    problems
}

/// The listeners' ports that no container but the proxy's has, where traffic is intercepted. None where CloudFormation
/// computes a port: it may be any.
pub(super) fn missing(task: &Task<'_>, containers: &Json, called: &str) -> Vec<u16> {
    if !matches!(interception(task), Some(Interception::Transparent(_))) {
        return Vec::new();
    }
    let others = containers
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_object);
    let others = others.filter(|one| one.get("name").and_then(Json::as_str) != Some(called));
    let mut there = Vec::new();
    for mapping in others.flat_map(mappings) {
        match mapped(mapping) {
            Some(ports) => there.push(ports),
            None if is_computed(mapping) => return Vec::new(),
            None => {}
        }
    }
    let mut ports = listener_ports(task);
    ports.retain(|port| !there.iter().any(|ports| ports.contains(&u64::from(*port))));
    ports
}

fn mappings(container: &Map<String, Json>) -> impl Iterator<Item = &Json> {
    let all = container.get("portMappings").and_then(Json::as_array);
    all.into_iter().flatten()
}

/// The TCP ports of a mapping: one, or `containerPortRange` (`8000-8010`).
fn mapped(mapping: &Json) -> Option<RangeInclusive<u64>> {
    if mapping.get("protocol").and_then(Json::as_str) == Some("udp") {
        return None;
    }
    if let Some(port) = mapping.get("containerPort").and_then(number) {
        return Some(port..=port);
    }
    let (from, to) = mapping.get("containerPortRange")?.as_str()?.split_once('-')?;
    Some(from.trim().parse().ok()?..=to.trim().parse().ok()?)
}

fn is_computed(mapping: &Json) -> bool {
    let members = ["containerPort", "containerPortRange"];
    names::is_function(mapping)
        || members
            .iter()
            .any(|member| mapping.get(*member).is_some_and(names::is_function))
}

/// A port: templates and variables have numbers as texts too.
pub(super) fn number(json: &Json) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.trim().parse().ok())
}
