//! Nodes that callers find by Cloud Map: what has to be looked up for them, and which proxies need the answer.
//!
//! Envoy cannot ask Cloud Map, and DNS does not know its attributes. So their clusters are EDS, which is empty until
//! `meshform-agent endpoints` has looked up who is there.

use crate::codes;
use crate::lower::names;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::spec::{AwsCloudMapServiceDiscovery, IpPreference, ServiceDiscovery, VirtualNodeSpec};
use std::collections::BTreeSet;

/// How many nodes a warning names.
const NAMED: usize = 5;

/// A node whose instances are looked up in Cloud Map.
#[derive(Debug, Clone)]
pub struct PolledNode<'m> {
    pub key: &'m ResourceKey,
    pub service: &'m AwsCloudMapServiceDiscovery,
    /// Which addresses of an instance are wanted: the node's word, else the mesh's.
    pub ip_preference: Option<IpPreference>,
    /// For each listener: the name under which Envoy asks for its hosts, and the port.
    pub assignments: Vec<(String, u16)>,
    /// The proxies that call it and are told of it by nobody else.
    pub callers: BTreeSet<ResourceKey>,
}

/// The nodes of a mesh that are called, are found by Cloud Map, and are not listed in every caller's profile.
pub fn polled(mesh: &Mesh) -> Vec<PolledNode<'_>> {
    let mut found = Vec::new();
    for node in mesh.virtual_nodes() {
        let Some(ServiceDiscovery::AwsCloudMap(service)) = &node.spec.service_discovery else {
            continue;
        };
        let callers: BTreeSet<ResourceKey> = mesh
            .callers_of(&node.key)
            .into_iter()
            .filter(|caller| !is_listed(mesh, caller, &node.key.name))
            .collect();
        if callers.is_empty() {
            continue;
        }
        let mappings = node.spec.listeners.iter().map(|listener| &listener.port_mapping);
        let assignments = mappings
            .map(|one| {
                let name = names::node_cluster(mesh.name(), &node.key.name, one.protocol, one.port);
                (name, one.port)
            })
            .collect();
        found.push(PolledNode {
            key: &node.key,
            service,
            ip_preference: mesh.ip_preference(&node.spec),
            assignments,
            callers,
        });
    }
    found
}

/// Whether a proxy's profile has addresses of a node.
fn is_listed(mesh: &Mesh, proxy: &ResourceKey, node: &str) -> bool {
    // Entries of the own profile add to the mesh's.
    let profiles = [mesh.profile_of(Some(proxy)), mesh.profile_of(None)];
    let mut listed = profiles
        .into_iter()
        .flatten()
        .flat_map(|profile| &profile.spec.endpoints);
    listed.any(|one| one.virtual_node == node)
}

/// Where addresses were looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookupContext {
    /// The store or directory that a poller has to write to, where one is known.
    pub store: Option<String>,
    /// What keeps them from being there, where that is known.
    pub problem: Option<String>,
    /// The poller that runs and cannot look them up, where one does.
    pub poller: Option<String>,
}

/// That these nodes of a mesh have no addresses; none where there are no such nodes.
pub fn without_endpoints(nodes: &[&ResourceKey], looked: &LookupContext) -> Option<Diagnostic> {
    let store = looked.store.as_deref();
    let mesh = &nodes.first()?.mesh;
    let named: Vec<String> = nodes
        .iter()
        .take(NAMED)
        .map(|key| format!("`{}`", key.name))
        .collect();
    let more = match nodes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (noun, verb, whose) = match nodes {
        [_] => ("node", "is", "its"),
        _ => ("nodes", "are", "their"),
    };
    let at = store.map_or(String::new(), |store| format!(" for {store}"));
    let why = looked
        .problem
        .as_ref()
        .map_or(String::new(), |problem| format!(" ({problem})"));
    let what = match &looked.poller {
        Some(poller) => format!(
            "the poller `{poller}` cannot look up {whose} addresses{at}{why}: callers keep the last ones, and get 503 where \
             there were none"
        ),
        None => {
            format!("no poller looks up {whose} addresses{at}{why}: callers get 503 until one does")
        }
    };
    let help = match &looked.poller {
        Some(_) => {
            "Cloud Map must have the namespace and the service of the node in the poller's AWS_REGION, and its role the right to \
             servicediscovery:DiscoverInstances; or list addresses under `endpoints` in a proxy profile"
                .to_owned()
        }
        None => format!(
            "run one poller for the mesh, `MESHFORM_STORE={} MESHFORM_MESH={mesh} meshform-agent endpoints`, with the right \
             to servicediscovery:DiscoverInstances; or list addresses under `endpoints` in a proxy profile",
            store.unwrap_or("s3://BUCKET/PREFIX")
        ),
    };
    let names = named.join(", ");
    let mut warning = Diagnostic::warning(
        codes::CLOUD_MAP,
        format!("virtual {noun} {names}{more} of mesh `{mesh}` {verb} found by Cloud Map, and {what}"),
    )
    .help(help);
    for key in nodes.iter().take(NAMED) {
        let field = VirtualNodeSpec::path().service_discovery().aws_cloud_map();
        warning = warning.at(ProblemLocation::of(key, field.pointer()));
    }
    Some(warning)
}

/// The same of every node of a mesh, for who has nothing but the mesh.
pub fn cloud_map_warning(mesh: &Mesh) -> Option<Diagnostic> {
    let polled = polled(mesh);
    let keys: Vec<&ResourceKey> = polled.iter().map(|node| node.key).collect();
    without_endpoints(&keys, &LookupContext::default())
}

/// That proxies which are meant call such nodes by a static configuration, to which nobody brings addresses.
pub fn without_poller(mesh: &Mesh, meant: impl Fn(&ResourceKey) -> bool) -> Vec<Diagnostic> {
    let called = polled(mesh)
        .into_iter()
        .filter(|node| node.callers.iter().any(&meant));
    called
        .map(|node| {
            let field = VirtualNodeSpec::path().service_discovery().aws_cloud_map();
            Diagnostic::error(
                codes::CLOUD_MAP,
                format!(
                    "{} is found by Cloud Map, and a static configuration gets no addresses of it: callers would get 503",
                    node.key
                ),
            )
            .help(
                "let the agent fetch the configuration (`--configuration agent`) and run the mesh's poller, list \
                 addresses under `endpoints` in a proxy profile, or use DNS discovery (`serviceDiscovery.dns`)",
            )
            .at(ProblemLocation::of(node.key, field.pointer()))
        })
        .collect()
}
