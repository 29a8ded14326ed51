//! The spec of a gateway route.

use super::{
    GrpcRouteMetadata, HttpMethod, HttpPathMatch, HttpQueryParameter, HttpRouteHeader, PathMatch, Protocol,
};
use serde::{Deserialize, Serialize};

/// Which requests a gateway sends to which virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct GatewayRouteSpec {
    /// Lower goes first; routes without one go last.
    pub priority: Option<u16>,
    /// What is matched and done, by protocol.
    pub rule: GatewayRouteRule,
}

/// What is matched and done, by protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayRouteRule {
    /// For HTTP/1.1 (`httpRoute`).
    Http(HttpGatewayRoute),
    /// For HTTP/2 (`http2Route`).
    Http2(HttpGatewayRoute),
    /// For gRPC (`grpcRoute`).
    Grpc(GrpcGatewayRoute),
}

/// A rule for HTTP/1.1 and HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGatewayRoute {
    /// Which requests.
    pub r#match: HttpGatewayRouteMatch,
    /// Where they go and how they are changed.
    pub action: HttpGatewayRouteAction,
}

/// Which requests over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGatewayRouteMatch {
    /// Whose path begins so; plain text, so `/a` also matches `/ab`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whose whole path is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathMatch>,
    /// To this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<GatewayRouteHostnameMatch>,
    /// With these headers, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpRouteHeader>,
    /// With these query parameters, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_parameters: Vec<HttpQueryParameter>,
    /// With this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<HttpMethod>,
    /// On this port of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The host that a request is for.
///
/// At most one of the two is there; see [`HostnameMatch`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRouteHostnameMatch {
    /// This host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// A host that ends so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

/// What a match says of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostnameMatch<'a> {
    /// This host.
    Exact(&'a str),
    /// A host that ends so.
    Suffix(&'a str),
}

/// Where requests over HTTP go and how they are changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGatewayRouteAction {
    /// Where they go.
    pub target: GatewayRouteTarget,
    /// How they are changed; absent: the prefix becomes `/` and the host the virtual service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<HttpGatewayRouteRewrite>,
}

/// A virtual service as target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRouteTarget {
    /// Which.
    pub virtual_service: GatewayRouteVirtualService,
    /// On which port of its provider; needed when that has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A virtual service by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRouteVirtualService {
    /// Its name.
    pub virtual_service_name: String,
}

/// How requests over HTTP are changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGatewayRouteRewrite {
    /// What the matched prefix becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<HttpGatewayRoutePrefixRewrite>,
    /// What the whole path becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpGatewayRoutePathRewrite>,
    /// What the host becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<GatewayRouteHostnameRewrite>,
}

/// What the matched prefix becomes. At most one of the two is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGatewayRoutePrefixRewrite {
    /// Whether it becomes `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_prefix: Option<Switch>,
    /// What it becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What the whole path becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGatewayRoutePathRewrite {
    /// This.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
}

/// What the host becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRouteHostnameRewrite {
    /// Whether it becomes the virtual service's name. Absent: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_target_hostname: Option<Switch>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Switch {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// A rule for gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcGatewayRoute {
    /// Which calls.
    #[serde(default)]
    pub r#match: GrpcGatewayRouteMatch,
    /// Where they go and how they are changed.
    pub action: GrpcGatewayRouteAction,
}

/// Which gRPC calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcGatewayRouteMatch {
    /// Of this service, with its package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// To this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<GatewayRouteHostnameMatch>,
    /// With this metadata, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<GrpcRouteMetadata>,
    /// On this port of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Where gRPC calls go and how they are changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcGatewayRouteAction {
    /// Where they go.
    pub target: GatewayRouteTarget,
    /// How they are changed; absent: the host becomes the virtual service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<GrpcGatewayRouteRewrite>,
}

/// How gRPC calls are changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcGatewayRouteRewrite {
    /// What the host becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<GatewayRouteHostnameRewrite>,
}

/// The spec as it is written: one of the three beside the priority.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_route: Option<HttpGatewayRoute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http2_route: Option<HttpGatewayRoute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grpc_route: Option<GrpcGatewayRoute>,
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

    /// The field of the spec that holds it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Http(_) => "httpRoute",
            Self::Http2(_) => "http2Route",
            Self::Grpc(_) => "grpcRoute",
        }
    }

    /// Where what matches goes.
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
    /// What it says.
    pub fn get(&self) -> Option<HostnameMatch<'_>> {
        match (&self.exact, &self.suffix) {
            (Some(exact), _) => Some(HostnameMatch::Exact(exact)),
            (None, Some(suffix)) => Some(HostnameMatch::Suffix(suffix)),
            (None, None) => None,
        }
    }
}

// === impl Fields ===

impl TryFrom<Fields> for GatewayRouteSpec {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let mut rules = [
            fields.http_route.map(GatewayRouteRule::Http),
            fields.http2_route.map(GatewayRouteRule::Http2),
            fields.grpc_route.map(GatewayRouteRule::Grpc),
        ]
        .into_iter()
        .flatten();
        match (rules.next(), rules.next()) {
            (Some(rule), None) => Ok(Self {
                priority: fields.priority,
                rule,
            }),
            _ => Err("exactly one of httpRoute, http2Route, grpcRoute must be there"),
        }
    }
}

impl From<GatewayRouteSpec> for Fields {
    fn from(spec: GatewayRouteSpec) -> Self {
        let mut fields = Self {
            priority: spec.priority,
            ..Self::default()
        };
        match spec.rule {
            GatewayRouteRule::Http(route) => fields.http_route = Some(route),
            GatewayRouteRule::Http2(route) => fields.http2_route = Some(route),
            GatewayRouteRule::Grpc(route) => fields.grpc_route = Some(route),
        }
        fields
    }
}
