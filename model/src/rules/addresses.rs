//! Addresses of proxy profiles that Envoy opens, or sends to, by itself: it asks DNS for none of them.

use super::{Report, codes};
use crate::resource::Resource;
use crate::spec::{Interception, ProxyProfileSpec, Tracing};
use std::net::IpAddr;

pub(super) fn profile(profile: &Resource<ProxyProfileSpec>, report: &mut Report) {
    let spec = &profile.spec;
    let mut is_ip = |path: &str, address: Option<&str>| {
        let Some(address) = address.filter(|address| address.parse::<IpAddr>().is_err()) else {
            return;
        };
        report.error(
            codes::ADDRESS,
            (&profile.key, path),
            format!("`{address}` is not an IP address"),
            "Envoy asks nobody for a name here: give the address, such as 127.0.0.1 or ::1",
        );
    };
    let admin = spec.admin.as_ref().and_then(|admin| admin.address.as_deref());
    is_ip("/spec/admin/address", admin);
    if let Some(Interception::Explicit(explicit)) = &spec.interception {
        is_ip("/spec/interception/explicit/address", explicit.address.as_deref());
        for (i, service) in explicit.services.iter().enumerate() {
            let path = format!("/spec/interception/explicit/services/{i}/address");
            is_ip(&path, service.address.as_deref());
        }
    }
    let ports = spec.inbound.iter().flat_map(|inbound| &inbound.app_ports);
    for (i, port) in ports.enumerate() {
        let path = format!("/spec/inbound/appPorts/{i}/appAddress");
        is_ip(&path, port.app_address.as_deref());
    }
    if let Some(Tracing::Xray(xray)) = &spec.tracing {
        is_ip("/spec/tracing/xray/address", xray.address.as_deref());
    }
    let statistics = spec
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.dog_stats_d.as_ref());
    is_ip(
        "/spec/metrics/dogStatsD/address",
        statistics.and_then(|agent| agent.address.as_deref()),
    );
    for (i, node) in spec.endpoints.iter().enumerate() {
        for (k, endpoint) in node.addresses.iter().enumerate() {
            let path = format!("/spec/endpoints/{i}/addresses/{k}/address");
            is_ip(&path, Some(&endpoint.address));
        }
    }
}
