//! Proxy profiles: one for each proxy, and only what there is.

use super::{Report, codes, named, place};
use crate::diag::Diagnostic;
use crate::mesh::Mesh;
use crate::resource::Resource;
use crate::spec::ProxyProfileSpec;

pub(super) fn check(mesh: &Mesh, profile: &Resource<ProxyProfileSpec>, report: &mut Report) {
    let subject = profile.spec.subject(mesh.name());
    let whom = || subject.as_ref().map_or_else(|| named(&mesh.key()), named);
    if let Some(earlier) = mesh.profile_of(subject.as_ref()).map(|first| &first.key)
        && *earlier != profile.key
    {
        report.add(
            Diagnostic::error(
                codes::SAME_PROFILE,
                format!(
                    "{} and {} are both for {}",
                    named(earlier),
                    named(&profile.key),
                    whom()
                ),
            )
            .help("keep one of them, or say in one with `virtualNode` or `virtualGateway` whom it is for")
            .at(place(&profile.key, "/spec"))
            .at(place(earlier, "/spec").label("the other one")),
        );
    }
    app_ports(mesh, profile, report);
}

/// Ports of the application behind listeners that the node does not have. A default profile may say more than
/// one node has.
fn app_ports(mesh: &Mesh, profile: &Resource<ProxyProfileSpec>, report: &mut Report) {
    let key = &profile.key;
    let Some(node) = profile
        .spec
        .virtual_node
        .as_ref()
        .and_then(|name| mesh.virtual_node(name))
    else {
        return;
    };
    let ports = profile.spec.inbound.iter().flat_map(|inbound| &inbound.app_ports);
    for (i, port) in ports.enumerate() {
        if node.spec.listener(port.listener_port).is_none() {
            report.warning(
                codes::PROFILE_PORT,
                (key, &format!("/spec/inbound/appPorts/{i}/listenerPort")),
                format!(
                    "{} says where the application is behind port {}, on which {} does not listen",
                    named(key),
                    port.listener_port,
                    named(&node.key)
                ),
                &format!(
                    "it listens on: {}",
                    super::listed(node.spec.listeners.iter().map(|l| l.port_mapping.port))
                ),
            );
        }
    }
}
