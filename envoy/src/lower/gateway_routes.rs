//! The first pass of a gateway: from its routes to virtual hosts, with what becomes of host and path.

use super::upstream::{Upstream, UpstreamKind};
use super::{names, timeout};
use crate::ir::Origin;
use crate::ir::route::{
    Action, HeaderMatch, Matcher, PathMatch, PathRewrite, Route, Target, ValueMatch, VirtualHost,
};
use meshform_model::spec::{GatewayRouteRule, GatewayRouteSpec, HostnameMatch, HttpGatewayRoute, Switch};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A gateway route whose virtual service has been resolved.
pub(crate) struct Rule<'a> {
    pub(crate) spec: &'a GatewayRouteSpec,
    pub(crate) origin: Origin,
    pub(crate) matcher: Matcher,
    pub(crate) upstream: Arc<Upstream>,
    /// How the second pass knows the service: its name, with the port where that is needed.
    pub(crate) selector: String,
}

/// The virtual host of every name.
const SELF_REDIRECT: &str = "self_redirect";

/// Which hosts a virtual host of the first pass stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum HostKey {
    Exact(String),
    Suffix(String),
    Any,
}

impl HostKey {
    /// The key as an entry of Envoy's `domains`: `a.example`, `*.example`, `*`.
    fn domain(&self) -> String {
        match self {
            Self::Exact(host) => host.clone(),
            Self::Suffix(suffix) => format!("*{suffix}"),
            Self::Any => "*".to_owned(),
        }
    }
}

/// Every host that a route names has a virtual host of its own, with every route that could be meant, in the one
/// order; so a route without host name also serves named hosts. The table looks hosts up without their port, so a
/// route that names a port asks for it itself.
pub(crate) fn hosts(rules: &[&Rule<'_>], redirect: &str, origin: &Origin) -> Vec<Arc<VirtualHost>> {
    let rules: Vec<(HostMatch, &Rule<'_>)> = rules.iter().map(|rule| (named(rule), *rule)).collect();
    let keys: BTreeSet<&HostKey> = rules.iter().map(|(named, _)| &named.host).collect();
    keys.into_iter()
        .map(|key| {
            let routes = rules
                .iter()
                .filter(|(named, _)| serves(&named.host, key))
                .flat_map(|(named, rule)| {
                    let mut routes = routes(rule, redirect);
                    for route in &mut routes {
                        route.matcher.headers.extend(named.authority.clone());
                    }
                    routes
                })
                .collect();
            let domain = key.domain();
            let name = match key {
                HostKey::Any => SELF_REDIRECT.to_owned(),
                HostKey::Exact(_) | HostKey::Suffix(_) => format!("{SELF_REDIRECT}_{domain}"),
            };
            Arc::new(VirtualHost {
                name,
                origin: origin.clone(),
                domains: vec![domain],
                routes,
            })
        })
        .collect()
}

/// What a route says of the host.
struct HostMatch {
    host: HostKey,
    /// The port, where the route has one.
    authority: Option<HeaderMatch>,
}

fn named(rule: &Rule<'_>) -> HostMatch {
    let (suffix, text) = match rule.spec.rule.hostname() {
        None => (true, ""),
        Some(HostnameMatch::Exact(host)) => match host.strip_prefix('*') {
            None => (false, host),
            Some(suffix) => (true, suffix),
        },
        Some(HostnameMatch::Suffix(suffix)) => (true, suffix.strip_prefix('*').unwrap_or(suffix)),
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let (host, has_port) = match text.rsplit_once(':') {
        Some((host, port)) if digits(port) => (host, true),
        _ => (text, false),
    };
    let authority = has_port.then(|| HeaderMatch {
        name: ":authority".to_owned(),
        value: ValueMatch::Regex(format!("(?i){}{}", if suffix { ".*" } else { "" }, quoted(text))),
        invert: false,
    });
    let host = match (suffix, host.to_lowercase()) {
        (true, host) if host.is_empty() => HostKey::Any,
        (true, host) => HostKey::Suffix(host),
        (false, host) => HostKey::Exact(host),
    };
    HostMatch { host, authority }
}

/// A text as a regular expression that matches it alone.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Whether a route for `of` could be meant by a request to `host`.
fn serves(of: &HostKey, host: &HostKey) -> bool {
    match (of, host) {
        (HostKey::Any, _) => true,
        (HostKey::Exact(of), HostKey::Exact(host)) => of == host,
        (HostKey::Suffix(of), HostKey::Suffix(host)) => host.ends_with(of.as_str()),
        (HostKey::Suffix(of), HostKey::Exact(host)) => host.len() > of.len() && host.ends_with(of.as_str()),
        (HostKey::Exact(_) | HostKey::Suffix(_), _) => false,
    }
}

/// A gateway route as one or two routes of the first pass.
fn routes(rule: &Rule<'_>, redirect: &str) -> Vec<Route> {
    let timeouts = timeouts(&rule.upstream);
    let rewrites = rule.spec.rule.rewrites_hostname();
    let action = Action {
        targets: vec![Target {
            cluster: redirect.to_owned(),
            weight: 1,
            label: rule.upstream.name.clone(),
        }],
        timeout: timeouts.request,
        idle_timeout: Some(timeouts.idle),
        retry: None,
        host_rewrite: rewrites.then(|| rule.selector.clone()),
        path_rewrite: None,
        set_header: (!rewrites).then(|| (names::SERVICE_HEADER.to_owned(), rule.selector.clone())),
        remove_headers: if rewrites {
            vec![names::SERVICE_HEADER.to_owned()]
        } else {
            Vec::new()
        },
    };
    let http = match &rule.spec.rule {
        GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => Some(route),
        GatewayRouteRule::Grpc(_) => None,
    };
    let variants = match http {
        Some(route) => path_variants(&rule.matcher.path, route),
        None => vec![(rule.matcher.path.clone(), None)],
    };
    variants
        .into_iter()
        .map(|(path, path_rewrite)| Route {
            name: rule.origin.key.name.clone(),
            origin: rule.origin.clone(),
            matcher: Matcher {
                path,
                ..rule.matcher.clone()
            },
            action: Action {
                path_rewrite,
                ..action.clone()
            },
        })
        .collect()
}

/// What becomes of the path. A prefix that is replaced by something with a slash at its end needs two routes, the
/// longer first: with one, `/chapter/1` would become `//1`.
fn path_variants(path: &PathMatch, route: &HttpGatewayRoute) -> Vec<(PathMatch, Option<PathRewrite>)> {
    let rewrite = route.action.rewrite.as_ref();
    let exact = rewrite.and_then(|rewrite| rewrite.path.as_ref()?.exact.clone());
    if let Some(new) = exact {
        let rewrite = match path {
            PathMatch::Exact(_) => PathRewrite::Matched(new),
            PathMatch::Regex(_) | PathMatch::Prefix(_) => PathRewrite::Whole(new),
        };
        return vec![(path.clone(), Some(rewrite))];
    }
    let PathMatch::Prefix(prefix) = path else {
        return vec![(path.clone(), None)];
    };
    let prefix_rewrite = rewrite.and_then(|rewrite| rewrite.prefix.as_ref());
    let new = match prefix_rewrite {
        Some(rewrite) if rewrite.default_prefix == Some(Switch::Disabled) => None,
        Some(rewrite) => Some(rewrite.value.clone().unwrap_or_else(|| "/".to_owned())),
        None => Some("/".to_owned()),
    };
    match new {
        Some(new) if new != *prefix => {
            let plain = (path.clone(), Some(PathRewrite::Matched(new.clone())));
            if new.ends_with('/') && !prefix.ends_with('/') {
                let longer = PathMatch::Prefix(format!("{prefix}/"));
                vec![(longer, Some(PathRewrite::Matched(new))), plain]
            } else {
                vec![plain]
            }
        }
        _ => vec![(path.clone(), None)],
    }
}

/// A gateway's first pass must not cut what the second may still do: the longest of the service's routes.
fn timeouts(upstream: &Upstream) -> timeout::Timeouts {
    let routes = || {
        upstream.ports.iter().flat_map(|port| match &port.kind {
            UpstreamKind::Http(routes) => routes.as_slice(),
            UpstreamKind::Tcp { .. } => &[],
        })
    };
    let default = timeout::of_node_provider();
    timeout::Timeouts {
        request: timeout::longest(routes().map(|route| &route.action.timeout)).unwrap_or(default.request),
        idle: timeout::longest(routes().filter_map(|route| route.action.idle_timeout.as_ref()))
            .unwrap_or(default.idle),
    }
}
