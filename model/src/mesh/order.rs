//! In which order the routes of a router or a gateway are tried.
//!
//! Envoy takes the first route that matches, so the order must be total and must not depend on who wrote what
//! first. App Mesh fixed only its beginning (the priority, and longer prefixes before shorter ones); this is
//! all of it:
//!
//! 1. the priority, lower first; routes without one after all that have one;
//! 2. what is said of the path: an exact path, then a regular expression, then a prefix, the longer first. A
//!    gRPC service with a method is an exact path, a service alone a prefix, nothing the prefix `/`;
//! 3. how many other things are asked for (headers, query parameters, metadata, method, scheme, host), the
//!    more first;
//! 4. the name.

use crate::spec::{
    GatewayRouteRule, GatewayRouteSpec, GrpcRouteMatch, HttpGatewayRouteMatch, HttpRouteMatch, PathMatch,
    RouteRule, RouteSpec,
};
use std::cmp::Reverse;

/// A route's place in the order; the smaller goes first. The name decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteRank {
    /// Absent counts as after all others.
    priority: u32,
    path: PathRank,
    conditions: Reverse<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    Exact,
    Regex,
    Prefix(Reverse<usize>),
}

/// A route's place among those of its router.
pub fn route_rank(spec: &RouteSpec) -> RouteRank {
    let (path, conditions) = match &spec.rule {
        RouteRule::Http(route) | RouteRule::Http2(route) => (
            PathRank::of(route.r#match.path_match()),
            http_conditions(&route.r#match),
        ),
        RouteRule::Grpc(route) => grpc(
            route.r#match.service_name.as_deref(),
            route.r#match.method_name.as_deref(),
            grpc_conditions(&route.r#match),
        ),
        RouteRule::Tcp(_) => (PathRank::of(PathMatch::Prefix("")), 0),
    };
    RouteRank::new(spec.priority, path, conditions)
}

/// A gateway route's place among those of its gateway.
pub fn gateway_route_rank(spec: &GatewayRouteSpec) -> RouteRank {
    let (path, conditions) = match &spec.rule {
        GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => (
            PathRank::of(route.r#match.path_match()),
            gateway_conditions(&route.r#match),
        ),
        GatewayRouteRule::Grpc(route) => grpc(
            route.r#match.service_name.as_deref(),
            None,
            route.r#match.metadata.len(),
        ),
    };
    let host = usize::from(spec.rule.hostname().is_some());
    RouteRank::new(spec.priority, path, conditions + host)
}

fn http_conditions(m: &HttpRouteMatch) -> usize {
    m.headers.len()
        + m.query_parameters.len()
        + usize::from(m.method.is_some())
        + usize::from(m.scheme.is_some())
}

fn gateway_conditions(m: &HttpGatewayRouteMatch) -> usize {
    m.headers.len() + m.query_parameters.len() + usize::from(m.method.is_some())
}

fn grpc_conditions(m: &GrpcRouteMatch) -> usize {
    m.metadata.len()
}

/// How Envoy sees a gRPC match: the path `/service/method`, the prefix `/service/`, or the prefix `/`.
fn grpc(service: Option<&str>, method: Option<&str>, conditions: usize) -> (PathRank, usize) {
    let path = match (service, method) {
        (Some(_), Some(_)) => PathRank::Exact,
        (Some(service), None) => PathRank::Prefix(Reverse(service.len() + 2)),
        (None, _) => PathRank::Prefix(Reverse(1)),
    };
    (path, conditions)
}

// === impl RouteRank ===

impl RouteRank {
    fn new(priority: Option<u16>, path: PathRank, conditions: usize) -> Self {
        Self {
            priority: priority.map_or(u32::MAX, u32::from),
            path,
            conditions: Reverse(conditions),
        }
    }
}

// === impl PathRank ===

impl PathRank {
    fn of(path: PathMatch<'_>) -> Self {
        match path {
            PathMatch::Exact(_) => Self::Exact,
            PathMatch::Regex(_) => Self::Regex,
            PathMatch::Prefix(prefix) => Self::Prefix(Reverse(prefix.len())),
        }
    }
}
