//! The spec of a virtual node.

use super::{
    Backend, ClientPolicy, IpPreference, Listener, ServiceDiscovery, VirtualNodeSpec, VirtualServiceBackend,
};

// === impl VirtualNodeSpec ===

impl VirtualNodeSpec {
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
