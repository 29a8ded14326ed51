//! The Envoy process itself.

use super::Sourced;
use super::cluster::Cluster;
use super::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;

/// What the bootstrap says beside listeners and clusters.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Envoy's node id: the resource's ARN, as App Mesh's.
    pub node_id: String,
    /// Envoy's node cluster: as App Mesh did, the same as [`node_id`](Self::node_id).
    pub node_cluster: String,
    /// The Envoy versions that must understand the output.
    pub versions: Versions,
    /// Where the proxy finds its files.
    pub directory: Sourced<String>,
    pub admin: Admin,
    /// How long listeners drain before they close (a flag of the process).
    pub drain: Sourced<Duration>,
    /// How long the first configuration is waited for; zero = for ever.
    pub initial_fetch_timeout: Sourced<Duration>,
    /// The level of Envoy's own log (a flag of the process).
    pub log_level: Sourced<String>,
    /// Worker threads (a flag of the process).
    pub concurrency: Option<Sourced<u32>>,
    /// Connections from clients at a time.
    pub max_downstream_connections: Option<Sourced<u64>>,
    pub metrics: Metrics,
    /// The SDS server, where a secret needs one.
    pub sds: Option<Arc<Cluster>>,
    /// The control plane, where the profile names one.
    pub control_plane: Option<Arc<Cluster>>,
}

#[derive(Debug, Clone)]
pub struct Admin {
    pub address: Sourced<String>,
    pub port: Sourced<u16>,
    /// Where its requests are logged.
    pub access_log: Option<Sourced<String>>,
}

/// Envoy's versions 1.`min` to 1.`max`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Versions {
    pub min: u16,
    pub max: u16,
}
