//! Listeners: ports, protocols, timeouts, connection pools, health checks, outlier detection.

use super::{Duration, ListenerTls};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A port of a virtual node, and what holds for traffic that arrives there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// The port and its protocol.
    pub port_mapping: PortMapping,
    /// How many connections and requests the application gets at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// How callers see whether an instance is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckPolicy>,
    /// When callers stop using an instance that answers with errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// How long a request or a silent connection may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<ListenerTimeout>,
    /// Encryption of what arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
}

/// A port and its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortMapping {
    /// 1 to 65535.
    pub port: u16,
    /// What is spoken there. A gateway never speaks plain TCP.
    pub protocol: Protocol,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC, on HTTP/2.
    Grpc,
    /// Bytes.
    Tcp,
}

/// Limits on what an application gets at once. Named like the listener's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionPool {
    /// For HTTP/1.1.
    Http(HttpConnectionPool),
    /// For HTTP/2.
    Http2(RequestPool),
    /// For gRPC.
    Grpc(RequestPool),
    /// For TCP; never at a gateway.
    Tcp(TcpConnectionPool),
}

/// Limits for HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpConnectionPool {
    /// Connections to all instances together.
    pub max_connections: u64,
    /// Requests that may wait for a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<u64>,
}

/// Limits for HTTP/2 and gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestPool {
    /// Requests under way to all instances together.
    pub max_requests: u64,
}

/// Limits for TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpConnectionPool {
    /// Connections to all instances together.
    pub max_connections: u64,
}

/// How callers see whether an instance is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheckPolicy {
    /// Good checks in a row that make an instance healthy.
    pub healthy_threshold: u32,
    /// Bad checks in a row that make it unhealthy.
    pub unhealthy_threshold: u32,
    /// Time between checks in milliseconds.
    pub interval_millis: u64,
    /// How long an answer may take, in milliseconds.
    pub timeout_millis: u64,
    /// How it is asked.
    pub protocol: Protocol,
    /// The path of the request, for HTTP and HTTP/2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is asked: the listener's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// When callers stop using an instance that answers with errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutlierDetection {
    /// Answers 5xx in a row that eject an instance.
    pub max_server_errors: u64,
    /// How often ejections are looked at.
    pub interval: Duration,
    /// How long the first ejection lasts.
    pub base_ejection_duration: Duration,
    /// How much of the instances may be ejected; one always may.
    pub max_ejection_percent: u32,
}

/// How long a request or a silent connection may last. Named like the listener's protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListenerTimeout {
    /// For HTTP/1.1.
    Http(HttpTimeout),
    /// For HTTP/2.
    Http2(HttpTimeout),
    /// For gRPC.
    Grpc(GrpcTimeout),
    /// For TCP.
    Tcp(TcpTimeout),
}

/// Timeouts of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpTimeout {
    /// From the whole request to the whole answer, retries included. Absent: 15 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_request: Option<Duration>,
    /// How long a stream may be silent. Absent: 300 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
}

/// Timeouts of gRPC calls: the same two.
pub type GrpcTimeout = HttpTimeout;

/// Timeouts of connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpTimeout {
    /// How long a connection may be silent. Absent: 300 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
}

// === impl Protocol ===

impl Protocol {
    /// The API's word: `http2`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Http2 => "http2",
            Protocol::Grpc => "grpc",
            Protocol::Tcp => "tcp",
        }
    }

    /// Whether it runs on HTTP/2.
    pub fn is_http2(self) -> bool {
        matches!(self, Protocol::Http2 | Protocol::Grpc)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl ConnectionPool ===

impl ConnectionPool {
    /// The protocol it is named after.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Http(_) => Protocol::Http,
            Self::Http2(_) => Protocol::Http2,
            Self::Grpc(_) => Protocol::Grpc,
            Self::Tcp(_) => Protocol::Tcp,
        }
    }
}

// === impl ListenerTimeout ===

impl ListenerTimeout {
    /// The protocol it is named after.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Http(_) => Protocol::Http,
            Self::Http2(_) => Protocol::Http2,
            Self::Grpc(_) => Protocol::Grpc,
            Self::Tcp(_) => Protocol::Tcp,
        }
    }

    /// The limit for one request, where it is set.
    pub fn per_request(&self) -> Option<Duration> {
        match self {
            Self::Http(timeout) | Self::Http2(timeout) | Self::Grpc(timeout) => timeout.per_request,
            Self::Tcp(_) => None,
        }
    }

    /// The limit for silence, where it is set.
    pub fn idle(&self) -> Option<Duration> {
        match self {
            Self::Http(timeout) | Self::Http2(timeout) | Self::Grpc(timeout) => timeout.idle,
            Self::Tcp(timeout) => timeout.idle,
        }
    }
}
