//! Where tasks are registered, so that others find them: services of Cloud Map, and what ECS tells Cloud Map of a task.

use super::{Task, codes, values};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::spec::{DnsResponseType, DnsServiceDiscovery, ServiceDiscovery};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The attribute that holds the family of a task definition.
pub(super) const FAMILY: &str = "ECS_TASK_DEFINITION_FAMILY";
/// The attribute that holds the name of an ECS service.
pub(super) const SERVICE_NAME: &str = "ECS_SERVICE_NAME";
/// What ECS sets besides, whatever anybody wants.
const SET_BY_ECS: [&str; 6] = [
    "AVAILABILITY_ZONE",
    "AWS_INSTANCE_IPV4",
    "AWS_INSTANCE_IPV6",
    "EC2_INSTANCE_ID",
    "ECS_CLUSTER_NAME",
    "REGION",
];

/// Where load balancers and AWS's own services have their names.
const OF_AWS: [&str; 6] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "awsglobalaccelerator.com",
    "cloudfront.net",
    "api.aws",
    "on.aws",
];

/// The service of Cloud Map under which a node's tasks are found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Registry {
    pub(super) namespace: String,
    /// Its name in the namespace.
    pub(super) service: String,
    /// Whether other nodes' tasks are found there too, distinguished by their attributes.
    pub(super) shared: bool,
}

/// The services of Cloud Map under which the nodes of a mesh are found, and how many nodes are found by each.
#[derive(Debug)]
pub struct Registries<'m> {
    nodes: BTreeMap<(&'m str, &'m str), usize>,
}

impl<'m> Registries<'m> {
    pub fn of(mesh: &'m Mesh) -> Self {
        let mut nodes = BTreeMap::new();
        for name in mesh.virtual_nodes().filter_map(|node| named(mesh, &node.key)) {
            *nodes.entry(name).or_default() += 1;
        }
        Self { nodes }
    }

    /// The registry of a node: Cloud Map's own, or the one behind the DNS names that Cloud Map makes of it. None of a
    /// gateway, and of a node that has no such name.
    pub(super) fn of_proxy(&self, mesh: &Mesh, key: &ResourceKey) -> Option<Registry> {
        let (namespace, service) = named(mesh, key)?;
        let found = self.nodes.get(&(namespace, service)).copied().unwrap_or_default();
        Some(Registry {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            shared: found > 1,
        })
    }
}

fn named<'m>(mesh: &'m Mesh, key: &ResourceKey) -> Option<(&'m str, &'m str)> {
    if key.kind != Kind::VirtualNode {
        return None;
    }
    match mesh.virtual_node(&key.name)?.spec.service_discovery.as_ref()? {
        ServiceDiscovery::AwsCloudMap(map) => Some((&map.namespace_name, &map.service_name)),
        ServiceDiscovery::Dns(dns) => {
            let hostname = dns.hostname.trim_end_matches('.');
            let (service, namespace) = hostname.split_once('.')?;
            let own = !is_answered_by_others(dns) && hostname.parse::<IpAddr>().is_err();
            (own && !service.is_empty()).then_some((namespace, service))
        }
    }
}

/// Whether a node is found by the name of a load balancer, in whose target group its tasks are registered.
pub(super) fn is_balanced(mesh: &Mesh, key: &ResourceKey) -> bool {
    let node = (key.kind == Kind::VirtualNode).then(|| mesh.virtual_node(&key.name));
    let discovery = node
        .flatten()
        .and_then(|node| node.spec.service_discovery.as_ref());
    matches!(discovery, Some(ServiceDiscovery::Dns(dns)) if is_answered_by_others(dns))
}

/// Whether no service of Cloud Map has the name: AWS gives it to what it runs, or somebody says that a load balancer
/// answers. Where nothing is said, `LOADBALANCER` is only the default.
fn is_answered_by_others(dns: &DnsServiceDiscovery) -> bool {
    let name = dns.hostname.trim_end_matches('.').to_ascii_lowercase();
    let is_below = |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.'));
    dns.response_type == Some(DnsResponseType::Loadbalancer) || OF_AWS.iter().any(is_below)
}

/// Whether Cloud Map itself is asked for nodes of the mesh.
pub(super) fn asks_cloud_map(mesh: &Mesh) -> bool {
    let mut nodes = mesh.virtual_nodes();
    nodes.any(|node| {
        matches!(
            node.spec.service_discovery,
            Some(ServiceDiscovery::AwsCloudMap(_))
        )
    })
}

/// The value of an attribute that a node's instances must have.
pub(super) fn attribute<'m>(task: &Task<'m>, name: &str) -> Option<&'m str> {
    attributes(task.mesh, task.key)
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn attributes<'m>(mesh: &'m Mesh, key: &ResourceKey) -> impl Iterator<Item = (&'m str, &'m str)> {
    let node = (key.kind == Kind::VirtualNode)
        .then(|| mesh.virtual_node(&key.name))
        .flatten();
    let map = node.and_then(|node| match &node.spec.service_discovery {
        Some(ServiceDiscovery::AwsCloudMap(map)) => Some(map),
        _ => None,
    });
    let attributes = map.into_iter().flat_map(|map| &map.attributes);
    attributes.map(|attribute| (attribute.key.as_str(), attribute.value.as_str()))
}

/// Attributes by which a node is looked for and which ECS does not give its tasks.
pub(super) fn unset(task: &Task<'_>) -> Vec<Diagnostic> {
    let own = |name: &str| name == FAMILY || name == SERVICE_NAME || SET_BY_ECS.contains(&name);
    let unset = attributes(task.mesh, task.key).filter(|(name, _)| !own(name));
    unset
        .map(|(name, value)| {
            Diagnostic::warning(
                codes::ATTRIBUTE,
                format!("{} is found by the attribute `{name}` = `{value}`, which ECS does not set", task.key),
            )
            .help(format!(
                "use `{FAMILY}` or `{SERVICE_NAME}`: the stack gives family and service the name that the node asks for"
            ))
            .at(values::place(task.key))
        })
        .collect()
}
