//! What a mesh has that a poller looks up.

use crate::manifest::Manifest;
use meshform_bundle::ProxyId;
use meshform_bundle::discovery::{DiscoveredNode, Discovery};
use meshform_envoy::polled;
use meshform_model::mesh::Mesh;
use std::collections::BTreeMap;

/// What has to be looked up for a mesh, by node.
pub(crate) fn of(mesh: &Mesh) -> BTreeMap<String, DiscoveredNode> {
    let mut nodes = BTreeMap::new();
    for node in polled::polled(mesh) {
        let attributes = node.service.attributes.iter();
        let callers = node.callers.iter().filter_map(ProxyId::of);
        let discovered = DiscoveredNode {
            namespace: node.service.namespace_name.clone(),
            service: node.service.service_name.clone(),
            attributes: attributes
                .map(|one| (one.key.clone(), one.value.clone()))
                .collect(),
            ip_preference: node.ip_preference,
            assignments: node.assignments.into_iter().collect(),
            callers: callers.map(|caller| caller.to_string()).collect(),
        };
        nodes.insert(node.key.name.clone(), discovered);
    }
    nodes
}

/// As a publisher tells it to pollers.
pub(crate) fn told(mesh: &str, sequence: u64, manifest: Option<&Manifest>) -> Discovery {
    let mut discovery = Discovery::new(mesh, sequence);
    discovery.nodes = manifest
        .map(|manifest| manifest.discovery.clone())
        .unwrap_or_default();
    discovery
}
