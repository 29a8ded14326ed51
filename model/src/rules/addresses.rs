//! Addresses of proxy profiles that Envoy opens, or sends to, by itself, or that never come to it: nobody asks DNS for any
//! of them.

use super::{Findings, codes};
use crate::path::Path;
use crate::resource::Resource;
use crate::spec::{Interception, ProxyProfileSpec, Tracing, TransparentInterception};
use std::net::IpAddr;

pub(super) fn profile(profile: &Resource<ProxyProfileSpec>, report: &mut Findings) {
    let spec = &profile.spec;
    let mut is_ip = |path: Path<String>, address: Option<&str>| {
        let Some(address) = address.filter(|address| address.parse::<IpAddr>().is_err()) else {
            return;
        };
        report.error(
            codes::ADDRESS,
            (&profile.key, path),
            format!("`{address}` is not an IP address"),
            "give an IP address, such as 127.0.0.1 or ::1: Envoy resolves no names here",
        );
    };
    let path = ProxyProfileSpec::path;
    let admin = spec.admin.as_ref().and_then(|admin| admin.address.as_deref());
    is_ip(path().admin().address(), admin);
    if let Some(Interception::Explicit(explicit)) = &spec.interception {
        let path = || path().interception().explicit();
        is_ip(path().address(), explicit.address.as_deref());
        for (i, service) in explicit.services.iter().enumerate() {
            is_ip(path().services().at(i).address(), service.address.as_deref());
        }
    }
    let ports = spec.inbound.iter().flat_map(|inbound| &inbound.app_ports);
    for (i, port) in ports.enumerate() {
        is_ip(
            path().inbound().app_ports().at(i).app_address(),
            port.app_address.as_deref(),
        );
    }
    if let Some(Tracing::Xray(xray)) = &spec.tracing {
        is_ip(path().tracing().xray().address(), xray.address.as_deref());
    }
    let statistics = spec
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.dog_stats_d.as_ref());
    is_ip(
        path().metrics().dog_stats_d().address(),
        statistics.and_then(|agent| agent.address.as_deref()),
    );
    for (i, node) in spec.endpoints.iter().enumerate() {
        for (k, endpoint) in node.addresses.iter().enumerate() {
            is_ip(
                path().endpoints().at(i).addresses().at(k).address(),
                Some(&endpoint.address),
            );
        }
    }
    if let Some(Interception::Transparent(transparent)) = &spec.interception {
        for (i, address) in transparent.ignored_addresses.iter().enumerate() {
            if !TransparentInterception::can_ignore(address) {
                report.error(
                    codes::ADDRESS,
                    (
                        &profile.key,
                        path().interception().transparent().ignored_addresses().at(i),
                    ),
                    format!("`{address}` is neither an IP address nor a CIDR block"),
                    "give addresses, such as 10.0.0.0/16, or let Envoy pass the name on: interception cannot \
                     ignore names",
                );
            }
        }
    }
}
