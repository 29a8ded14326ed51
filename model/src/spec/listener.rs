//! Listeners: protocols, connection pools, timeouts.

use super::{ConnectionPool, Duration, ListenerTimeout, Protocol};
use std::fmt;

// === impl Protocol ===

impl Protocol {
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
