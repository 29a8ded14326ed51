//! App Mesh's names for Envoy's resources. Dashboards, alarms and log parsers of its users depend on them.

use meshform_model::spec::{Protocol, TransparentInterception};

/// The catch-all of a mesh that lets everything out: cluster and virtual host.
pub(crate) const ALLOW_ALL: &str = "mesh-allow-all";

/// The header by which a gateway's second pass knows the virtual service when `Host` is kept.
pub(crate) const SERVICE_HEADER: &str = "x-app-mesh-virtual-service";

/// The port of a gateway's second pass.
pub(crate) const GATEWAY_EGRESS_PORT: u16 = TransparentInterception::DEFAULT_EGRESS_PORT;

/// The cluster that leads to the control plane.
pub(crate) const CONTROL_PLANE: &str = "xds_cluster";

/// The cluster of the SDS server on the proxy's host.
pub(crate) const SDS_CLUSTER: &str = "static_cluster_sds_unix_socket";

pub(crate) fn ingress_listener(address: &str, port: u16) -> String {
    format!("lds_ingress_{address}_{port}")
}

pub(crate) fn egress_listener(address: &str, port: u16) -> String {
    format!("lds_egress_{address}_{port}")
}

pub(crate) fn local_cluster(mesh: &str, node: &str, protocol: Protocol, port: u16) -> String {
    format!("cds_ingress_{mesh}_{node}_{protocol}_{port}")
}

pub(crate) fn node_cluster(mesh: &str, node: &str, protocol: Protocol, port: u16) -> String {
    format!("cds_egress_{mesh}_{node}_{protocol}_{port}")
}

pub(crate) fn allow_all_cluster(mesh: &str) -> String {
    format!("cds_egress_{mesh}_{ALLOW_ALL}")
}

/// The cluster of what may leave by server name. App Mesh had only `*.amazonaws.com` there.
pub(crate) fn allowed_names_cluster(mesh: &str) -> String {
    format!("cds_egress_{mesh}_amazonaws")
}

/// The gateway's way to itself; `listener` where the gateway has several.
pub(crate) fn self_redirect_cluster(
    mesh: &str,
    gateway: &str,
    listener: Option<u16>,
    protocol: Protocol,
) -> String {
    match listener {
        None => format!("cds_ingress_{mesh}_{gateway}_self_redirect_{protocol}_{GATEWAY_EGRESS_PORT}"),
        Some(port) => {
            format!("cds_ingress_{mesh}_{gateway}_self_redirect_{port}_{protocol}_{GATEWAY_EGRESS_PORT}")
        }
    }
}

pub(crate) fn ingress_table(protocol: Protocol, port: u16) -> String {
    format!("rds_ingress_{protocol}_{port}")
}

pub(crate) fn egress_table(protocol: Protocol, port: u16) -> String {
    format!("rds_egress_{protocol}_{port}")
}

/// What statistics of an inbound listener begin with; `several` listeners are distinguished.
pub(crate) fn ingress_prefix(several: bool, protocol: Protocol, port: u16) -> String {
    if several {
        format!("ingress.{protocol}.{port}")
    } else {
        "ingress".to_owned()
    }
}
