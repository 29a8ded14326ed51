//! How the application's traffic gets into Envoy, and from Envoy to the application.

use serde::{Deserialize, Serialize};

/// How the application's traffic gets into Envoy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interception {
    /// The application calls Envoy.
    Explicit(ExplicitInterception),
    /// The host redirects what the application sends and gets.
    Transparent(TransparentInterception),
}

/// The application calls Envoy, by name through one loopback listener or through an address per service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplicitInterception {
    /// Where Envoy listens for the application. Absent: 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// On which port. Absent: 15001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Services that have a loopback address or a port of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ExplicitService>,
}

/// A virtual service with a loopback address or a port of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplicitService {
    /// The virtual service's name.
    pub virtual_service: String,
    /// The loopback address on which Envoy listens for it, on the service's own port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The port on which Envoy listens for it, for services over TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The host redirects what the application sends and gets, as App Mesh did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransparentInterception {
    /// Where redirected traffic to the application arrives. Absent: 15000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress_port: Option<u16>,
    /// Where redirected traffic from the application arrives. Absent: 15001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_port: Option<u16>,
    /// Envoy's user id, whose traffic is not redirected. Absent: 1337.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u64>,
    /// Envoy's group id, whose traffic is not redirected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u64>,
    /// Ports to which traffic is not redirected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_ports: Vec<u16>,
    /// Address blocks to which traffic is not redirected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_addresses: Vec<String>,
}

/// Where the application listens, without interception.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppPorts {
    /// A port of the application per listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub app_ports: Vec<AppPort>,
}

/// The application's port behind a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppPort {
    /// The listener's port.
    pub listener_port: u16,
    /// The application's port.
    pub app_port: u16,
    /// The application's address. Absent: 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_address: Option<String>,
}

// === impl ExplicitInterception ===

impl ExplicitInterception {
    /// Where Envoy listens for the application.
    pub fn listener(&self) -> (&str, u16) {
        (
            self.address.as_deref().unwrap_or("127.0.0.1"),
            self.port.unwrap_or(15001),
        )
    }
}

// === impl TransparentInterception ===

impl TransparentInterception {
    /// Where redirected traffic to the application arrives.
    pub fn ingress_port(&self) -> u16 {
        self.ingress_port.unwrap_or(15000)
    }

    /// Where redirected traffic from the application arrives.
    pub fn egress_port(&self) -> u16 {
        self.egress_port.unwrap_or(15001)
    }

    /// Envoy's user id.
    pub fn user(&self) -> u64 {
        self.user.unwrap_or(1337)
    }
}
