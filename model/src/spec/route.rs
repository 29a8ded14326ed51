//! The spec of a route.

use super::{
    Duration, GrpcRetryPolicy, GrpcRouteMetadata, GrpcTimeout, HttpMethod, HttpPathMatch, HttpQueryParameter,
    HttpRetryPolicy, HttpRouteHeader, HttpScheme, HttpTimeout, PathMatch, Protocol, TcpTimeout,
};
use serde::{Deserialize, Serialize};

/// Which requests a router sends where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct RouteSpec {
    /// Lower goes first; routes without one go last.
    pub priority: Option<u16>,
    /// What is matched and done, by protocol.
    pub rule: RouteRule,
}

/// What is matched and done, by protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteRule {
    /// For HTTP/1.1 (`httpRoute`).
    Http(HttpRoute),
    /// For HTTP/2 (`http2Route`).
    Http2(HttpRoute),
    /// For gRPC (`grpcRoute`).
    Grpc(GrpcRoute),
    /// For TCP (`tcpRoute`).
    Tcp(TcpRoute),
}

/// A rule for HTTP/1.1 and HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRoute {
    /// Which requests.
    pub r#match: HttpRouteMatch,
    /// Where they go.
    pub action: RouteAction,
    /// When they are tried again; absent: twice, after failures that are known to be safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<HttpRetryPolicy>,
    /// How long they may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HttpTimeout>,
}

/// Which requests over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRouteMatch {
    /// Whose path begins so; plain text, so `/a` also matches `/ab`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whose whole path is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathMatch>,
    /// With these headers, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpRouteHeader>,
    /// With these query parameters, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_parameters: Vec<HttpQueryParameter>,
    /// With this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<HttpMethod>,
    /// With this scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<HttpScheme>,
    /// On this port of the router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Where what matches goes, for every protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteAction {
    /// The nodes, each with its share.
    pub weighted_targets: Vec<WeightedTarget>,
}

/// A node and its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeightedTarget {
    /// The node's name.
    pub virtual_node: String,
    /// Its share, relative to the sum of all.
    pub weight: u32,
    /// The node's port; needed when it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A rule for gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcRoute {
    /// Which calls.
    #[serde(default)]
    pub r#match: GrpcRouteMatch,
    /// Where they go.
    pub action: RouteAction,
    /// When they are tried again; absent: twice, after failures that are known to be safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<GrpcRetryPolicy>,
    /// How long they may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GrpcTimeout>,
}

/// Which gRPC calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcRouteMatch {
    /// Of this service, with its package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Of this method of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_name: Option<String>,
    /// With this metadata, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<GrpcRouteMetadata>,
    /// On this port of the router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A rule for TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpRoute {
    /// Which connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#match: Option<TcpRouteMatch>,
    /// Where they go.
    pub action: RouteAction,
    /// How long they may be silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TcpTimeout>,
}

/// Which connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpRouteMatch {
    /// On this port of the router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The spec as it is written: one of the four beside the priority.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_route: Option<HttpRoute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http2_route: Option<HttpRoute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grpc_route: Option<GrpcRoute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tcp_route: Option<TcpRoute>,
}

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

    /// The field of the spec that holds it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Http(_) => "httpRoute",
            Self::Http2(_) => "http2Route",
            Self::Grpc(_) => "grpcRoute",
            Self::Tcp(_) => "tcpRoute",
        }
    }

    /// Where what matches goes.
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

// === impl Fields ===

impl TryFrom<Fields> for RouteSpec {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let mut rules = [
            fields.http_route.map(RouteRule::Http),
            fields.http2_route.map(RouteRule::Http2),
            fields.grpc_route.map(RouteRule::Grpc),
            fields.tcp_route.map(RouteRule::Tcp),
        ]
        .into_iter()
        .flatten();
        match (rules.next(), rules.next()) {
            (Some(rule), None) => Ok(Self {
                priority: fields.priority,
                rule,
            }),
            _ => Err("exactly one of httpRoute, http2Route, grpcRoute, tcpRoute must be there"),
        }
    }
}

impl From<RouteSpec> for Fields {
    fn from(spec: RouteSpec) -> Self {
        let mut fields = Self {
            priority: spec.priority,
            ..Self::default()
        };
        match spec.rule {
            RouteRule::Http(route) => fields.http_route = Some(route),
            RouteRule::Http2(route) => fields.http2_route = Some(route),
            RouteRule::Grpc(route) => fields.grpc_route = Some(route),
            RouteRule::Tcp(route) => fields.tcp_route = Some(route),
        }
        fields
    }
}
