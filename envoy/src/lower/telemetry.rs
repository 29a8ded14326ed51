//! Access logs, tracing and metrics of one proxy.

use super::Lowering;
use super::cluster::protocol;
use super::context::ProxyContext;
use crate::codes;
use crate::ir::cluster::{Cluster, Discovery, Family, Pool, ResponseHeaders};
use crate::ir::telemetry::{AccessLog, Collector, DogStatsd, LogFormat, Metrics, Tracing};
use crate::ir::{Origin, Source, Sourced};
use meshform_model::diag::{Diagnostic, Example};
use meshform_model::kind::Kind;
use meshform_model::path::Path;
use meshform_model::rules::newer_log_operators;
use meshform_model::spec::{
    self, DogStatsD, FileAccessLog, Logging, LoggingFormat, Protocol, ProxyProfileSpec, VirtualNodeSpec,
    XrayTracing, ZipkinTracing,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

impl Lowering<'_> {
    /// The resource's own access log, else the profile's.
    pub(crate) fn access_log(
        &self,
        own: Option<&Logging>,
        scope: &ProxyContext<'_>,
    ) -> Option<Arc<AccessLog>> {
        let of = |logging: &Logging, origin: Origin| {
            let spec::AccessLog::File(file) = logging.access_log.as_ref()?;
            let origin = origin.below(|at: Path<Logging>| at.access_log().file());
            if let Some(format) = &file.format {
                self.check_age(format, scope, &origin);
            }
            Some(Arc::new(AccessLog {
                path: file.path.clone(),
                format: file.format.as_ref().map(log_format),
                origin,
            }))
        };
        // A gateway's stands at the same place.
        let place = || Origin::at(&scope.key, VirtualNodeSpec::path().logging());
        let own = own.and_then(|logging| of(logging, place()));
        own.or_else(|| {
            let found = scope.profile.get(Path::<ProxyProfileSpec>::logging, |profile| {
                profile.logging.as_ref()
            })?;
            match found.source {
                Source::Field(origin) => of(found.value, origin),
                Source::AppMesh | Source::Envoy | Source::Meshform => None,
            }
        })
    }

    /// An operator that the oldest Envoy of the profile's range does not know keeps it from starting; `origin` is the file.
    fn check_age(&self, format: &LoggingFormat, scope: &ProxyContext<'_>, origin: &Origin) {
        let texts: Vec<(&str, Origin)> = match format {
            LoggingFormat::Text(text) => {
                vec![(text, origin.below(|at: Path<FileAccessLog>| at.format().text()))]
            }
            LoggingFormat::Json(fields) => {
                let place =
                    |index| origin.below(|at: Path<FileAccessLog>| at.format().json().at(index).value());
                let fields = fields.iter().enumerate();
                fields
                    .map(|(at, field)| (field.value.as_str(), place(at)))
                    .collect()
            }
        };
        let oldest = scope.profile.merged.min_envoy();
        let minor = oldest
            .strip_prefix("1.")
            .and_then(|minor| minor.parse::<u16>().ok());
        for (text, place) in texts {
            for (name, since) in newer_log_operators(text) {
                if minor.is_some_and(|minor| minor < since) {
                    self.report(
                        Diagnostic::error(
                            codes::TOO_NEW,
                            format!(
                                "`%{name}%` came with Envoy 1.{since}, and the proxy of {} may be {oldest}",
                                scope.key
                            ),
                        )
                        .help("use an older operator, or set in its proxy profile")
                        .example(Example::profile(
                            json!({"envoyVersion": {"min": format!("1.{since}")}}),
                        ))
                        .at(place.place())
                        .at(scope.profile_place(Path::<ProxyProfileSpec>::envoy_version)),
                    );
                }
            }
        }
    }

    /// Where spans go, and the cluster of the collector where it has one.
    pub(crate) fn tracing(&self, scope: &ProxyContext<'_>) -> Option<(Arc<Tracing>, Option<Cluster>)> {
        let found = scope.profile.get(Path::<ProxyProfileSpec>::tracing, |profile| {
            profile.tracing.as_ref()
        })?;
        let Source::Field(origin) = found.source else {
            return None;
        };
        let label = format!("{}/{}", self.index.name, scope.key.name);
        let service = |given: &Option<String>, default: String| given.clone().unwrap_or(default);
        let (collector, sampling_percent, cluster) = match found.value {
            spec::Tracing::OpenTelemetry(to) => (
                Collector::OpenTelemetry {
                    cluster: "opentelemetry".to_owned(),
                    service: service(&to.service_name, label),
                },
                to.sampling_percent,
                Some(collector(
                    "opentelemetry",
                    &to.address,
                    to.port,
                    Protocol::Grpc,
                    &origin,
                )),
            ),
            spec::Tracing::Zipkin(to) => (
                Collector::Zipkin {
                    cluster: "jaeger".to_owned(),
                    hostname: to.address.clone(),
                    path: to
                        .path
                        .clone()
                        .unwrap_or_else(|| ZipkinTracing::DEFAULT_PATH.to_owned()),
                },
                to.sampling_percent,
                Some(collector("jaeger", &to.address, to.port, Protocol::Http, &origin)),
            ),
            spec::Tracing::Datadog(to) => (
                Collector::Datadog {
                    cluster: "datadog_agent".to_owned(),
                    service: service(&to.service_name, format!("envoy-{label}")),
                },
                None,
                Some(collector(
                    "datadog_agent",
                    &to.address,
                    to.port,
                    Protocol::Http,
                    &origin,
                )),
            ),
            spec::Tracing::Xray(to) => {
                let address = to
                    .address
                    .as_deref()
                    .unwrap_or(XrayTracing::DEFAULT_ADDRESS)
                    .to_owned();
                let collector = Collector::XRay {
                    address,
                    port: to.port.unwrap_or(XrayTracing::DEFAULT_PORT),
                    segment: label,
                    sampling_percent: to.sampling_percent,
                    fields: BTreeMap::from([
                        ("mesh_name".to_owned(), self.index.name.to_owned()),
                        (resource_field(scope.key.kind).to_owned(), scope.key.name.clone()),
                    ]),
                };
                (collector, None, None)
            }
        };
        let tracing = Tracing {
            sampling: origin.below(|at: Path<spec::Tracing>| at.of(found.value).sampling_percent()),
            origin,
            collector,
            sampling_percent,
        };
        Some((Arc::new(tracing), cluster))
    }

    /// Where statistics go, how often, and which tags they carry.
    pub(crate) fn metrics(&self, scope: &ProxyContext<'_>) -> Metrics {
        let profile = &scope.profile;
        let dog_statsd = profile
            .get(Path::<ProxyProfileSpec>::metrics, |profile| {
                profile.metrics.as_ref()
            })
            .and_then(|found| {
                let agent = found.value.dog_stats_d.as_ref()?;
                let Source::Field(origin) = found.source else {
                    return None;
                };
                let origin = origin.below(|at: Path<spec::Metrics>| at.dog_stats_d());
                let address = agent
                    .address
                    .as_deref()
                    .unwrap_or(DogStatsD::DEFAULT_ADDRESS)
                    .to_owned();
                Some(DogStatsd {
                    address,
                    port: agent.port.unwrap_or(DogStatsD::DEFAULT_PORT),
                    prefix: agent.prefix.clone(),
                    origin,
                })
            });
        let resource_tags = profile.below(
            Path::<ProxyProfileSpec>::metrics,
            |profile| profile.metrics.as_ref(),
            Path::<spec::Metrics>::resource_tags,
            |metrics: &spec::Metrics| metrics.resource_tags,
        );
        let tagged = resource_tags.as_ref().is_some_and(|tags| tags.value);
        let resource = match scope.key.kind {
            Kind::VirtualGateway => "appmesh.virtual_gateway",
            _ => "appmesh.virtual_node",
        };
        let tags = [("appmesh.mesh", self.index.name), (resource, &scope.key.name)];
        Metrics {
            dog_statsd,
            mesh: tagged.then(|| self.index.name.to_owned()),
            tags: tags
                .into_iter()
                .filter(|_| tagged)
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            resource_tags,
            flush_interval: profile.below(
                Path::<ProxyProfileSpec>::metrics,
                |profile| profile.metrics.as_ref(),
                Path::<spec::Metrics>::flush_interval,
                |metrics: &spec::Metrics| metrics.flush_interval.map(Duration::from),
            ),
        }
    }
}

fn log_format(format: &LoggingFormat) -> LogFormat {
    match format {
        LoggingFormat::Text(text) => LogFormat::Text(text.clone()),
        LoggingFormat::Json(fields) => LogFormat::Json(
            fields
                .iter()
                .map(|field| (field.key.clone(), field.value.clone()))
                .collect(),
        ),
    }
}

fn resource_field(kind: Kind) -> &'static str {
    match kind {
        Kind::VirtualGateway => "virtual_gateway_name",
        _ => "virtual_node_name",
    }
}

/// A service beside the mesh, found by its name or address.
pub(crate) fn collector(name: &str, address: &str, port: u16, wire: Protocol, origin: &Origin) -> Cluster {
    let discovery = if address.parse::<IpAddr>().is_ok() {
        Discovery::Loopback {
            address: address.to_owned(),
            port,
        }
    } else {
        Discovery::Dns {
            hostname: address.to_owned(),
            port,
            every_address: Sourced::ours(true),
            // `localhost` has both families in Envoy's eyes, and who listens there often has one.
            family: Sourced::ours(Family::V4Preferred),
        }
    };
    Cluster {
        name: name.to_owned(),
        origin: origin.clone(),
        discovery,
        connect_timeout: Sourced::app_mesh(Duration::from_secs(1)),
        protocol: protocol(wire),
        pool: Pool::default(),
        outlier: None,
        health_check: None,
        tls: None,
        balancing: None,
        response_headers: ResponseHeaders::default(),
    }
}
