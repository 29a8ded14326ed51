//! Routes of every kind.

use std::collections::BTreeMap;

use meshform_envoy_api::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use meshform_envoy_api::envoy::config::route::v3::route::Action;
use meshform_envoy_api::envoy::config::route::v3::route_action::hash_policy::{
    ConnectionProperties, Cookie, Header, PolicySpecifier, QueryParameter,
};
use meshform_envoy_api::envoy::config::route::v3::route_action::{
    ClusterSpecifier, HashPolicy, HostRewriteSpecifier, MaxStreamDuration, RequestMirrorPolicy, UpgradeConfig,
};
use meshform_envoy_api::envoy::config::route::v3::route_match::{GrpcRouteMatchOptions, PathSpecifier};
use meshform_envoy_api::envoy::config::route::v3::{
    Decorator, DirectResponseAction, HeaderMatcher, QueryParameterMatcher, RedirectAction, RetryPolicy,
    Route, RouteAction, RouteConfiguration, RouteMatch, Tracing, VirtualHost, WeightedCluster,
    query_parameter_matcher::QueryParameterMatchSpecifier, redirect_action, retry_policy,
    weighted_cluster::ClusterWeight,
};
use meshform_envoy_api::envoy::extensions::filters::http::cors::v3::CorsPolicy;
use meshform_envoy_api::envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
use meshform_envoy_api::envoy::r#type::matcher::v3::{
    RegexMatchAndSubstitute, RegexMatcher, string_matcher::MatchPattern,
};
use meshform_envoy_api::envoy::r#type::v3::Int64Range;
use meshform_envoy_api::{any, millis, seconds};

use crate::clusters::metadata;
use crate::http::custom_tags;
use crate::make::{exact, header, inline, runtime_share, share, text};

/// A route configuration that uses every kind of match and action; also what the RDS file holds.
pub(crate) fn configuration(name: &str) -> RouteConfiguration {
    let host = VirtualHost {
        name: "one.example".into(),
        domains: vec!["one.example".into(), "one.example:80".into()],
        routes: vec![weighted(), by_header(), grpc(), hashed(), redirect(), direct()],
        request_headers_to_add: vec![header("x-host", "one")],
        response_headers_to_remove: vec!["x-secret".into()],
        include_request_attempt_count: true,
        typed_per_filter_config: BTreeMap::from([("envoy.filters.http.cors".to_owned(), any(&cors()))]),
        ..VirtualHost::default()
    };
    RouteConfiguration {
        name: name.into(),
        virtual_hosts: vec![host],
        validate_clusters: Some(false),
        request_headers_to_remove: vec!["x-app-mesh-virtual-service".into()],
        max_direct_response_body_size_bytes: Some(1024),
        ..RouteConfiguration::default()
    }
}

fn cors() -> CorsPolicy {
    CorsPolicy {
        allow_origin_string_match: vec![exact("https://one.example")],
        allow_methods: "GET,PUT".into(),
        max_age: "60".into(),
        allow_credentials: Some(true),
        filter_enabled: runtime_share(100),
        ..CorsPolicy::default()
    }
}

fn route(name: &str, path: PathSpecifier, action: Action) -> Route {
    Route {
        name: name.into(),
        r#match: Some(RouteMatch {
            path_specifier: Some(path),
            ..RouteMatch::default()
        }),
        action: Some(action),
        ..Route::default()
    }
}

fn to(cluster: &str) -> RouteAction {
    RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.into())),
        timeout: Some(seconds(15)),
        idle_timeout: Some(seconds(300)),
        ..RouteAction::default()
    }
}

fn regex(pattern: &str) -> RegexMatcher {
    RegexMatcher {
        regex: pattern.into(),
    }
}

fn replace(pattern: &str, substitution: &str) -> Option<RegexMatchAndSubstitute> {
    Some(RegexMatchAndSubstitute {
        pattern: Some(regex(pattern)),
        substitution: substitution.into(),
    })
}

fn weighted() -> Route {
    let share_of = |name: &str, weight| ClusterWeight {
        name: name.into(),
        weight: Some(weight),
        response_headers_to_add: vec![header("x-target", name)],
        ..ClusterWeight::default()
    };
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: vec![
                share_of("local", 75),
                share_of("checked", 25),
                share_of("named", 0),
            ],
        })),
        retry_policy: Some(retries()),
        regex_rewrite: replace("^[^?]*", "/new"),
        host_rewrite_specifier: Some(HostRewriteSpecifier::HostRewriteLiteral("two.example".into())),
        request_mirror_policies: vec![RequestMirrorPolicy {
            cluster: "named".into(),
            runtime_fraction: runtime_share(10),
            trace_sampled: Some(false),
            disable_shadow_host_suffix_append: true,
        }],
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".into(),
            enabled: Some(true),
        }],
        max_stream_duration: Some(MaxStreamDuration {
            max_stream_duration: Some(seconds(60)),
            ..MaxStreamDuration::default()
        }),
        ..to("")
    };
    Route {
        metadata: metadata(),
        decorator: Some(Decorator {
            operation: "weighted".into(),
            propagate: Some(true),
        }),
        tracing: Some(Tracing {
            client_sampling: Some(share(100)),
            random_sampling: Some(share(5)),
            overall_sampling: Some(share(100)),
            custom_tags: custom_tags(),
        }),
        ..route(
            "weighted",
            PathSpecifier::Path("/v2/ping".into()),
            Action::Route(action),
        )
    }
}

/// App Mesh's events, a pause, and a header that asks for one.
fn retries() -> RetryPolicy {
    RetryPolicy {
        retry_on: "connect-failure,refused-stream,reset,retriable-status-codes".into(),
        num_retries: Some(5),
        per_try_timeout: Some(seconds(10)),
        retriable_status_codes: vec![502, 503, 504],
        host_selection_retry_max_attempts: 5,
        retry_host_predicate: vec![retry_policy::RetryHostPredicate {
            name: "envoy.retry_host_predicates.previous_hosts".into(),
            config_type: Some(retry_policy::retry_host_predicate::ConfigType::TypedConfig(any(
                &PreviousHostsPredicate {},
            ))),
        }],
        retry_back_off: Some(retry_policy::RetryBackOff {
            base_interval: Some(millis(25)),
            max_interval: Some(millis(250)),
        }),
        rate_limited_retry_back_off: Some(retry_policy::RateLimitedRetryBackOff {
            reset_headers: vec![retry_policy::ResetHeader {
                name: "retry-after".into(),
                format: 0,
            }],
            max_interval: Some(seconds(300)),
        }),
        ..RetryPolicy::default()
    }
}

fn by_header() -> Route {
    let one = |name: &str, test| HeaderMatcher {
        name: name.into(),
        header_match_specifier: Some(test),
        ..HeaderMatcher::default()
    };
    let says = |pattern| HeaderMatchSpecifier::StringMatch(text(pattern));
    let headers = vec![
        one(":method", says(MatchPattern::Exact("GET".into()))),
        one("x-a", says(MatchPattern::Prefix("a".into()))),
        one("x-b", says(MatchPattern::Suffix("b".into()))),
        one("x-c", says(MatchPattern::SafeRegex(regex("[0-9]+")))),
        one("x-d", says(MatchPattern::Contains("d".into()))),
        one(
            "x-e",
            HeaderMatchSpecifier::RangeMatch(Int64Range { start: 1, end: 100 }),
        ),
        HeaderMatcher {
            invert_match: true,
            treat_missing_header_as_empty: true,
            ..one("x-f", HeaderMatchSpecifier::PresentMatch(true))
        },
    ];
    Route {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::SafeRegex(regex("/items/[0-9]+"))),
            case_sensitive: Some(false),
            runtime_fraction: runtime_share(50),
            headers,
            query_parameters: vec![QueryParameterMatcher {
                name: "beta".into(),
                query_parameter_match_specifier: Some(QueryParameterMatchSpecifier::StringMatch(exact("on"))),
            }],
            grpc: None,
        }),
        ..route(
            "by-header",
            PathSpecifier::Prefix("/".into()),
            Action::Route(to("checked")),
        )
    }
}

fn grpc() -> Route {
    Route {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/orders.Orders/".into())),
            grpc: Some(GrpcRouteMatchOptions {}),
            ..RouteMatch::default()
        }),
        ..route(
            "grpc",
            PathSpecifier::Prefix("/".into()),
            Action::Route(to("grpc")),
        )
    }
}

fn hashed() -> Route {
    let by = |specifier| HashPolicy {
        policy_specifier: Some(specifier),
        terminal: true,
    };
    let action = RouteAction {
        prefix_rewrite: "/".into(),
        host_rewrite_specifier: Some(HostRewriteSpecifier::AutoHostRewrite(true)),
        hash_policy: vec![
            by(PolicySpecifier::Header(Header {
                header_name: "x-user".into(),
            })),
            by(PolicySpecifier::Cookie(Cookie {
                name: "session".into(),
                ttl: Some(seconds(0)),
                path: "/".into(),
            })),
            by(PolicySpecifier::QueryParameter(QueryParameter {
                name: "user".into(),
            })),
            by(PolicySpecifier::ConnectionProperties(ConnectionProperties {
                source_ip: true,
            })),
        ],
        ..to("ring")
    };
    route(
        "hashed",
        PathSpecifier::PathSeparatedPrefix("/sticky".into()),
        Action::Route(action),
    )
}

fn redirect() -> Route {
    let action = RedirectAction {
        host_redirect: "three.example".into(),
        port_redirect: 8443,
        scheme_rewrite_specifier: Some(redirect_action::SchemeRewriteSpecifier::HttpsRedirect(true)),
        path_rewrite_specifier: Some(redirect_action::PathRewriteSpecifier::PrefixRewrite("/".into())),
        response_code: 4,
        strip_query: true,
    };
    route(
        "redirect",
        PathSpecifier::Prefix("/old/".into()),
        Action::Redirect(action),
    )
}

fn direct() -> Route {
    let action = DirectResponseAction {
        status: 503,
        body: Some(inline("nobody is here")),
    };
    route(
        "direct",
        PathSpecifier::Prefix("/".into()),
        Action::DirectResponse(action),
    )
}
