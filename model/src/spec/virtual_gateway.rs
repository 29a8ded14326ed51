//! The spec of a virtual gateway.

use super::{ClientPolicy, ConnectionPool, HealthCheckPolicy, ListenerTls, Logging, PortMapping};
use serde::{Deserialize, Serialize};

/// An Envoy that stands alone and lets traffic into the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualGatewaySpec {
    /// Where it listens.
    pub listeners: Vec<VirtualGatewayListener>,
    /// How it calls every virtual service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_defaults: Option<BackendDefaults>,
    /// What it writes down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

/// A port of a virtual gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualGatewayListener {
    /// The port and its protocol, which is never `tcp`.
    pub port_mapping: PortMapping,
    /// How many connections and requests pass at once; never `tcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// Kept for whoever reads it: nothing in the mesh calls a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckPolicy>,
    /// Encryption of what arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
}

/// How a proxy calls every virtual service that has no policy of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendDefaults {
    /// How it calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_policy: Option<ClientPolicy>,
}
