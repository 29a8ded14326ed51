//! How a gateway meets clients from outside the mesh: what the profile says, else what Envoy's own advice for proxies at
//! the edge says, where no client of App Mesh needs the contrary.

use super::proxy::ProxyContext;
use crate::ir::Sourced;
use crate::ir::listener::Edge;
use meshform_model::spec::{Edge as Profile, ProxyProtocol};
use std::time::Duration;

/// Envoy had no limit, so whoever sends a header a minute keeps a connection; honest clients send them in one packet.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// A client with more requests waits or opens another connection.
const MAX_STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Connections of clients to a gateway.
pub(crate) const MAX_CONNECTIONS: u64 = 50_000;

fn field<T>(
    scope: &ProxyContext<'_>,
    name: &str,
    get: impl FnOnce(&Profile) -> Option<T>,
) -> Option<Sourced<T>> {
    scope
        .profile
        .below("edge", |profile| profile.edge.as_ref(), (name, get))
}

pub(crate) fn edge(scope: &ProxyContext<'_>) -> Edge {
    Edge {
        trusted_hops: field(scope, "trustedHops", |edge| edge.trusted_hops),
        escaped_slashes: field(scope, "escapedSlashes", |edge| edge.escaped_slashes)
            .unwrap_or_else(|| Sourced::app_mesh(Default::default())),
        underscores: field(scope, "headersWithUnderscores", |edge| {
            edge.headers_with_underscores
        })
        .unwrap_or_else(|| Sourced::app_mesh(Default::default())),
        headers_timeout: field(scope, "requestHeadersTimeout", |edge| {
            edge.request_headers_timeout
        })
        .map_or_else(|| Sourced::ours(HEADERS_TIMEOUT), |time| time.map(Duration::from)),
        max_streams: field(scope, "maxConcurrentStreams", |edge| edge.max_concurrent_streams)
            .unwrap_or_else(|| Sourced::ours(MAX_STREAMS)),
        stream_window: field(scope, "streamWindowBytes", |edge| edge.stream_window_bytes)
            .unwrap_or_else(|| Sourced::ours(STREAM_WINDOW)),
        connection_window: field(scope, "connectionWindowBytes", |edge| {
            edge.connection_window_bytes
        })
        .unwrap_or_else(|| Sourced::ours(CONNECTION_WINDOW)),
    }
}

pub(crate) fn proxy_protocol(scope: &ProxyContext<'_>) -> Option<Sourced<ProxyProtocol>> {
    field(scope, "proxyProtocol", |edge| edge.proxy_protocol)
}
