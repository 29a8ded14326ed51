//! Sockets that a proxy listens on, and what happens to a connection.

use super::telemetry::{AccessLog, Tracing};
use super::tls::ServerTls;
use super::{Origin, Source, Sourced};
use meshform_model::spec::{EscapedSlashes, ProxyProtocol, Underscores};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Listener {
    /// As App Mesh named it: `lds_ingress_0.0.0.0_15000`.
    pub name: String,
    /// What it was made for.
    pub origin: Origin,
    pub address: String,
    pub port: u16,
    /// Whose port it is: the model's, or the proxy profile's.
    pub port_source: Source,
    /// A socket of IPv6 also takes IPv4.
    pub ipv4_compat: bool,
    pub direction: Direction,
    /// Whether connections begin with the PROXY protocol.
    pub proxy_protocol: Option<Sourced<ProxyProtocol>>,
    /// Its connections count towards the limit of the whole process.
    pub limited: bool,
    /// Connections arrive here by iptables; where they were going decides the chain.
    pub original_destination: bool,
    /// In order: the first that matches takes the connection.
    pub chains: Vec<Chain>,
    /// What no chain matches; nothing = the connection is closed.
    pub default_chain: Option<Chain>,
}

/// Which way traffic flows, seen from the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

/// What happens to the connections that match.
#[derive(Debug, Clone)]
pub struct Chain {
    pub name: String,
    /// What it was made for.
    pub origin: Origin,
    /// The port that the connection was made to; nothing = any.
    pub destination_port: Option<u16>,
    /// The server names that the client may ask for; empty = any.
    pub server_names: Vec<Sourced<String>>,
    /// Whether the connection speaks TLS; nothing = either.
    pub transport: Option<Transport>,
    /// How TLS is terminated, if it is.
    pub tls: Option<Arc<ServerTls>>,
    pub service: Service,
}

/// What a connection speaks, found by looking at its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tls,
    Plain,
}

#[derive(Debug, Clone)]
pub enum Service {
    Http(Box<HttpService>),
    Tcp(TcpService),
}

/// Routes requests by a table.
#[derive(Debug, Clone)]
pub struct HttpService {
    /// The prefix of its statistics.
    pub stat_prefix: String,
    /// The name of the table in [`ProxyIr::tables`](super::ProxyIr::tables).
    pub table: String,
    /// Whether connections may be upgraded to WebSocket.
    pub websocket: bool,
    pub access_log: Option<Arc<AccessLog>>,
    pub tracing: Option<Arc<Tracing>>,
    /// How large a request's headers may be.
    pub max_request_headers_kb: Option<Sourced<u32>>,
    /// How many headers a request may have.
    pub max_request_headers_count: Option<Sourced<u32>>,
    /// How clients from outside the mesh are met; nothing where callers are of the mesh.
    pub edge: Option<Arc<Edge>>,
}

/// How clients from outside the mesh are met.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Proxies in front whose word on the client's address counts; nothing: addresses are neither read nor written.
    pub trusted_hops: Option<Sourced<u32>>,
    /// What becomes of escaped slashes in paths.
    pub escaped_slashes: Sourced<EscapedSlashes>,
    /// What becomes of headers with an underscore.
    pub underscores: Sourced<Underscores>,
    /// How long headers may take; zero = for ever.
    pub headers_timeout: Sourced<Duration>,
    /// Requests at once on an HTTP/2 connection.
    pub max_streams: Sourced<u32>,
    /// Bytes on the way on an HTTP/2 stream.
    pub stream_window: Sourced<u32>,
    /// Bytes on the way on an HTTP/2 connection.
    pub connection_window: Sourced<u32>,
}

/// Passes bytes to one of several clusters.
#[derive(Debug, Clone)]
pub struct TcpService {
    /// The prefix of its statistics.
    pub stat_prefix: String,
    /// Clusters by weight, all above zero.
    pub targets: Vec<TcpTarget>,
    /// When a silent connection is closed; zero = never.
    pub idle_timeout: Sourced<Duration>,
    pub access_log: Option<Arc<AccessLog>>,
}

/// A cluster and its share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpTarget {
    pub cluster: String,
    pub weight: u32,
}
