//! How a virtual gateway meets clients from outside the mesh.

use crate::spec::Duration;
use serde::{Deserialize, Serialize};

/// How a virtual gateway meets clients from outside the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edge {
    /// Proxies in front of the gateway that write `X-Forwarded-For`. Absent: nothing is read or written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_hops: Option<u32>,
    /// Whether connections begin with the PROXY protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What becomes of `%2F` and `%5C` in paths. Absent: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escaped_slashes: Option<EscapedSlashes>,
    /// What becomes of headers with an underscore. Absent: they pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_with_underscores: Option<Underscores>,
    /// How long a request's headers may take. Absent: 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_headers_timeout: Option<Duration>,
    /// Requests at once on one HTTP/2 connection. Absent: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_streams: Option<u32>,
    /// The flow-control window of one HTTP/2 stream. Absent: 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_window_bytes: Option<u32>,
    /// The flow-control window of one HTTP/2 connection. Absent: 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_window_bytes: Option<u32>,
}

/// Whether connections begin with the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProxyProtocol {
    /// Where there is one it is read.
    Optional,
    /// A connection without it is closed.
    Required,
}

/// What becomes of escaped slashes and backslashes in paths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EscapedSlashes {
    /// They stay, and do not separate.
    #[default]
    KeepUnchanged,
    /// 400.
    RejectRequest,
    /// Routes and the application see slashes.
    UnescapeAndForward,
    /// The client is sent to the path with slashes.
    UnescapeAndRedirect,
}

/// What becomes of request headers with an underscore in their name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Underscores {
    /// They pass.
    #[default]
    Allow,
    /// They are taken away.
    DropHeader,
    /// 400.
    RejectRequest,
}
