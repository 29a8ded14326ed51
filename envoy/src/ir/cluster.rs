//! Where requests go.

use super::tls::ClientTls;
use super::{Origin, Sourced};
use std::sync::Arc;
use std::time::Duration;

/// What becomes an Envoy `Cluster`.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// As App Mesh named it: `cds_egress_apps_web_http_8080`.
    pub name: String,
    /// What it was made for.
    pub origin: Origin,
    /// How its hosts are found.
    pub discovery: Discovery,
    /// How long a connection may take to stand.
    pub connect_timeout: Sourced<Duration>,
    pub protocol: Protocol,
    /// The limits of its connection pool; nothing = none.
    pub pool: Pool,
    /// When a host that fails is left out.
    pub outlier: Option<Outlier>,
    pub health_check: Option<HealthCheck>,
    /// How TLS is spoken to it, if it is.
    pub tls: Option<Arc<ClientTls>>,
    /// How a host is chosen; nothing = round robin.
    pub balancing: Option<Sourced<Balancing>>,
    /// How large the headers of its responses may be.
    pub response_headers: ResponseHeaders,
}

/// Limits on the headers of responses; nothing = Envoy's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHeaders {
    pub kb: Option<Sourced<u32>>,
    pub count: Option<Sourced<u32>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Discovery {
    /// One address that never changes: the workload itself, or this proxy.
    Loopback { address: String, port: u16 },
    /// A socket of the file system.
    Socket { path: String },
    Dns {
        hostname: String,
        /// The port on what the name gives.
        port: u16,
        /// Whether every address of the answer is a host (App Mesh's ENDPOINTS), or a new connection takes the
        /// first one (LOADBALANCER).
        every_address: Sourced<bool>,
        family: Sourced<Family>,
    },
    /// Told from outside, as EDS of its own.
    Endpoints(Arc<Vec<Endpoint>>),
    /// Instances of a service in Cloud Map, which a poller looks up: EDS that has no hosts until then.
    CloudMap(Arc<CloudMap>),
    /// Wherever the connection was going.
    OriginalDestination,
}

/// A service in Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudMap {
    /// The name under which Envoy asks for the hosts. It is the same for every caller, also for one that reaches them
    /// in two ways by two clusters.
    pub assignment: String,
    /// Service and namespace, as one name.
    pub name: String,
    /// What instances must carry, all of it.
    pub attributes: Vec<(String, String)>,
    /// The port on what instances have as address.
    pub port: u16,
    /// Which of their addresses are wanted.
    pub family: Sourced<Family>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv6, and IPv4 when there is none.
    Auto,
    /// IPv4, and IPv6 when there is none.
    V4Preferred,
    V4Only,
    V6Only,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: String,
    pub port: u16,
    /// Its share among its like; nothing = 1.
    pub weight: Option<u32>,
    /// The zone that it is in.
    pub zone: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// gRPC too.
    Http2,
    /// HTTP/2 over a connection that must stay, and is asked whether it still stands.
    Http2Watched,
    SameAsCaller,
    Tcp,
}

/// The limits of a connection pool. What is not set is not limited, as App Mesh set it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    pub connections: Option<Sourced<u32>>,
    /// Requests that wait for a connection.
    pub pending: Option<Sourced<u32>>,
    /// Requests in flight at a time, on all connections together.
    pub requests: Option<Sourced<u32>>,
}

/// When a host that fails is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlier {
    /// The field that says so.
    pub origin: Origin,
    /// Server errors in a row.
    pub errors: u32,
    /// How often hosts are looked at.
    pub interval: Duration,
    /// How long a host is left out, times how often it was.
    pub ejection: Duration,
    /// How many hosts of a hundred may be left out; one always may.
    pub max_percent: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The field that says so.
    pub origin: Origin,
    pub probe: Probe,
    /// Good answers in a row until a host is taken.
    pub healthy: u32,
    /// Bad ones until it is left out.
    pub unhealthy: u32,
    /// The pause between two probes.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The port, where the check names one.
    pub port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    Http {
        /// The value of the probe's `Host` header.
        host: String,
        path: String,
        http2: bool,
    },
    /// The standard gRPC health checking service, for the server as a whole.
    Grpc,
    /// That a connection can be opened; nothing is sent.
    Tcp,
}

/// How a host is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Balancing {
    RoundRobin,
    /// The one with fewer requests of two.
    LeastRequest,
    Random,
}
