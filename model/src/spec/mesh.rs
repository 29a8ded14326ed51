//! The spec of a mesh.

use super::{EgressFilterType, IpPreference, MeshSpec};

impl MeshSpec {
    /// What happens with traffic to what is not in the mesh: dropped, unless said otherwise.
    pub fn egress(&self) -> EgressFilterType {
        self.egress_filter
            .as_ref()
            .and_then(|filter| filter.r#type)
            .unwrap_or_default()
    }

    /// The preference of nodes that state none; `None`: the mesh states none either.
    pub fn ip_preference(&self) -> Option<IpPreference> {
        self.service_discovery
            .as_ref()
            .and_then(|discovery| discovery.ip_preference)
    }
}
