//! What a proxy tells about itself: logs, spans, statistics.

use meshform_envoy_api::envoy::config::accesslog::v3::access_log_filter::FilterSpecifier;
use meshform_envoy_api::envoy::config::accesslog::v3::{
    AccessLog, AccessLogFilter, AndFilter, ComparisonFilter, DurationFilter, GrpcStatusFilter, HeaderFilter,
    NotHealthCheckFilter, OrFilter, ResponseFlagFilter, RuntimeFilter, StatusCodeFilter, comparison_filter,
};
use meshform_envoy_api::envoy::config::core::v3::socket_address::Protocol;
use meshform_envoy_api::envoy::config::core::v3::{
    GrpcService, HttpService, HttpUri, RuntimeUInt32, SubstitutionFormatString,
    grpc_service::{EnvoyGrpc, TargetSpecifier},
    http_uri::HttpUpstreamType,
    substitution_format_string::Format,
};
use meshform_envoy_api::envoy::config::metrics::v3::{
    DogStatsdSink, HistogramBucketSettings, StatsConfig, StatsMatcher, StatsSink, StatsdSink, TagSpecifier,
    dog_statsd_sink, stats_matcher, stats_sink, statsd_sink, tag_specifier::TagValue,
};
use meshform_envoy_api::envoy::config::route::v3::{HeaderMatcher, header_matcher::HeaderMatchSpecifier};
use meshform_envoy_api::envoy::config::trace::v3::{
    DatadogConfig, DatadogRemoteConfig, OpenTelemetryConfig, XRayConfig, ZipkinConfig, tracing, x_ray_config,
    zipkin_config::CollectorEndpointVersion,
};
use meshform_envoy_api::envoy::extensions::access_loggers::file::v3::{FileAccessLog, file_access_log};
use meshform_envoy_api::envoy::extensions::access_loggers::stream::v3::{StderrAccessLog, stderr_access_log};
use meshform_envoy_api::envoy::r#type::matcher::v3::{ListStringMatcher, string_matcher::MatchPattern};
use meshform_envoy_api::{any, seconds};
use prost::{Message, Name};
use serde_json::json;

use crate::make::{exact, header, inline, log, object, share, socket, stdout_log, text};

/// Logs of every kind, with every filter.
pub(crate) fn logs(directory: &str) -> Vec<AccessLog> {
    let json = SubstitutionFormatString {
        format: Some(Format::JsonFormat(object(json!({
            "start": "%START_TIME%",
            "code": "%RESPONSE_CODE%",
            "who": {"id": "%REQ(X-REQUEST-ID)%"},
        })))),
        omit_empty_values: true,
        ..SubstitutionFormatString::default()
    };
    let line = SubstitutionFormatString {
        format: Some(Format::TextFormatSource(inline("%START_TIME% %RESPONSE_CODE%\n"))),
        ..SubstitutionFormatString::default()
    };
    let file = FileAccessLog {
        path: format!("{directory}/access.log"),
        access_log_format: Some(file_access_log::AccessLogFormat::LogFormat(json)),
    };
    let stderr = StderrAccessLog {
        access_log_format: Some(stderr_access_log::AccessLogFormat::LogFormat(line)),
    };
    vec![
        AccessLog {
            filter: Some(errors_and_slow()),
            ..log("envoy.access_loggers.file", &file)
        },
        log("envoy.access_loggers.stderr", &stderr),
        stdout_log(),
    ]
}

fn filter(specifier: FilterSpecifier) -> AccessLogFilter {
    AccessLogFilter {
        filter_specifier: Some(specifier),
    }
}

/// A filter that is made of all the others.
pub(crate) fn errors_and_slow() -> AccessLogFilter {
    let at_least = |value| {
        Some(ComparisonFilter {
            op: comparison_filter::Op::Ge.into(),
            value: Some(RuntimeUInt32 {
                default_value: value,
                runtime_key: "example.limit".into(),
            }),
        })
    };
    let any_of = OrFilter {
        filters: vec![
            filter(FilterSpecifier::StatusCodeFilter(StatusCodeFilter {
                comparison: at_least(500),
            })),
            filter(FilterSpecifier::DurationFilter(DurationFilter {
                comparison: at_least(1000),
            })),
            filter(FilterSpecifier::ResponseFlagFilter(ResponseFlagFilter {
                flags: vec!["UH".into(), "UF".into()],
            })),
            filter(FilterSpecifier::GrpcStatusFilter(GrpcStatusFilter {
                statuses: vec![14],
                exclude: false,
            })),
            filter(FilterSpecifier::HeaderFilter(HeaderFilter {
                header: Some(HeaderMatcher {
                    name: "x-log".into(),
                    header_match_specifier: Some(HeaderMatchSpecifier::PresentMatch(true)),
                    ..HeaderMatcher::default()
                }),
            })),
            filter(FilterSpecifier::RuntimeFilter(RuntimeFilter {
                runtime_key: "example.sample".into(),
                percent_sampled: Some(share(1)),
                use_independent_randomness: true,
            })),
        ],
    };
    filter(FilterSpecifier::AndFilter(AndFilter {
        filters: vec![
            filter(FilterSpecifier::NotHealthCheckFilter(NotHealthCheckFilter {})),
            filter(FilterSpecifier::OrFilter(any_of)),
        ],
    }))
}

fn tracer<M: Message + Name>(name: &str, message: &M) -> tracing::Http {
    tracing::Http {
        name: name.into(),
        config_type: Some(tracing::http::ConfigType::TypedConfig(any(message))),
    }
}

/// One tracer of every kind.
pub(crate) fn tracers() -> Vec<tracing::Http> {
    let over_grpc = OpenTelemetryConfig {
        grpc_service: Some(GrpcService {
            target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
                cluster_name: "grpc".into(),
                ..EnvoyGrpc::default()
            })),
            ..GrpcService::default()
        }),
        service_name: "apps/web".into(),
        ..OpenTelemetryConfig::default()
    };
    let over_http = OpenTelemetryConfig {
        http_service: Some(HttpService {
            http_uri: Some(HttpUri {
                uri: "http://collector:4318/v1/traces".into(),
                timeout: Some(seconds(1)),
                http_upstream_type: Some(HttpUpstreamType::Cluster("local".into())),
            }),
            request_headers_to_add: vec![header("x-mesh", "apps")],
        }),
        service_name: "apps/web".into(),
        ..OpenTelemetryConfig::default()
    };
    let zipkin = ZipkinConfig {
        collector_cluster: "local".into(),
        collector_endpoint: "/api/v2/spans".into(),
        trace_id_128bit: true,
        shared_span_context: Some(false),
        collector_endpoint_version: CollectorEndpointVersion::HttpProto.into(),
        collector_hostname: "jaeger".into(),
        trace_context_option: 1,
    };
    let datadog = DatadogConfig {
        collector_cluster: "local".into(),
        service_name: "envoy-apps/web".into(),
        collector_hostname: "agent".into(),
        remote_config: Some(DatadogRemoteConfig {
            polling_interval: Some(seconds(10)),
        }),
    };
    let xray = XRayConfig {
        daemon_endpoint: Some(meshform_envoy_api::envoy::config::core::v3::SocketAddress {
            protocol: Protocol::Udp.into(),
            ..socket("127.0.0.1", 2000)
        }),
        segment_name: "apps/web".into(),
        sampling_rule_manifest: Some(inline(
            r#"{"version": 2, "default": {"fixed_target": 1, "rate": 0.05}, "rules": []}"#,
        )),
        segment_fields: Some(x_ray_config::SegmentFields {
            origin: "AWS::AppMesh::Proxy".into(),
            aws: Some(object(json!({"app_mesh": {"mesh_name": "apps"}}))),
        }),
    };
    vec![
        tracer("envoy.tracers.opentelemetry", &over_grpc),
        tracer("envoy.tracers.opentelemetry", &over_http),
        tracer("envoy.tracers.zipkin", &zipkin),
        tracer("envoy.tracers.datadog", &datadog),
        tracer("envoy.tracers.xray", &xray),
    ]
}

fn sink<M: Message + Name>(name: &str, message: &M) -> StatsSink {
    StatsSink {
        name: name.into(),
        config_type: Some(stats_sink::ConfigType::TypedConfig(any(message))),
    }
}

pub(crate) fn sinks() -> Vec<StatsSink> {
    let mut daemon = crate::make::address("127.0.0.1", 8125);
    if let Some(address) = &mut daemon {
        use meshform_envoy_api::envoy::config::core::v3::address::Address::SocketAddress;
        if let Some(SocketAddress(socket)) = &mut address.address {
            socket.protocol = Protocol::Udp.into();
        }
    }
    let tagged = DogStatsdSink {
        dog_statsd_specifier: daemon.map(dog_statsd_sink::DogStatsdSpecifier::Address),
        prefix: "mesh".into(),
        max_bytes_per_datagram: Some(1400),
    };
    let plain = StatsdSink {
        prefix: "mesh".into(),
        statsd_specifier: Some(statsd_sink::StatsdSpecifier::TcpClusterName("local".into())),
    };
    vec![
        sink("envoy.stat_sinks.dog_statsd", &tagged),
        sink("envoy.stat_sinks.statsd", &plain),
    ]
}

/// Which statistics there are, and their tags.
pub(crate) fn statistics() -> StatsConfig {
    let tag = |name: &str, value| TagSpecifier {
        tag_name: name.into(),
        tag_value: Some(value),
    };
    StatsConfig {
        stats_tags: vec![
            tag("appmesh.mesh", TagValue::FixedValue("apps".into())),
            tag(
                "appmesh.listener_port",
                TagValue::Regex(r"^ingress\.\w+\.((\d+)\.)".into()),
            ),
        ],
        use_all_default_tags: Some(true),
        stats_matcher: Some(StatsMatcher {
            stats_matcher: Some(stats_matcher::StatsMatcher::ExclusionList(ListStringMatcher {
                patterns: vec![exact("not.wanted")],
            })),
        }),
        histogram_bucket_settings: vec![HistogramBucketSettings {
            r#match: Some(text(MatchPattern::Suffix("upstream_rq_time".into()))),
            buckets: vec![10.0, 100.0, 1000.0],
        }],
    }
}
