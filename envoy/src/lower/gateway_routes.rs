//! The first pass of a gateway: from its routes to virtual hosts, with what becomes of host and path.

use super::gateway::Rule;
use super::{names, timeout};
use crate::ir::Origin;
use crate::ir::route::{Action, Matcher, PathMatch, PathRewrite, Route, Target, VirtualHost};
use meshform_model::spec::{GatewayRouteRule, HostnameMatch, HttpGatewayRoute, Switch};
use std::collections::BTreeSet;
use std::sync::Arc;

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
    fn ending_with(suffix: &str) -> Self {
        match suffix {
            "" => Self::Any,
            suffix => Self::Suffix(suffix.to_lowercase()),
        }
    }

    /// As Envoy writes it.
    fn domain(&self) -> String {
        match self {
            Self::Exact(host) => host.clone(),
            Self::Suffix(suffix) => format!("*{suffix}"),
            Self::Any => "*".to_owned(),
        }
    }
}

/// Every host that a route names has a virtual host of its own, with every route that could be meant, in the one
/// order; so a route without host name also serves named hosts.
pub(crate) fn hosts(
    rules: &[&Rule<'_>],
    port: u16,
    (redirect, origin): (&str, &Origin),
) -> Vec<Arc<VirtualHost>> {
    let keys: BTreeSet<HostKey> = rules.iter().map(|rule| host_key(rule)).collect();
    let named: BTreeSet<String> = keys.iter().map(HostKey::domain).collect();
    keys.iter()
        .map(|key| {
            let routes = rules
                .iter()
                .filter(|rule| serves(&host_key(rule), key, port))
                .flat_map(|rule| routes(rule, redirect))
                .collect();
            let domain = key.domain();
            let name = match key {
                HostKey::Any => SELF_REDIRECT.to_owned(),
                HostKey::Exact(_) | HostKey::Suffix(_) => format!("{SELF_REDIRECT}_{domain}"),
            };
            let mut domains = vec![domain];
            // Where routes name a host with this port, it is a virtual host of its own.
            let with_port = with_port(key, port);
            domains.extend(with_port.filter(|domain| !named.contains(domain)));
            Arc::new(VirtualHost {
                name,
                origin: origin.clone(),
                domains,
                routes,
            })
        })
        .collect()
}

/// A host as clients name it on another port than the usual one.
fn with_port(key: &HostKey, port: u16) -> Option<String> {
    let (HostKey::Exact(host) | HostKey::Suffix(host)) = key else {
        return None;
    };
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    (!has_port).then(|| format!("{}:{port}", key.domain()))
}

fn host_key(rule: &Rule<'_>) -> HostKey {
    match rule.spec.rule.hostname() {
        None => HostKey::Any,
        Some(HostnameMatch::Exact(host)) => match host.strip_prefix('*') {
            None => HostKey::Exact(host.to_lowercase()),
            Some(suffix) => HostKey::ending_with(suffix),
        },
        Some(HostnameMatch::Suffix(suffix)) => {
            HostKey::ending_with(suffix.strip_prefix('*').unwrap_or(suffix))
        }
    }
}

/// Whether a route for `of` could be meant by a request to `host`, which may name the listener's port.
fn serves(of: &HostKey, host: &HostKey, port: u16) -> bool {
    let port = format!(":{port}");
    let both =
        |host: &'_ str, fits: &dyn Fn(&str) -> bool| fits(host) || host.strip_suffix(&port).is_some_and(fits);
    match (of, host) {
        (HostKey::Any, _) => true,
        (HostKey::Exact(of), HostKey::Exact(host)) => both(host, &|host| of == host),
        (HostKey::Suffix(of), HostKey::Suffix(host)) => both(host, &|host| host.ends_with(of)),
        (HostKey::Suffix(of), HostKey::Exact(host)) => {
            both(host, &|host| host.len() > of.len() && host.ends_with(of))
        }
        (HostKey::Exact(_) | HostKey::Suffix(_), _) => false,
    }
}

/// A gateway route as one or two routes of the first pass.
fn routes(rule: &Rule<'_>, redirect: &str) -> Vec<Route> {
    let timeouts = timeout::of_gateway(&rule.upstream);
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
