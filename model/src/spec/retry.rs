//! Retry policies.

use super::Duration;
use serde::{Deserialize, Serialize};

/// When and how often a request over HTTP is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRetryPolicy {
    /// How often, after the first try.
    pub max_retries: u64,
    /// How long each try may take, the first one too. Not a pause between tries.
    pub per_retry_timeout: Duration,
    /// Answers after which it is tried again: `server-error`, `gateway-error`, `client-error`, `stream-error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_retry_events: Vec<String>,
    /// Events of the connection after which it is tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp_retry_events: Vec<TcpRetryEvent>,
}

/// When and how often a gRPC call is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcRetryPolicy {
    /// How often, after the first try.
    pub max_retries: u64,
    /// How long each try may take, the first one too. Not a pause between tries.
    pub per_retry_timeout: Duration,
    /// gRPC statuses after which it is tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grpc_retry_events: Vec<GrpcRetryEvent>,
    /// HTTP answers after which it is tried again, as in [`HttpRetryPolicy`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_retry_events: Vec<String>,
    /// Events of the connection after which it is tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp_retry_events: Vec<TcpRetryEvent>,
}

/// An event of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TcpRetryEvent {
    /// It could not be made.
    ConnectionError,
}

/// A gRPC status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrpcRetryEvent {
    /// 1.
    Cancelled,
    /// 4.
    DeadlineExceeded,
    /// 13.
    Internal,
    /// 8.
    ResourceExhausted,
    /// 14.
    Unavailable,
}

// === impl GrpcRetryEvent ===

impl GrpcRetryEvent {
    /// The API's word, which is Envoy's too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::Internal => "internal",
            Self::ResourceExhausted => "resource-exhausted",
            Self::Unavailable => "unavailable",
        }
    }
}
