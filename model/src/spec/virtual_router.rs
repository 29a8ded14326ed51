//! The spec of a virtual router.

use super::PortMapping;
use serde::{Deserialize, Serialize};

/// Where a router listens; what it does stands in its routes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualRouterSpec {
    /// The ports that callers use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<VirtualRouterListener>,
}

/// A port that callers use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualRouterListener {
    /// The port and its protocol.
    pub port_mapping: PortMapping,
}
