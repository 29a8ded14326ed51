//! Matchers: from the model's matches to ours.

use crate::ir::route::{HeaderMatch, Matcher, PathMatch, QueryMatch, ValueMatch};
use meshform_model::spec::{
    self, GrpcGatewayRouteMatch, GrpcRouteMatch, HeaderMatchMethod, HttpGatewayRouteMatch,
    HttpQueryParameter, HttpRouteHeader, HttpRouteMatch,
};
use std::cmp::Ordering;

pub(crate) fn http(of: &HttpRouteMatch) -> Matcher {
    let mut headers = header_list(&of.headers);
    headers.extend(of.method.map(|method| pseudo(":method", method.name())));
    headers.extend(of.scheme.map(|scheme| pseudo(":scheme", scheme.name())));
    finish(path(of.path_match()), false, headers, &of.query_parameters)
}

pub(crate) fn http_gateway(of: &HttpGatewayRouteMatch) -> Matcher {
    let mut headers = header_list(&of.headers);
    headers.extend(of.method.map(|method| pseudo(":method", method.name())));
    finish(path(of.path_match()), false, headers, &of.query_parameters)
}

pub(crate) fn grpc(of: &GrpcRouteMatch) -> Matcher {
    let path = grpc_path(of.service_name.as_deref(), of.method_name.as_deref());
    finish(path, true, header_list(&of.metadata), &[])
}

pub(crate) fn grpc_gateway(of: &GrpcGatewayRouteMatch) -> Matcher {
    let path = grpc_path(of.service_name.as_deref(), None);
    finish(path, true, header_list(&of.metadata), &[])
}

pub(crate) fn everything() -> Matcher {
    finish(PathMatch::Prefix("/".to_owned()), false, Vec::new(), &[])
}

fn grpc_path(service: Option<&str>, method: Option<&str>) -> PathMatch {
    match (service, method) {
        (Some(service), Some(method)) => PathMatch::Exact(format!("/{service}/{method}")),
        (Some(service), None) => PathMatch::Prefix(format!("/{service}/")),
        (None, _) => PathMatch::Prefix("/".to_owned()),
    }
}

/// Conditions are an "and": their order has no meaning, so it is ours.
fn finish(
    path: PathMatch,
    grpc: bool,
    mut headers: Vec<HeaderMatch>,
    query: &[HttpQueryParameter],
) -> Matcher {
    headers.sort_by(header_order);
    let mut query: Vec<QueryMatch> = query
        .iter()
        .map(|parameter| QueryMatch {
            name: parameter.name.clone(),
            exact: parameter.exact().map(str::to_owned),
        })
        .collect();
    query.sort_by(|a, b| (&a.name, &a.exact).cmp(&(&b.name, &b.exact)));
    Matcher {
        path,
        grpc,
        headers,
        query,
    }
}

fn header_order(a: &HeaderMatch, b: &HeaderMatch) -> Ordering {
    let text = |header: &HeaderMatch| format!("{:?}", header.value);
    (&a.name, a.invert, text(a)).cmp(&(&b.name, b.invert, text(b)))
}

fn path(of: spec::PathMatch<'_>) -> PathMatch {
    match of {
        spec::PathMatch::Exact(path) => PathMatch::Exact(path.to_owned()),
        spec::PathMatch::Regex(pattern) => PathMatch::Regex(pattern.to_owned()),
        spec::PathMatch::Prefix(prefix) => PathMatch::Prefix(prefix.to_owned()),
    }
}

fn header_list(headers: &[HttpRouteHeader]) -> Vec<HeaderMatch> {
    headers
        .iter()
        .map(|header| HeaderMatch {
            name: header.name.clone(),
            invert: header.inverted(),
            value: match &header.r#match {
                None => ValueMatch::Present,
                Some(HeaderMatchMethod::Exact(value)) => ValueMatch::Exact(value.clone()),
                Some(HeaderMatchMethod::Prefix(value)) => ValueMatch::Prefix(value.clone()),
                Some(HeaderMatchMethod::Suffix(value)) => ValueMatch::Suffix(value.clone()),
                Some(HeaderMatchMethod::Regex(pattern)) => ValueMatch::Regex(pattern.clone()),
                Some(HeaderMatchMethod::Range(range)) => ValueMatch::Range {
                    start: range.start,
                    end: range.end,
                },
            },
        })
        .collect()
}

fn pseudo(name: &str, value: &str) -> HeaderMatch {
    HeaderMatch {
        name: name.to_owned(),
        value: ValueMatch::Exact(value.to_owned()),
        invert: false,
    }
}
