//! What a resource says, typed: for the code that must think about a mesh.
//!
//! The structs follow the canonical form, which is the API's JSON, shape by shape; `schemas/` stays the source
//! of truth and a test holds the two together. They are made from trees that field-level validation has
//! passed, so they carry types and unions, not bounds. A group of which exactly one must be there is an enum;
//! a group of which at most one may be there stays a pair of options with a method that tells which.
//!
//! What App Mesh defined several times with the same fields (TLS of nodes and gateways, HTTP and gRPC
//! timeouts, header and metadata matchers) stands here once.

mod access_log;
mod duration;
mod extensions;
mod gateway_route;
mod listener;
mod matching;
mod mesh;
mod proxy_profile;
mod retry;
mod route;
mod tls;
mod virtual_gateway;
mod virtual_node;
mod virtual_router;
mod virtual_service;

pub use access_log::{AccessLog, FileAccessLog, JsonFormatRef, Logging, LoggingFormat};
pub use duration::{Duration, DurationUnit};
pub use extensions::{
    AllowedEgress, Extensions, ListenerExtensions, ListenerLimits, LoadBalancing, MeshExtensions,
    ReleasePolicy, RetryBackOff, RouteExtensions, VirtualGatewayExtensions, VirtualNodeExtensions,
};
pub use gateway_route::{
    GatewayRouteHostnameMatch, GatewayRouteHostnameRewrite, GatewayRouteRule, GatewayRouteSpec,
    GatewayRouteTarget, GatewayRouteVirtualService, GrpcGatewayRoute, GrpcGatewayRouteAction,
    GrpcGatewayRouteMatch, GrpcGatewayRouteRewrite, HostnameMatch, HttpGatewayRoute, HttpGatewayRouteAction,
    HttpGatewayRouteMatch, HttpGatewayRoutePathRewrite, HttpGatewayRoutePrefixRewrite,
    HttpGatewayRouteRewrite, Switch,
};
pub use listener::{
    ConnectionPool, GrpcTimeout, HealthCheckPolicy, HttpConnectionPool, HttpTimeout, Listener,
    ListenerTimeout, OutlierDetection, PortMapping, Protocol, RequestPool, TcpConnectionPool, TcpTimeout,
};
pub use matching::{
    GrpcRouteMetadata, HeaderMatchMethod, HttpMethod, HttpPathMatch, HttpQueryParameter, HttpRouteHeader,
    HttpScheme, MatchRange, PathMatch, QueryParameterMatch,
};
pub use mesh::{EgressFilter, EgressFilterType, IpPreference, MeshServiceDiscovery, MeshSpec};
pub use proxy_profile::{
    Admin, AppPort, AppPorts, Certificate, CertificateFiles, CertificateSource, ControlPlane,
    ControlPlaneTls, DEFAULT_IMAGE, DEFAULT_MAX_ENVOY, DEFAULT_MIN_ENVOY, DatadogTracing, DogStatsD, Drain,
    Edge, EndpointAddress, EnvoyVersionRange, EscapedSlashes, ExplicitInterception, ExplicitService,
    Interception, Limits, LogLevel, Metrics, OpenTelemetryTracing, ProxyProfileSpec, ProxyProtocol,
    SdsSecret, StaticEndpoints, Tracing, TransparentInterception, Underscores, XrayTracing, ZipkinTracing,
};
pub use retry::{GrpcRetryEvent, GrpcRetryPolicy, HttpRetryPolicy, TcpRetryEvent};
pub use route::{
    GrpcRoute, GrpcRouteMatch, HttpRoute, HttpRouteMatch, RouteAction, RouteRule, RouteSpec, TcpRoute,
    TcpRouteMatch, WeightedTarget,
};
pub use tls::{
    AcmCertificate, AcmTrust, ClientCertificate, ClientPolicy, ClientPolicyTls, ClientTrust, FileCertificate,
    FileTrust, ListenerCertificate, ListenerTls, ListenerTlsMode, ListenerTrust, ListenerValidation,
    SdsReference, SubjectAlternativeNameMatchers, SubjectAlternativeNames, TlsValidationContext,
};
pub use virtual_gateway::{BackendDefaults, VirtualGatewayListener, VirtualGatewaySpec};
pub use virtual_node::{
    AwsCloudMapInstanceAttribute, AwsCloudMapServiceDiscovery, Backend, DnsResponseType, DnsServiceDiscovery,
    ServiceDiscovery, VirtualNodeSpec, VirtualServiceBackend,
};
pub use virtual_router::{VirtualRouterListener, VirtualRouterSpec};
pub use virtual_service::{
    VirtualNodeServiceProvider, VirtualRouterServiceProvider, VirtualServiceProvider, VirtualServiceSpec,
};

use crate::diag::{Diagnostic, Place};
use crate::kind::Kind;
use crate::pointer::Pointer;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The spec of a resource of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// Of a mesh.
    Mesh(MeshSpec),
    /// Of a virtual service.
    VirtualService(VirtualServiceSpec),
    /// Of a virtual node.
    VirtualNode(VirtualNodeSpec),
    /// Of a virtual router.
    VirtualRouter(VirtualRouterSpec),
    /// Of a route.
    Route(RouteSpec),
    /// Of a virtual gateway.
    VirtualGateway(VirtualGatewaySpec),
    /// Of a gateway route.
    GatewayRoute(GatewayRouteSpec),
    /// Of a proxy profile.
    ProxyProfile(Box<ProxyProfileSpec>),
}

// === impl Spec ===

impl Spec {
    /// Reads the canonical form, the object under `spec`. Null is an empty mesh's spec.
    ///
    /// Field-level validation comes first and says more: what fails here is one problem without a precise
    /// place.
    pub fn from_json(kind: Kind, json: &serde_json::Value) -> Result<Self, Diagnostic> {
        Ok(match kind {
            Kind::Mesh if json.is_null() => Self::Mesh(MeshSpec::default()),
            Kind::Mesh => Self::Mesh(read(kind, json)?),
            Kind::VirtualService => Self::VirtualService(read(kind, json)?),
            Kind::VirtualNode => Self::VirtualNode(read(kind, json)?),
            Kind::VirtualRouter => Self::VirtualRouter(read(kind, json)?),
            Kind::Route => Self::Route(read(kind, json)?),
            Kind::VirtualGateway => Self::VirtualGateway(read(kind, json)?),
            Kind::GatewayRoute => Self::GatewayRoute(read(kind, json)?),
            Kind::ProxyProfile => Self::ProxyProfile(Box::new(read(kind, json)?)),
        })
    }

    /// The canonical form, as [`from_json`](Self::from_json) reads it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Mesh(spec) => write(spec),
            Self::VirtualService(spec) => write(spec),
            Self::VirtualNode(spec) => write(spec),
            Self::VirtualRouter(spec) => write(spec),
            Self::Route(spec) => write(spec),
            Self::VirtualGateway(spec) => write(spec),
            Self::GatewayRoute(spec) => write(spec),
            Self::ProxyProfile(spec) => write(spec),
        }
    }

    /// Of which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Mesh(_) => Kind::Mesh,
            Self::VirtualService(_) => Kind::VirtualService,
            Self::VirtualNode(_) => Kind::VirtualNode,
            Self::VirtualRouter(_) => Kind::VirtualRouter,
            Self::Route(_) => Kind::Route,
            Self::VirtualGateway(_) => Kind::VirtualGateway,
            Self::GatewayRoute(_) => Kind::GatewayRoute,
            Self::ProxyProfile(_) => Kind::ProxyProfile,
        }
    }
}

fn read<T: DeserializeOwned>(kind: Kind, json: &serde_json::Value) -> Result<T, Diagnostic> {
    read_part(kind, "spec", json)
}

/// Reads what stands under `part` of a resource.
fn read_part<T: DeserializeOwned>(
    kind: Kind,
    part: &'static str,
    json: &serde_json::Value,
) -> Result<T, Diagnostic> {
    T::deserialize(json).map_err(|error| {
        Diagnostic::error(
            crate::codes::SHAPE,
            format!("the {part} does not have the shape of a {kind}'s: {error}"),
        )
        .help("validate the document first: validation names the field")
        .at(Place::at(&Pointer::root().field(part), None))
    })
}

/// Structs of strings, numbers and lists with string keys: nothing in them can fail to serialise.
fn write<T: Serialize>(spec: &T) -> serde_json::Value {
    serde_json::to_value(spec).unwrap_or_default()
}

#[cfg(test)]
mod tests;
