//! Which field each part of a resource was made from, so that what Envoy says of a part lands on the user's line.

use crate::ir::cluster::Cluster;
use crate::ir::listener::{Chain, Listener, Service};
use crate::ir::route::{Action, RouteTable};
use crate::ir::tls::Secret;
use crate::ir::{Origin, ProxyIr, Source, Sourced, wanted_secrets};
use crate::resources::PartOrigin;

/// A resource that is made from one field.
pub(crate) fn whole(origin: &Origin) -> Vec<PartOrigin> {
    vec![part(String::new(), origin)]
}

pub(crate) fn listener(listener: &Listener) -> Vec<PartOrigin> {
    let mut out = whole(&listener.origin);
    // A port that is taken is what Envoy refuses a listener for most.
    if let Source::Field(origin) = &listener.port_source {
        out.push(part("/address".to_owned(), origin));
    }
    let mut chain = |at: String, chain: &Chain| {
        if let Some(tls) = &chain.tls {
            out.push(part(format!("{at}/transport_socket"), &tls.origin));
        }
        let access_log = match &chain.service {
            Service::Http(http) => &http.access_log,
            Service::Tcp(tcp) => &tcp.access_log,
        };
        if let Some(log) = access_log {
            // Each chain has one filter, which is what the connection speaks.
            out.push(part(
                format!("{at}/filters/0/typed_config/access_log"),
                &log.origin,
            ));
        }
        out.push(part(at, &chain.origin));
    };
    for (number, one) in listener.chains.iter().enumerate() {
        chain(format!("/filter_chains/{number}"), one);
    }
    if let Some(one) = &listener.default_chain {
        chain("/default_filter_chain".to_owned(), one);
    }
    out.sort_by(|a, b| a.at.cmp(&b.at));
    out
}

pub(crate) fn cluster(cluster: &Cluster) -> Vec<PartOrigin> {
    let mut out = whole(&cluster.origin);
    written(&mut out, "/connect_timeout", Some(&cluster.connect_timeout));
    written(&mut out, "/lb_policy", cluster.balancing.as_ref());
    let limits = [
        ("max_connections", &cluster.pool.connections),
        ("max_pending_requests", &cluster.pool.pending),
        ("max_requests", &cluster.pool.requests),
    ];
    for (name, limit) in limits {
        written(
            &mut out,
            &format!("/circuit_breakers/thresholds/0/{name}"),
            limit.as_ref(),
        );
    }
    let parts = [
        (
            "/outlier_detection",
            cluster.outlier.as_ref().map(|one| &one.origin),
        ),
        (
            "/health_checks/0",
            cluster.health_check.as_ref().map(|one| &one.origin),
        ),
        ("/transport_socket", cluster.tls.as_ref().map(|one| &one.origin)),
    ];
    for (at, origin) in parts {
        out.extend(origin.map(|origin| part(at.to_owned(), origin)));
    }
    out
}

pub(crate) fn table(table: &RouteTable) -> Vec<PartOrigin> {
    let mut out = whole(&table.origin);
    for (number, host) in table.hosts.iter().enumerate() {
        let at = format!("/virtual_hosts/{number}");
        for (number, route) in host.routes.iter().enumerate() {
            let at = format!("{at}/routes/{number}");
            action(&mut out, &at, &route.action);
            out.push(part(at, &route.origin));
        }
        out.push(part(at, &host.origin));
    }
    out
}

fn action(out: &mut Vec<PartOrigin>, at: &str, action: &Action) {
    let at = format!("{at}/route");
    written(out, &format!("{at}/timeout"), Some(&action.timeout));
    written(out, &format!("{at}/idle_timeout"), action.idle_timeout.as_ref());
    written(out, &format!("{at}/retry_policy"), action.retry.as_ref());
}

/// The first field that wants it.
pub(crate) fn secret(proxy: &ProxyIr, secret: &Secret) -> Vec<PartOrigin> {
    let mut wanted = wanted_secrets(&proxy.listeners, &proxy.clusters);
    let found = wanted.find(|(one, _)| one.name == secret.name);
    found.map(|(_, origin)| whole(origin)).unwrap_or_default()
}

fn part(at: String, origin: &Origin) -> PartOrigin {
    PartOrigin {
        at,
        origin: origin.clone(),
    }
}

/// Only of what somebody wrote.
fn written<T>(out: &mut Vec<PartOrigin>, at: &str, value: Option<&Sourced<T>>) {
    if let Some(Source::Field(origin)) = value.map(|value| &value.source) {
        out.push(part(at.to_owned(), origin));
    }
}
