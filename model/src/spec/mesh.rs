//! The spec of a mesh.

use serde::{Deserialize, Serialize};

/// What holds for the whole mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeshSpec {
    /// What proxies do with traffic to what is not in the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_filter: Option<EgressFilter>,
    /// How proxies of the mesh find and bind addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_discovery: Option<MeshServiceDiscovery>,
}

/// What proxies do with traffic to what is not in the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressFilter {
    /// Let through or dropped.
    pub r#type: EgressFilterType,
}

/// Whether traffic to what is not in the mesh passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EgressFilterType {
    /// It passes.
    #[serde(rename = "ALLOW_ALL")]
    AllowAll,
    /// It is dropped.
    #[default]
    #[serde(rename = "DROP_ALL")]
    DropAll,
}

/// How proxies of a mesh find and bind addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeshServiceDiscovery {
    /// Which IP version, for every node that does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
}

/// Which IP version is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpPreference {
    /// Version 6, else 4.
    #[serde(rename = "IPv6_PREFERRED")]
    V6Preferred,
    /// Version 4, else 6.
    #[serde(rename = "IPv4_PREFERRED")]
    V4Preferred,
    /// Version 4 alone.
    #[serde(rename = "IPv4_ONLY")]
    V4Only,
    /// Version 6 alone.
    #[serde(rename = "IPv6_ONLY")]
    V6Only,
}

// === impl MeshSpec ===

impl MeshSpec {
    /// What happens with traffic to what is not in the mesh: dropped, unless said otherwise.
    pub fn egress(&self) -> EgressFilterType {
        self.egress_filter
            .as_ref()
            .map_or_else(EgressFilterType::default, |filter| filter.r#type)
    }

    /// The mesh's IP preference.
    pub fn ip_preference(&self) -> Option<IpPreference> {
        self.service_discovery
            .as_ref()
            .and_then(|discovery| discovery.ip_preference)
    }
}
