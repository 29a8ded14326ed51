//! The spec of a route.

use super::{Duration, HttpRouteMatch, PathMatch, Protocol, RouteRule, WeightedTarget};

// === impl RouteRule ===

impl RouteRule {
    /// The protocol it is for.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Http(_) => Protocol::Http,
            Self::Http2(_) => Protocol::Http2,
            Self::Grpc(_) => Protocol::Grpc,
            Self::Tcp(_) => Protocol::Tcp,
        }
    }

    pub fn targets(&self) -> &[WeightedTarget] {
        let action = match self {
            Self::Http(route) | Self::Http2(route) => &route.action,
            Self::Grpc(route) => &route.action,
            Self::Tcp(route) => &route.action,
        };
        &action.weighted_targets
    }

    /// The router's port that it is for, where it says one.
    pub fn match_port(&self) -> Option<u16> {
        match self {
            Self::Http(route) | Self::Http2(route) => route.r#match.port,
            Self::Grpc(route) => route.r#match.port,
            Self::Tcp(route) => route.r#match.as_ref().and_then(|m| m.port),
        }
    }

    /// How often and how long is tried, where it says so.
    pub fn retries(&self) -> Option<(u64, Duration)> {
        match self {
            Self::Http(route) | Self::Http2(route) => route
                .retry_policy
                .as_ref()
                .map(|policy| (policy.max_retries, policy.per_retry_timeout)),
            Self::Grpc(route) => route
                .retry_policy
                .as_ref()
                .map(|policy| (policy.max_retries, policy.per_retry_timeout)),
            Self::Tcp(_) => None,
        }
    }

    /// How long one request may last, where it says so.
    pub fn per_request(&self) -> Option<Duration> {
        match self {
            Self::Http(route) | Self::Http2(route) => route.timeout.as_ref().and_then(|t| t.per_request),
            Self::Grpc(route) => route.timeout.as_ref().and_then(|t| t.per_request),
            Self::Tcp(_) => None,
        }
    }

    /// How long a stream or a connection may be silent, where it says so.
    pub fn idle(&self) -> Option<Duration> {
        match self {
            Self::Http(route) | Self::Http2(route) => route.timeout.as_ref().and_then(|t| t.idle),
            Self::Grpc(route) => route.timeout.as_ref().and_then(|t| t.idle),
            Self::Tcp(route) => route.timeout.as_ref().and_then(|t| t.idle),
        }
    }
}

// === impl HttpRouteMatch ===

impl HttpRouteMatch {
    /// What it says of the path.
    pub fn path_match(&self) -> PathMatch<'_> {
        PathMatch::of(self.prefix.as_ref(), self.path.as_ref())
    }
}
