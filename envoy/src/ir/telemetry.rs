//! What a proxy reports: access logs, spans, metrics.

use super::{Origin, Sourced};
use std::collections::BTreeMap;
use std::time::Duration;

/// An access log in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLog {
    /// The field that says so.
    pub origin: Origin,
    pub path: String,
    /// What a line looks like; nothing = Envoy's own.
    pub format: Option<LogFormat>,
}

/// What a line of an access log looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum LogFormat {
    /// One line of text with Envoy's command operators: `%REQ(:method)%`.
    Text(String),
    /// An object of texts with operators.
    Json(BTreeMap<String, String>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// The field that says so.
    pub origin: Origin,
    pub collector: Collector,
    /// How many requests of a hundred are traced, where the profile says and Envoy's own choice counts (X-Ray makes one
    /// of its own).
    pub sampling_percent: Option<f64>,
    /// The field of the percentage.
    pub sampling: Origin,
}

/// Where spans are sent, and in which protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Collector {
    /// Over gRPC (OTLP).
    OpenTelemetry {
        cluster: String,
        /// What the service is called in traces.
        service: String,
    },
    /// Zipkin's HTTP API, which Jaeger speaks too.
    Zipkin {
        cluster: String,
        /// The value of the `Host` header of requests to it.
        hostname: String,
        path: String,
    },
    /// Datadog's agent, over its HTTP API.
    Datadog {
        cluster: String,
        /// What the service is called in traces.
        service: String,
    },
    /// The X-Ray daemon, over UDP.
    XRay {
        address: String,
        port: u16,
        /// What the segment is called.
        segment: String,
        /// How many requests of a hundred are traced beside the first of each second, where the profile says.
        sampling_percent: Option<f64>,
        /// The mesh, and the node or gateway, as fields of the segment.
        fields: BTreeMap<String, String>,
    },
}

#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub dog_statsd: Option<DogStatsd>,
    /// The mesh's name, where clusters' names shall give tags.
    pub mesh: Option<String>,
    /// Tags with a fixed value.
    pub tags: BTreeMap<String, String>,
    /// Whether parts of names become tags named after the mesh's resources.
    pub resource_tags: Option<Sourced<bool>>,
    /// How often statistics are sent.
    pub flush_interval: Option<Sourced<Duration>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DogStatsd {
    /// The field that says so.
    pub origin: Origin,
    pub address: String,
    /// The UDP port.
    pub port: u16,
    /// What names begin with; nothing = `envoy`.
    pub prefix: Option<String>,
}
