//! The spec of a virtual node.

use super::{BackendDefaults, ClientPolicy, IpPreference, Listener, Logging};
use serde::{Deserialize, Serialize};

/// A workload: how it listens, what it calls, where it is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualNodeSpec {
    /// Where it listens; none: it only calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
    /// What it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Backend>,
    /// How it calls what has no policy of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_defaults: Option<BackendDefaults>,
    /// Where it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_discovery: Option<ServiceDiscovery>,
    /// What its proxy writes down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

/// What a node calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Backend {
    /// A virtual service.
    VirtualService(VirtualServiceBackend),
}

/// A virtual service that a node calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualServiceBackend {
    /// Its name.
    pub virtual_service_name: String,
    /// How it is called; absent: as the node's defaults say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_policy: Option<ClientPolicy>,
}

/// Where a node is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceDiscovery {
    /// In AWS Cloud Map.
    AwsCloudMap(AwsCloudMapServiceDiscovery),
    /// In DNS.
    Dns(DnsServiceDiscovery),
}

/// Where in AWS Cloud Map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsCloudMapServiceDiscovery {
    /// The namespace.
    pub namespace_name: String,
    /// The service.
    pub service_name: String,
    /// What instances must carry, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AwsCloudMapInstanceAttribute>,
    /// Which IP version; absent: as the mesh says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
}

/// What an instance in AWS Cloud Map carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsCloudMapInstanceAttribute {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Where in DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DnsServiceDiscovery {
    /// The name.
    pub hostname: String,
    /// What the addresses are; absent: a load balancer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<DnsResponseType>,
    /// Which IP version; absent: as the mesh says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
}

/// What the addresses of a name are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsResponseType {
    /// One endpoint with several addresses: a connection goes to any of them.
    #[default]
    LoadBalancer,
    /// An endpoint each.
    Endpoints,
}

// === impl VirtualNodeSpec ===

impl VirtualNodeSpec {
    /// The listener on `port`.
    pub fn listener(&self, port: u16) -> Option<&Listener> {
        self.listeners
            .iter()
            .find(|listener| listener.port_mapping.port == port)
    }

    /// The virtual services it calls.
    pub fn backend_services(&self) -> impl Iterator<Item = &VirtualServiceBackend> {
        self.backends.iter().map(|backend| match backend {
            Backend::VirtualService(service) => service,
        })
    }

    /// How it calls `backend`: as the backend says, else as the node's defaults say. The policy of a backend
    /// that says nothing of TLS still takes the place of the defaults.
    pub fn client_policy<'a>(&'a self, backend: &'a VirtualServiceBackend) -> Option<&'a ClientPolicy> {
        let defaults = self
            .backend_defaults
            .as_ref()
            .and_then(|defaults| defaults.client_policy.as_ref());
        backend.client_policy.as_ref().or(defaults)
    }
}

// === impl ServiceDiscovery ===

impl ServiceDiscovery {
    /// Which IP version it asks for, where it says so.
    pub fn ip_preference(&self) -> Option<IpPreference> {
        match self {
            Self::AwsCloudMap(cloud_map) => cloud_map.ip_preference,
            Self::Dns(dns) => dns.ip_preference,
        }
    }

    /// The name by which it is found: the host name, or `service.namespace`.
    pub fn name(&self) -> String {
        match self {
            Self::AwsCloudMap(cloud_map) => {
                format!("{}.{}", cloud_map.service_name, cloud_map.namespace_name)
            }
            Self::Dns(dns) => dns.hostname.clone(),
        }
    }
}
