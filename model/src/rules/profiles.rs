//! Proxy profiles: one for each proxy, and only what there is.

use super::{Findings, codes, named, place};
use crate::diag::{Diagnostic, Example};
use crate::mesh::Mesh;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{EgressFilterType, Extensions, Interception, MeshSpec, ProxyProfileSpec};
use serde_json::json;

pub(super) fn check(mesh: &Mesh, profile: &Resource<ProxyProfileSpec>, report: &mut Findings) {
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
            .help("keep one of them, or set `virtualNode` or `virtualGateway` in one of them")
            .at(place(&profile.key, ProxyProfileSpec::path()))
            .at(place(earlier, ProxyProfileSpec::path()).label("the other one")),
        );
    }
    app_ports(mesh, profile, report);
}

/// Proxies to which iptables bring everything, in a mesh that lets nothing out but to backends. Where nobody says how
/// traffic comes to the proxies, nothing is said: a mesh without profiles may not run anywhere yet.
pub(super) fn nothing_leaves(mesh: &Mesh, resource: &Resource<MeshSpec>, report: &mut Findings) {
    let extensions = resource.extensions.as_ref().and_then(Extensions::mesh);
    if resource.spec.egress() != EgressFilterType::DropAll
        || extensions.is_some_and(|own| own.egress.is_some())
    {
        return;
    }
    let default = mesh.profile_of(None).map(|profile| &profile.spec);
    let names = |spec: &ProxyProfileSpec| !spec.egress_sni_allowed.is_empty();
    let of_node = |name: &String| {
        let extensions = mesh.virtual_node(name)?.extensions.as_ref()?;
        extensions.virtual_node()?.egress.as_ref()
    };
    let closed = mesh.profiles().find(|profile| {
        let spec = &profile.spec;
        matches!(spec.interception, Some(Interception::Transparent(_)))
            && spec.virtual_gateway.is_none()
            && !names(spec)
            && !default.is_some_and(names)
            && spec.virtual_node.as_ref().and_then(of_node).is_none()
    });
    if let Some(profile) = closed {
        let written = match resource.spec.egress_filter {
            Some(_) => Pointer::from(MeshSpec::path().egress_filter()),
            None => MeshSpec::path().into(),
        };
        report.add(
            Diagnostic::warning(
                codes::NOTHING_LEAVES,
                format!(
                    "proxies of {} block connections to AWS's endpoints, which App Mesh allowed",
                    named(&resource.key)
                ),
            )
            .help(
                "the egress filter is `DROP_ALL`, which allows only backends; if applications call AWS, allow it in the \
                 proxy profile",
            )
            .example(Example::profile(json!({"egressSniAllowed": ["*.amazonaws.com"]})))
            .at(place(&resource.key, written))
            .at(place(&profile.key, ProxyProfileSpec::path().interception()).label("everything comes to the proxy")),
        );
    }
}

/// Ports of the application behind listeners that the node does not have. A default profile may say more than
/// one node has.
fn app_ports(mesh: &Mesh, profile: &Resource<ProxyProfileSpec>, report: &mut Findings) {
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
                (
                    key,
                    ProxyProfileSpec::path()
                        .inbound()
                        .app_ports()
                        .at(i)
                        .listener_port(),
                ),
                format!(
                    "{} gives the application's port behind port {}, on which {} does not listen",
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
