//! Route tables: virtual hosts, routes, matchers, retries, rewrites.

use super::delivery::duration;
use crate::ir::Sourced;
use crate::ir::route::{
    Action, HeaderMatch, Matcher, PathMatch, PathRewrite, QueryMatch, Retry, Route, RouteTable, ValueMatch,
    VirtualHost,
};
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::config::route::v3 as api;
use meshform_envoy_api::envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
use meshform_envoy_api::envoy::r#type::matcher::v3 as matcher;
use meshform_envoy_api::envoy::r#type::v3::Int64Range;

/// A table without its virtual hosts, which are rendered once for all tables that share them.
pub(crate) fn table_without_hosts(table: &RouteTable) -> api::RouteConfiguration {
    api::RouteConfiguration {
        name: table.name.clone(),
        ignore_port_in_host_matching: table.any_port,
        request_headers_to_remove: table.remove_headers.clone(),
        ..Default::default()
    }
}

pub(crate) fn virtual_host(host: &VirtualHost) -> api::VirtualHost {
    api::VirtualHost {
        name: host.name.clone(),
        domains: host.domains.clone(),
        routes: host.routes.iter().map(route).collect(),
        ..Default::default()
    }
}

fn route(route: &Route) -> api::Route {
    let action = &route.action;
    api::Route {
        name: route.name.clone(),
        r#match: Some(route_match(&route.matcher)),
        request_headers_to_add: action
            .set_header
            .iter()
            .map(|(name, value)| overwrite(name, value))
            .collect(),
        request_headers_to_remove: action.remove_headers.clone(),
        action: Some(api::route::Action::Route(route_action(action))),
        ..Default::default()
    }
}

/// A header that replaces what the client sent, so that nobody can forge it.
fn overwrite(name: &str, value: &str) -> core::HeaderValueOption {
    core::HeaderValueOption {
        header: Some(core::HeaderValue {
            key: name.to_owned(),
            // A percent sign begins an operator there.
            value: value.replace('%', "%%"),
        }),
        append_action: core::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
        ..Default::default()
    }
}

fn route_action(action: &Action) -> api::RouteAction {
    use api::route_action::{ClusterSpecifier, HostRewriteSpecifier};
    let clusters = match action.targets.as_slice() {
        [only] => ClusterSpecifier::Cluster(only.cluster.clone()),
        several => ClusterSpecifier::WeightedClusters(api::WeightedCluster {
            clusters: several
                .iter()
                .map(|target| api::weighted_cluster::ClusterWeight {
                    name: target.cluster.clone(),
                    weight: Some(target.weight),
                    ..Default::default()
                })
                .collect(),
        }),
    };
    let mut out = api::RouteAction {
        cluster_specifier: Some(clusters),
        timeout: Some(duration(action.timeout.value)),
        idle_timeout: action.idle_timeout.as_ref().map(|idle| duration(idle.value)),
        retry_policy: action.retry.as_ref().map(|retry| retry_policy(&retry.value)),
        host_rewrite_specifier: action
            .host_rewrite
            .clone()
            .map(HostRewriteSpecifier::HostRewriteLiteral),
        ..Default::default()
    };
    match &action.path_rewrite {
        Some(PathRewrite::Matched(with)) => out.prefix_rewrite.clone_from(with),
        Some(PathRewrite::Whole(with)) => {
            out.regex_rewrite = Some(matcher::RegexMatchAndSubstitute {
                pattern: Some(regex("^[^?]*")),
                // In a substitution a backslash begins a reference to a group.
                substitution: with.replace('\\', "\\\\"),
            });
        }
        None => {}
    }
    out
}

fn retry_policy(retry: &Retry) -> api::RetryPolicy {
    use api::retry_policy::{RetryBackOff, RetryHostPredicate, retry_host_predicate::ConfigType};
    api::RetryPolicy {
        retry_on: retry.on.join(","),
        retriable_status_codes: retry.status_codes.clone(),
        num_retries: Some(retry.retries),
        per_try_timeout: retry.per_try.map(duration),
        // App Mesh's: another host than the one that failed, looked for five times.
        retry_host_predicate: vec![RetryHostPredicate {
            name: "envoy.retry_host_predicates.previous_hosts".to_owned(),
            config_type: Some(ConfigType::TypedConfig(any(&PreviousHostsPredicate {}))),
        }],
        host_selection_retry_max_attempts: 5,
        retry_back_off: retry
            .back_off
            .as_ref()
            .map(|Sourced { value: pause, .. }| RetryBackOff {
                base_interval: Some(duration(pause.base)),
                max_interval: Some(duration(pause.max)),
            }),
        ..Default::default()
    }
}

fn route_match(matcher: &Matcher) -> api::RouteMatch {
    use api::route_match::{GrpcRouteMatchOptions, PathSpecifier};
    api::RouteMatch {
        path_specifier: Some(match &matcher.path {
            PathMatch::Prefix(prefix) => PathSpecifier::Prefix(prefix.clone()),
            PathMatch::Exact(path) => PathSpecifier::Path(path.clone()),
            PathMatch::Regex(pattern) => PathSpecifier::SafeRegex(regex(pattern)),
        }),
        grpc: matcher.grpc.then_some(GrpcRouteMatchOptions {}),
        headers: matcher.headers.iter().map(header).collect(),
        query_parameters: matcher.query.iter().map(query).collect(),
        ..Default::default()
    }
}

fn header(header: &HeaderMatch) -> api::HeaderMatcher {
    use api::header_matcher::HeaderMatchSpecifier;
    use matcher::string_matcher::MatchPattern;
    let text = |pattern| {
        HeaderMatchSpecifier::StringMatch(matcher::StringMatcher {
            match_pattern: Some(pattern),
            ..Default::default()
        })
    };
    api::HeaderMatcher {
        name: header.name.clone(),
        invert_match: header.invert,
        header_match_specifier: Some(match &header.value {
            ValueMatch::Present => HeaderMatchSpecifier::PresentMatch(true),
            ValueMatch::Exact(value) => text(MatchPattern::Exact(value.clone())),
            ValueMatch::Prefix(value) => text(MatchPattern::Prefix(value.clone())),
            ValueMatch::Suffix(value) => text(MatchPattern::Suffix(value.clone())),
            ValueMatch::Regex(pattern) => text(MatchPattern::SafeRegex(regex(pattern))),
            ValueMatch::Range { start, end } => HeaderMatchSpecifier::RangeMatch(Int64Range {
                start: *start,
                end: *end,
            }),
        }),
        ..Default::default()
    }
}

fn query(query: &QueryMatch) -> api::QueryParameterMatcher {
    use api::query_parameter_matcher::QueryParameterMatchSpecifier;
    api::QueryParameterMatcher {
        name: query.name.clone(),
        query_parameter_match_specifier: Some(match &query.exact {
            Some(value) => QueryParameterMatchSpecifier::StringMatch(matcher::StringMatcher {
                match_pattern: Some(matcher::string_matcher::MatchPattern::Exact(value.clone())),
                ..Default::default()
            }),
            None => QueryParameterMatchSpecifier::PresentMatch(true),
        }),
    }
}

fn regex(pattern: &str) -> matcher::RegexMatcher {
    matcher::RegexMatcher {
        regex: pattern.to_owned(),
    }
}
