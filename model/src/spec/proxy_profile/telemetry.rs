//! Where a proxy's traces and statistics go.

use super::super::Duration;
use serde::{Deserialize, Serialize};

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tracing {
    /// To an OpenTelemetry collector over gRPC.
    OpenTelemetry(OpenTelemetryTracing),
    /// To a Zipkin collector.
    Zipkin(ZipkinTracing),
    /// To a Datadog agent.
    Datadog(DatadogTracing),
    /// To an X-Ray daemon.
    Xray(XrayTracing),
}

/// An OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenTelemetryTracing {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The name under which traces appear; absent: the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// How many requests are traced, of 100. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_percent: Option<f64>,
}

/// A Zipkin collector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZipkinTracing {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The path that spans are sent to. Absent: `/api/v2/spans`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many requests are traced, of 100. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_percent: Option<f64>,
}

/// A Datadog agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatadogTracing {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The name under which traces appear; absent: the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
}

/// An X-Ray daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XrayTracing {
    /// Its address. Absent: 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its port. Absent: 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many requests are traced, of 100. Absent: as the daemon says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_percent: Option<f64>,
}

/// Where statistics go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metrics {
    /// A DogStatsD agent.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "dogStatsD")]
    pub dog_stats_d: Option<DogStatsD>,
    /// Whether statistics carry the names of the mesh's resources as tags. Absent: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_tags: Option<bool>,
    /// How often statistics are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush_interval: Option<Duration>,
}

/// A DogStatsD agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DogStatsD {
    /// Its address. Absent: 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its port. Absent: 8125.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What every statistic's name begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}
