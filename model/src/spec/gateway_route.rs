//! The spec of a gateway route.

use super::{
    GatewayRouteHostnameMatch, GatewayRouteRule, GatewayRouteTarget, HttpGatewayRouteMatch, PathMatch,
    Protocol, Switch,
};

/// What a match says of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostnameMatch<'a> {
    Exact(&'a str),
    /// A host that ends so.
    Suffix(&'a str),
}

// === impl GatewayRouteRule ===

impl GatewayRouteRule {
    /// The protocol it is for.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Http(_) => Protocol::Http,
            Self::Http2(_) => Protocol::Http2,
            Self::Grpc(_) => Protocol::Grpc,
        }
    }

    pub fn target(&self) -> &GatewayRouteTarget {
        match self {
            Self::Http(route) | Self::Http2(route) => &route.action.target,
            Self::Grpc(route) => &route.action.target,
        }
    }

    /// The gateway's port that it is for, where it says one.
    pub fn match_port(&self) -> Option<u16> {
        match self {
            Self::Http(route) | Self::Http2(route) => route.r#match.port,
            Self::Grpc(route) => route.r#match.port,
        }
    }

    /// The host that it is for; `None`: any.
    pub fn hostname(&self) -> Option<HostnameMatch<'_>> {
        let hostname = match self {
            Self::Http(route) | Self::Http2(route) => &route.r#match.hostname,
            Self::Grpc(route) => &route.r#match.hostname,
        };
        hostname.as_ref().and_then(GatewayRouteHostnameMatch::get)
    }

    /// Whether the host becomes the virtual service's name.
    pub fn rewrites_hostname(&self) -> bool {
        let hostname = match self {
            Self::Http(route) | Self::Http2(route) => {
                route.action.rewrite.as_ref().and_then(|r| r.hostname.as_ref())
            }
            Self::Grpc(route) => route.action.rewrite.as_ref().and_then(|r| r.hostname.as_ref()),
        };
        hostname.and_then(|h| h.default_target_hostname) != Some(Switch::Disabled)
    }
}

// === impl HttpGatewayRouteMatch ===

impl HttpGatewayRouteMatch {
    /// What it says of the path.
    pub fn path_match(&self) -> PathMatch<'_> {
        PathMatch::of(self.prefix.as_ref(), self.path.as_ref())
    }
}

// === impl GatewayRouteHostnameMatch ===

impl GatewayRouteHostnameMatch {
    pub fn get(&self) -> Option<HostnameMatch<'_>> {
        match (&self.exact, &self.suffix) {
            (Some(exact), _) => Some(HostnameMatch::Exact(exact)),
            (None, Some(suffix)) => Some(HostnameMatch::Suffix(suffix)),
            (None, None) => None,
        }
    }
}
