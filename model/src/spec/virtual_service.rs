//! The spec of a virtual service.

use serde::{Deserialize, Serialize};

/// Who answers for a name that applications call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualServiceSpec {
    /// Who answers; without one, callers get 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<VirtualServiceProvider>,
}

/// Who answers for a virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VirtualServiceProvider {
    /// One node takes everything.
    VirtualNode(VirtualNodeServiceProvider),
    /// A router distributes.
    VirtualRouter(VirtualRouterServiceProvider),
}

/// A node as provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualNodeServiceProvider {
    /// The node's name.
    pub virtual_node_name: String,
}

/// A router as provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualRouterServiceProvider {
    /// The router's name.
    pub virtual_router_name: String,
}
