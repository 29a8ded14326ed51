//! How a gateway meets clients from outside the mesh: what the profile says, else what Envoy's own advice for proxies at
//! the edge says, where no client of App Mesh needs the contrary.

use super::context::ProxyContext;
use crate::ir::Sourced;
use crate::ir::listener::Edge;
use meshform_model::path::{FieldOf, Path};
use meshform_model::spec::{self, Edge as Profile, ProxyProfileSpec, ProxyProtocol};
use std::time::Duration;

/// Envoy had no limit, so whoever sends a header a minute keeps a connection; honest clients send them in one packet.
const HEADERS_TIMEOUT: spec::Duration = Profile::DEFAULT_REQUEST_HEADERS_TIMEOUT;
/// A client with more requests waits or opens another connection.
const MAX_STREAMS: u32 = Profile::DEFAULT_MAX_CONCURRENT_STREAMS;
const STREAM_WINDOW: u32 = Profile::DEFAULT_STREAM_WINDOW_BYTES;
const CONNECTION_WINDOW: u32 = Profile::DEFAULT_CONNECTION_WINDOW_BYTES;
/// Connections of clients to a gateway.
pub(crate) const MAX_CONNECTIONS: u64 = 50_000;

fn field<T, F>(
    scope: &ProxyContext<'_>,
    path: FieldOf<Profile, F>,
    get: impl FnOnce(&Profile) -> Option<T>,
) -> Option<Sourced<T>> {
    scope.profile.below(
        Path::<ProxyProfileSpec>::edge,
        |profile| profile.edge.as_ref(),
        path,
        get,
    )
}

pub(crate) fn edge(scope: &ProxyContext<'_>) -> Edge {
    Edge {
        trusted_hops: field(scope, Path::<Profile>::trusted_hops, |edge| edge.trusted_hops),
        escaped_slashes: field(scope, Path::<Profile>::escaped_slashes, |edge| {
            edge.escaped_slashes
        })
        .unwrap_or_else(|| Sourced::app_mesh(Default::default())),
        underscores: field(scope, Path::<Profile>::headers_with_underscores, |edge| {
            edge.headers_with_underscores
        })
        .unwrap_or_else(|| Sourced::app_mesh(Default::default())),
        headers_timeout: field(scope, Path::<Profile>::request_headers_timeout, |edge| {
            edge.request_headers_timeout
        })
        .map_or_else(
            || Sourced::ours(HEADERS_TIMEOUT.into()),
            |time| time.map(Duration::from),
        ),
        max_streams: field(scope, Path::<Profile>::max_concurrent_streams, |edge| {
            edge.max_concurrent_streams
        })
        .unwrap_or_else(|| Sourced::ours(MAX_STREAMS)),
        stream_window: field(scope, Path::<Profile>::stream_window_bytes, |edge| {
            edge.stream_window_bytes
        })
        .unwrap_or_else(|| Sourced::ours(STREAM_WINDOW)),
        connection_window: field(scope, Path::<Profile>::connection_window_bytes, |edge| {
            edge.connection_window_bytes
        })
        .unwrap_or_else(|| Sourced::ours(CONNECTION_WINDOW)),
    }
}

pub(crate) fn proxy_protocol(scope: &ProxyContext<'_>) -> Option<Sourced<ProxyProtocol>> {
    field(scope, Path::<Profile>::proxy_protocol, |edge| edge.proxy_protocol)
}
