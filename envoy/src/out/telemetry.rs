//! Access logs, tracing, statistics.

use super::delivery::socket;
use crate::ir::telemetry::{AccessLog, Collector, LogFormat, Metrics, Tracing};
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::accesslog::v3 as log;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::config::metrics::v3 as metrics;
use meshform_envoy_api::envoy::config::trace::v3 as trace;
use meshform_envoy_api::envoy::extensions::access_loggers::file::v3 as file;
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::Tracing as HttpTracing;
use meshform_envoy_api::envoy::r#type::v3::Percent;
use meshform_envoy_api::prost_types::{Any, Struct, Value, value::Kind};
use std::collections::BTreeMap;

/// An access log in a file.
pub(crate) fn access_log(access_log: &AccessLog) -> log::AccessLog {
    let format = access_log.format.as_ref().map(|format| {
        use core::substitution_format_string::Format;
        core::SubstitutionFormatString {
            format: Some(match format {
                LogFormat::Text(text) => Format::TextFormatSource(core::DataSource {
                    specifier: Some(core::data_source::Specifier::InlineString(text.clone())),
                    ..Default::default()
                }),
                LogFormat::Json(fields) => Format::JsonFormat(texts(fields)),
            }),
            ..Default::default()
        }
    });
    file_log(&access_log.path, format)
}

/// An access log in a file, in a format or Envoy's own.
pub(crate) fn file_log(path: &str, format: Option<core::SubstitutionFormatString>) -> log::AccessLog {
    log::AccessLog {
        name: "envoy.access_loggers.file".to_owned(),
        config_type: Some(log::access_log::ConfigType::TypedConfig(any(
            &file::FileAccessLog {
                path: path.to_owned(),
                access_log_format: format.map(file::file_access_log::AccessLogFormat::LogFormat),
            },
        ))),
        ..Default::default()
    }
}

/// What a connection manager is told of tracing; without a collector App Mesh's empty object, which does nothing.
pub(crate) fn tracing(tracing: Option<&Tracing>) -> HttpTracing {
    let Some(tracing) = tracing else {
        return HttpTracing::default();
    };
    let (name, config) = match &tracing.collector {
        Collector::OpenTelemetry { cluster, service } => (
            "envoy.tracers.opentelemetry",
            any(&trace::OpenTelemetryConfig {
                grpc_service: Some(super::grpc_service(cluster)),
                service_name: service.clone(),
                ..Default::default()
            }),
        ),
        Collector::Zipkin {
            cluster,
            hostname,
            path,
        } => (
            "envoy.tracers.zipkin",
            any(&trace::ZipkinConfig {
                collector_cluster: cluster.clone(),
                collector_endpoint: path.clone(),
                collector_hostname: hostname.clone(),
                shared_span_context: Some(false),
                collector_endpoint_version: trace::zipkin_config::CollectorEndpointVersion::HttpProto as i32,
                ..Default::default()
            }),
        ),
        Collector::Datadog { cluster, service } => (
            "envoy.tracers.datadog",
            any(&trace::DatadogConfig {
                collector_cluster: cluster.clone(),
                service_name: service.clone(),
                ..Default::default()
            }),
        ),
        Collector::XRay {
            address,
            port,
            segment,
            sampling_percent,
            fields,
        } => (
            "envoy.tracers.xray",
            x_ray(address, *port, segment, *sampling_percent, fields),
        ),
    };
    HttpTracing {
        random_sampling: tracing.sampling_percent.map(|value| Percent { value }),
        provider: Some(trace::tracing::Http {
            name: name.to_owned(),
            config_type: Some(trace::tracing::http::ConfigType::TypedConfig(config)),
        }),
        ..Default::default()
    }
}

fn x_ray(
    address: &str,
    port: u16,
    segment: &str,
    sampling_percent: Option<f64>,
    fields: &BTreeMap<String, String>,
) -> Any {
    let app_mesh = Value {
        kind: Some(Kind::StructValue(texts(fields))),
    };
    // Envoy puts address and port together as a text, and reads that again: without brackets it takes an IPv6 address
    // for none, and crashes.
    let address = if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    };
    any(&trace::XRayConfig {
        daemon_endpoint: udp(&address, port).address.and_then(|address| match address {
            core::address::Address::SocketAddress(socket) => Some(socket),
            core::address::Address::Pipe(_) => None,
        }),
        segment_name: segment.to_owned(),
        sampling_rule_manifest: sampling_percent.map(sampling_rules),
        segment_fields: Some(trace::x_ray_config::SegmentFields {
            origin: "AWS::AppMesh::Proxy".to_owned(),
            aws: Some(Struct {
                fields: BTreeMap::from([("app_mesh".to_owned(), app_mesh)]),
            }),
        }),
    })
}

/// X-Ray's rules for sampling, as App Mesh's agent wrote them for a rate: the first request of each second, and so many of
/// the others. Envoy's own choice has no effect on this tracer.
fn sampling_rules(percent: f64) -> core::DataSource {
    let rules = serde_json::json!({
        "version": 2,
        "rules": [],
        "default": {"fixed_target": 1, "rate": percent / 100.0},
    });
    core::DataSource {
        specifier: Some(core::data_source::Specifier::InlineString(rules.to_string())),
        ..Default::default()
    }
}

pub(crate) fn sinks(metrics: &Metrics) -> Vec<metrics::StatsSink> {
    use metrics::dog_statsd_sink::DogStatsdSpecifier;
    metrics
        .dog_statsd
        .iter()
        .map(|agent| metrics::StatsSink {
            name: "envoy.stat_sinks.dog_statsd".to_owned(),
            config_type: Some(metrics::stats_sink::ConfigType::TypedConfig(any(
                &metrics::DogStatsdSink {
                    prefix: agent.prefix.clone().unwrap_or_default(),
                    dog_statsd_specifier: Some(DogStatsdSpecifier::Address(udp(&agent.address, agent.port))),
                    ..Default::default()
                },
            ))),
        })
        .collect()
}

/// What becomes a tag: the mesh and the node, and with resource tags what App Mesh's agent took out of names.
pub(crate) fn stats_config(config: &Metrics) -> Option<metrics::StatsConfig> {
    use metrics::tag_specifier::TagValue;
    let resource_tags = config.resource_tags.as_ref().is_some_and(|tags| tags.value);
    if config.tags.is_empty() && !resource_tags {
        return None;
    }
    let tag = |name: &str, value| metrics::TagSpecifier {
        tag_name: name.to_owned(),
        tag_value: Some(value),
    };
    let mut stats_tags: Vec<_> = config
        .tags
        .iter()
        .map(|(name, value)| tag(name, TagValue::FixedValue(value.clone())))
        .collect();
    if resource_tags {
        for (name, pattern) in RESOURCE_TAGS {
            stats_tags.push(tag(name, TagValue::Regex((*pattern).to_owned())));
        }
        stats_tags.extend(config.mesh.as_ref().map(|mesh| {
            // The first group is what is cut from the name; Envoy's own tag keeps the whole cluster's name.
            let mesh = escaped(mesh);
            let pattern =
                format!(r"^cluster\.(cds_egress_{mesh}_(.+?)_(?:http2|http|grpc|tcp)_\d+(?:_via_.+?)?\.)");
            tag("appmesh.target_virtual_node", TagValue::Regex(pattern))
        }));
    }
    Some(metrics::StatsConfig {
        stats_tags,
        ..Default::default()
    })
}

/// Tags taken out of names, where several listeners are distinguished. The first group is what is cut from the name, the
/// second the value.
const RESOURCE_TAGS: &[(&str, &str)] = &[
    (
        "appmesh.listener_protocol",
        r"^(?:http|tcp)\.ingress\.((\w+?)\.)\d+\.",
    ),
    (
        "appmesh.listener_port",
        r"^(?:http|tcp)\.ingress\.(?:\w+?\.)?((\d+?)\.)",
    ),
    (
        "envoy_rds_route_config",
        r"^http\.ingress\.\w+\.\d+\.rds\.((.*?)\.)",
    ),
];

/// A text as a regular expression for just that text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_alphanumeric() && c != '_' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn udp(address: &str, port: u16) -> core::Address {
    let mut out = socket(address, port, false);
    if let Some(core::address::Address::SocketAddress(socket)) = &mut out.address {
        socket.protocol = core::socket_address::Protocol::Udp as i32;
    }
    out
}

/// A `google.protobuf.Struct` whose values are strings.
pub(crate) fn texts(fields: &BTreeMap<String, String>) -> Struct {
    Struct {
        fields: fields
            .iter()
            .map(|(name, text)| (name.clone(), string_value(text)))
            .collect(),
    }
}

fn string_value(text: &str) -> Value {
    Value {
        kind: Some(Kind::StringValue(text.to_owned())),
    }
}
