//! HTTP connection managers: one per tracer, with every HTTP filter.

use std::collections::BTreeMap;

use meshform_envoy_api::envoy::config::core::v3::{
    CidrRange, Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions, SchemeHeaderTransformation,
    SubstitutionFormatString, scheme_header_transformation::Transformation,
    substitution_format_string::Format,
};
use meshform_envoy_api::envoy::config::route::v3::{HeaderMatcher, header_matcher::HeaderMatchSpecifier};
use meshform_envoy_api::envoy::config::trace::v3::tracing;
use meshform_envoy_api::envoy::extensions::filters::common::fault::v3::{
    FaultDelay, FaultRateLimit, fault_delay, fault_rate_limit,
};
use meshform_envoy_api::envoy::extensions::filters::http::cors::v3::Cors;
use meshform_envoy_api::envoy::extensions::filters::http::fault::v3::{FaultAbort, HttpFault, fault_abort};
use meshform_envoy_api::envoy::extensions::filters::http::health_check::v3::HealthCheck;
use meshform_envoy_api::envoy::extensions::filters::http::local_ratelimit::v3::LocalRateLimit;
use meshform_envoy_api::envoy::extensions::filters::http::router::v3::Router;
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    HcmAccessLogOptions, InternalAddressConfig, RouteSpecifier, SetCurrentClientCertDetails, StripPortMode,
    Tracing, UpgradeConfig,
};
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, LocalReplyConfig, Rds, ResponseMapper, http_filter,
};
use meshform_envoy_api::envoy::r#type::tracing::v3::{CustomTag, custom_tag};
use meshform_envoy_api::envoy::r#type::v3::{HttpStatus, Percent, TokenBucket};
use meshform_envoy_api::{any, millis, seconds};
use prost::{Message, Name};

use crate::make::{exact, from_file, header, inline, runtime_share, share, stdout_log};
use crate::{observe, routes};

/// The one with everything in it.
pub(crate) fn full(directory: &str, provider: tracing::Http) -> HttpConnectionManager {
    HttpConnectionManager {
        codec_type: 0,
        route_specifier: Some(RouteSpecifier::RouteConfig(routes::configuration("inline"))),
        http_filters: filters(),
        common_http_protocol_options: Some(HttpProtocolOptions {
            idle_timeout: Some(seconds(3600)),
            headers_with_underscores_action: 1,
            ..HttpProtocolOptions::default()
        }),
        http_protocol_options: Some(Http1ProtocolOptions {
            accept_http_10: true,
            default_host_for_http_10: "one.example".into(),
            ..Http1ProtocolOptions::default()
        }),
        http2_protocol_options: Some(Http2ProtocolOptions::default()),
        server_name: "meshform".into(),
        server_header_transformation: 2,
        scheme_header_transformation: Some(SchemeHeaderTransformation {
            transformation: Some(Transformation::SchemeToOverwrite("https".into())),
            match_upstream: false,
        }),
        max_request_headers_kb: Some(60),
        stream_idle_timeout: Some(seconds(300)),
        request_timeout: Some(seconds(0)),
        drain_timeout: Some(seconds(5)),
        delayed_close_timeout: Some(seconds(1)),
        access_log: observe::logs(directory),
        access_log_options: Some(HcmAccessLogOptions {
            access_log_flush_interval: Some(seconds(10)),
            flush_access_log_on_new_request: false,
            flush_log_on_tunnel_successfully_established: true,
        }),
        use_remote_address: Some(true),
        internal_address_config: Some(InternalAddressConfig {
            unix_sockets: true,
            cidr_ranges: vec![CidrRange {
                address_prefix: "10.0.0.0".into(),
                prefix_len: Some(8),
            }],
        }),
        via: "meshform".into(),
        forward_client_cert_details: 3,
        set_current_client_cert_details: Some(SetCurrentClientCertDetails {
            subject: Some(true),
            uri: true,
            ..SetCurrentClientCertDetails::default()
        }),
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".into(),
            enabled: Some(true),
        }],
        local_reply_config: Some(local_replies()),
        strip_port_mode: Some(StripPortMode::StripAnyHostPort(true)),
        ..traced(provider)
    }
}

/// What App Mesh always set, with one tracer and routes from a file.
pub(crate) fn plain(directory: &str, provider: tracing::Http) -> HttpConnectionManager {
    HttpConnectionManager {
        route_specifier: Some(RouteSpecifier::Rds(Rds {
            route_config_name: "from-file".into(),
            config_source: from_file(&format!("{directory}/rds.json")),
        })),
        http_filters: vec![filter("envoy.filters.http.router", &Router::default())],
        ..traced(provider)
    }
}

fn traced(provider: tracing::Http) -> HttpConnectionManager {
    HttpConnectionManager {
        stat_prefix: "ingress".into(),
        normalize_path: Some(true),
        merge_slashes: true,
        path_with_escaped_slashes_action: 1,
        tracing: Some(Tracing {
            client_sampling: Some(Percent { value: 100.0 }),
            random_sampling: Some(Percent { value: 5.0 }),
            overall_sampling: Some(Percent { value: 100.0 }),
            verbose: true,
            max_path_tag_length: Some(256),
            custom_tags: custom_tags(),
            provider: Some(provider),
            spawn_upstream_span: Some(false),
        }),
        ..HttpConnectionManager::default()
    }
}
pub(crate) fn custom_tags() -> Vec<CustomTag> {
    let tag = |name: &str, value| CustomTag {
        tag: name.into(),
        r#type: Some(value),
    };
    vec![
        tag(
            "mesh",
            custom_tag::Type::Literal(custom_tag::Literal { value: "apps".into() }),
        ),
        tag(
            "region",
            custom_tag::Type::Environment(custom_tag::Environment {
                name: "AWS_REGION".into(),
                default_value: "-".into(),
            }),
        ),
        tag(
            "user",
            custom_tag::Type::RequestHeader(custom_tag::Header {
                name: "x-user".into(),
                default_value: "-".into(),
            }),
        ),
    ]
}

fn filter<M: Message + Name>(name: &str, message: &M) -> HttpFilter {
    HttpFilter {
        name: name.into(),
        config_type: Some(http_filter::ConfigType::TypedConfig(any(message))),
        ..HttpFilter::default()
    }
}

fn filters() -> Vec<HttpFilter> {
    let health = HealthCheck {
        pass_through_mode: Some(false),
        cluster_min_healthy_percentages: BTreeMap::from([("local".to_owned(), Percent { value: 50.0 })]),
        headers: vec![HeaderMatcher {
            name: ":path".into(),
            header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(exact("/healthz"))),
            ..HeaderMatcher::default()
        }],
        ..HealthCheck::default()
    };
    let router = Router {
        dynamic_stats: Some(true),
        upstream_log: vec![stdout_log()],
        suppress_envoy_headers: true,
        ..Router::default()
    };
    vec![
        filter("envoy.filters.http.health_check", &health),
        filter("envoy.filters.http.cors", &Cors {}),
        filter("fault.fixed", &fixed_fault()),
        HttpFilter {
            disabled: true,
            ..filter("fault.asked", &asked_fault())
        },
        filter("envoy.filters.http.local_ratelimit", &limit()),
        filter("envoy.filters.http.router", &router),
    ]
}

fn fixed_fault() -> HttpFault {
    use fault_delay::FaultDelaySecifier::FixedDelay;
    HttpFault {
        delay: Some(FaultDelay {
            percentage: Some(share(10)),
            fault_delay_secifier: Some(FixedDelay(millis(100))),
        }),
        abort: Some(FaultAbort {
            percentage: Some(share(1)),
            error_type: Some(fault_abort::ErrorType::HttpStatus(503)),
        }),
        response_rate_limit: Some(FaultRateLimit {
            percentage: Some(share(1)),
            limit_type: Some(fault_rate_limit::LimitType::FixedLimit(
                fault_rate_limit::FixedLimit { limit_kbps: 64 },
            )),
        }),
        upstream_cluster: "local".into(),
        max_active_faults: Some(10),
        ..HttpFault::default()
    }
}

fn asked_fault() -> HttpFault {
    use fault_delay::FaultDelaySecifier::HeaderDelay;
    HttpFault {
        delay: Some(FaultDelay {
            percentage: Some(share(100)),
            fault_delay_secifier: Some(HeaderDelay(fault_delay::HeaderDelay {})),
        }),
        abort: Some(FaultAbort {
            percentage: Some(share(100)),
            error_type: Some(fault_abort::ErrorType::HeaderAbort(fault_abort::HeaderAbort {})),
        }),
        response_rate_limit: Some(FaultRateLimit {
            percentage: Some(share(100)),
            limit_type: Some(fault_rate_limit::LimitType::HeaderLimit(
                fault_rate_limit::HeaderLimit {},
            )),
        }),
        ..HttpFault::default()
    }
}

fn limit() -> LocalRateLimit {
    let tokens = |max_tokens| {
        Some(TokenBucket {
            max_tokens,
            tokens_per_fill: Some(max_tokens),
            fill_interval: Some(seconds(1)),
        })
    };
    LocalRateLimit {
        stat_prefix: "limit".into(),
        status: Some(HttpStatus { code: 429 }),
        token_bucket: tokens(100),
        filter_enabled: runtime_share(100),
        filter_enforced: runtime_share(100),
        response_headers_to_add: vec![header("x-limited", "1")],
        ..LocalRateLimit::default()
    }
}

fn local_replies() -> LocalReplyConfig {
    let page = |text| SubstitutionFormatString {
        format: Some(Format::TextFormatSource(inline(text))),
        content_type: "text/plain".into(),
        ..SubstitutionFormatString::default()
    };
    LocalReplyConfig {
        mappers: vec![ResponseMapper {
            filter: Some(observe::errors_and_slow()),
            status_code: Some(503),
            body: Some(inline("later")),
            body_format_override: Some(page("%LOCAL_REPLY_BODY%\n")),
            headers_to_add: vec![header("x-local", "1")],
        }],
        body_format: Some(page("%RESPONSE_CODE%\n")),
    }
}
