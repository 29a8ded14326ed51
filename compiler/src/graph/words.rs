//! What routes say, in words that fit beside an arrow.

use meshform_model::spec::{
    ClientPolicy, GatewayRouteRule, GatewayRouteSpec, GrpcRouteMatch, HeaderMatchMethod, HostnameMatch,
    HttpQueryParameter, HttpRouteHeader, HttpRouteMatch, ListenerTls, ListenerTlsMode, PathMatch,
    PortMapping, Protocol, RouteRule, RouteSpec, ServiceDiscovery,
};

/// Between the parts of a sentence.
pub(super) const DOT: &str = " · ";

/// Which requests a route takes.
pub(super) fn route_condition(rule: &RouteRule) -> String {
    let mut parts = Vec::new();
    match rule {
        RouteRule::Http(route) | RouteRule::Http2(route) => http(&route.r#match, &mut parts),
        RouteRule::Grpc(route) => grpc(&route.r#match, &mut parts),
        RouteRule::Tcp(_) => {}
    }
    parts.extend(rule.match_port().map(|port| format!("port {port}")));
    joined(parts, rule.protocol())
}

/// Which requests a gateway route takes.
pub(super) fn gateway_condition(rule: &GatewayRouteRule) -> String {
    let mut parts: Vec<String> = rule.hostname().map(host).into_iter().collect();
    match rule {
        GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => {
            let matches = &route.r#match;
            parts.extend(matches.method.map(|method| method.name().to_owned()));
            parts.extend(path(matches.path_match()));
            parts.extend(matches.headers.iter().map(|header| of_header("header", header)));
            parts.extend(matches.query_parameters.iter().map(query));
        }
        GatewayRouteRule::Grpc(route) => {
            let matches = &route.r#match;
            parts.extend(matches.service_name.as_ref().map(|name| format!("gRPC {name}")));
            parts.extend(
                matches
                    .metadata
                    .iter()
                    .map(|header| of_header("metadata", header)),
            );
        }
    }
    parts.extend(rule.match_port().map(|port| format!("port {port}")));
    joined(parts, rule.protocol())
}

fn joined(parts: Vec<String>, protocol: Protocol) -> String {
    if !parts.is_empty() {
        return parts.join(DOT);
    }
    match protocol {
        Protocol::Tcp => "every connection".to_owned(),
        Protocol::Grpc => "every call".to_owned(),
        Protocol::Http | Protocol::Http2 => "every request".to_owned(),
    }
}

fn http(matches: &HttpRouteMatch, parts: &mut Vec<String>) {
    parts.extend(matches.method.map(|method| method.name().to_owned()));
    parts.extend(path(matches.path_match()));
    parts.extend(matches.headers.iter().map(|header| of_header("header", header)));
    parts.extend(matches.query_parameters.iter().map(query));
    parts.extend(matches.scheme.map(|scheme| format!("scheme {}", scheme.name())));
}

fn grpc(matches: &GrpcRouteMatch, parts: &mut Vec<String>) {
    match (&matches.service_name, &matches.method_name) {
        (Some(service), Some(method)) => parts.push(format!("gRPC {service}/{method}")),
        (Some(service), None) => parts.push(format!("gRPC {service}")),
        (None, Some(method)) => parts.push(format!("gRPC method {method}")),
        (None, None) => {}
    }
    parts.extend(
        matches
            .metadata
            .iter()
            .map(|header| of_header("metadata", header)),
    );
}

/// The path; nothing where every path will do.
fn path(matches: PathMatch<'_>) -> Option<String> {
    match matches {
        PathMatch::Prefix("/") => None,
        PathMatch::Prefix(prefix) => Some(format!("path {prefix}…")),
        PathMatch::Exact(exact) => Some(format!("path is {exact}")),
        PathMatch::Regex(regex) => Some(format!("path matches {regex}")),
    }
}

fn host(matches: HostnameMatch<'_>) -> String {
    match matches {
        HostnameMatch::Exact(host) => format!("host {host}"),
        HostnameMatch::Suffix(suffix) => format!("host …{suffix}"),
    }
}

fn of_header(word: &str, header: &HttpRouteHeader) -> String {
    let name = &header.name;
    let (is, not) = if header.inverted() {
        ("is not", "not ")
    } else {
        ("is", "")
    };
    match &header.r#match {
        None if header.inverted() => format!("no {word} {name}"),
        None => format!("{word} {name}"),
        Some(HeaderMatchMethod::Exact(value)) => format!("{word} {name} {is} {value}"),
        Some(HeaderMatchMethod::Prefix(value)) => format!("{word} {name} {is} {value}…"),
        Some(HeaderMatchMethod::Suffix(value)) => format!("{word} {name} {is} …{value}"),
        Some(HeaderMatchMethod::Regex(regex)) => format!("{word} {name} {not}matches {regex}"),
        Some(HeaderMatchMethod::Range(range)) => {
            format!("{word} {name} {not}from {} to below {}", range.start, range.end)
        }
    }
}

fn query(parameter: &HttpQueryParameter) -> String {
    match parameter.exact() {
        Some(value) => format!("query {}={value}", parameter.name),
        None => format!("query {}", parameter.name),
    }
}

/// Retries and timeouts, where the route sets them.
pub(super) fn limits(rule: &RouteRule) -> Option<String> {
    let mut parts = Vec::new();
    if let Some((retries, each)) = rule.retries() {
        parts.push(format!("retry {retries}×, {} each", each));
    }
    parts.extend(rule.per_request().map(|timeout| format!("timeout {}", timeout)));
    parts.extend(rule.idle().map(|idle| format!("idle {}", idle)));
    (!parts.is_empty()).then(|| parts.join(DOT))
}

/// A route's name and its place in the order.
pub(super) fn route_name(name: &str, priority: Option<u16>) -> String {
    match priority {
        Some(priority) => format!("route {name}, priority {priority}"),
        None => format!("route {name}"),
    }
}

/// Everything that a route says, for whoever looks closer.
pub(super) fn route_title(name: &str, spec: &RouteSpec) -> String {
    let mut lines = vec![route_name(name, spec.priority), route_condition(&spec.rule)];
    for target in spec.rule.targets() {
        let port = target
            .port
            .map(|port| format!(" on port {port}"))
            .unwrap_or_default();
        lines.push(format!("weight {}: {}{port}", target.weight, target.virtual_node));
    }
    lines.extend(limits(&spec.rule));
    lines.join("\n")
}

/// Everything that a gateway route says.
pub(super) fn gateway_route_title(name: &str, spec: &GatewayRouteSpec) -> String {
    let target = &spec.rule.target().virtual_service.virtual_service_name;
    let name = format!("gateway {}", route_name(name, spec.priority));
    [name, gateway_condition(&spec.rule), format!("to {target}")].join("\n")
}

/// A port as a card says it: `http 8080`.
pub(super) fn port(mapping: PortMapping) -> String {
    format!("{} {}", mapping.protocol, mapping.port)
}

/// What a listener's TLS is, where it is on.
pub(super) fn listener_tls(tls: Option<&ListenerTls>) -> Option<String> {
    let tls = tls?;
    let mode = match tls.mode {
        ListenerTlsMode::Strict => "TLS",
        ListenerTlsMode::Permissive => "TLS or plain",
        ListenerTlsMode::Disabled => return None,
    };
    let mutual = if tls.validation.is_some() {
        ", callers show a certificate"
    } else {
        ""
    };
    Some(format!("{mode}{mutual}"))
}

/// Whether calls are encrypted by that policy.
pub(super) fn calls_by_tls(policy: Option<&ClientPolicy>) -> bool {
    let tls = policy.and_then(|policy| policy.tls.as_ref());
    tls.is_some_and(|tls| tls.enforce.unwrap_or(true))
}

/// Where a node is found.
pub(super) fn discovery(discovery: &ServiceDiscovery) -> String {
    match discovery {
        ServiceDiscovery::Dns(dns) => dns.hostname.clone(),
        ServiceDiscovery::AwsCloudMap(_) => format!("{} (Cloud Map)", discovery.name()),
    }
}
