//! What one Envoy is told: its bootstrap and its resources of xDS, each encoded once, with a digest and with the
//! fields of the mesh that it was made from. Whoever writes files, bundles or a stream begins here.

use crate::ir::Origin;
use meshform_envoy_api::envoy::config::bootstrap::v3::Bootstrap;
use meshform_envoy_api::envoy::config::cluster::v3::Cluster;
use meshform_envoy_api::envoy::config::endpoint::v3::ClusterLoadAssignment;
use meshform_envoy_api::envoy::config::listener::v3::Listener;
use meshform_envoy_api::envoy::config::route::v3::RouteConfiguration;
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3::Secret;
use meshform_model::digest::Digest;
use prost::Name;
use std::sync::Arc;

/// What kind of message a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceType {
    /// What Envoy is started with. Not a resource of xDS.
    Bootstrap,
    /// LDS: a socket that is listened on.
    Listener,
    /// CDS: a group of hosts that requests go to.
    Cluster,
    /// The routes of a listener (RDS).
    Routes,
    /// The hosts of a cluster (EDS).
    Endpoints,
    /// A certificate or a trust (SDS).
    Secret,
}

/// One message for Envoy. Proxies that need the same one share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub kind: ResourceType,
    /// Unique among a proxy's resources of its kind; the bootstrap's is the node id.
    pub name: String,
    /// The digest of [`json`](Self::json): a resource whose digest stays has not changed.
    pub digest: Digest,
    /// The message in protobuf's encoding: the `value` of an `Any` of this [type](ResourceType::type_url).
    pub message: Vec<u8>,
    /// What its parts were made from, from the whole to the parts.
    pub origins: Vec<PartOrigin>,
    /// The same message as JSON.
    json: Arc<str>,
}

/// Which field of the mesh a part of a resource was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOrigin {
    /// The part, as a JSON pointer into the resource's JSON; empty = all of it.
    pub at: String,
    pub origin: Origin,
}

/// One proxy's bootstrap and resources; each list by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// What Envoy is started with; it says where the rest comes from.
    pub bootstrap: Resource,
    pub listeners: Vec<Arc<Resource>>,
    pub clusters: Vec<Arc<Resource>>,
    pub routes: Vec<Arc<Resource>>,
    /// EDS of what the mesh itself lists.
    pub endpoints: Vec<Arc<Resource>>,
    /// SDS of what lies in files.
    pub secrets: Vec<Arc<Resource>>,
}

impl ResourceType {
    /// What people are told it is: `listener`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Listener => "listener",
            Self::Cluster => "cluster",
            Self::Routes => "routes",
            Self::Endpoints => "endpoints",
            Self::Secret => "secret",
        }
    }

    /// The type URL of an `Any` that holds such a message.
    pub fn type_url(self) -> String {
        match self {
            Self::Bootstrap => Bootstrap::type_url(),
            Self::Listener => Listener::type_url(),
            Self::Cluster => Cluster::type_url(),
            Self::Routes => RouteConfiguration::type_url(),
            Self::Endpoints => ClusterLoadAssignment::type_url(),
            Self::Secret => Secret::type_url(),
        }
    }
}

impl Resource {
    pub(crate) fn new(
        kind: ResourceType,
        name: &str,
        message: Vec<u8>,
        json: impl Into<Arc<str>>,
        origins: Vec<PartOrigin>,
    ) -> Self {
        let json = json.into();
        Self {
            kind,
            name: name.to_owned(),
            digest: Digest::of(json.as_bytes()),
            message,
            origins,
            json,
        }
    }

    /// The message as canonical JSON, without an `@type` and without white space.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The same text, for whoever keeps it: proxies share it.
    pub fn shared_json(&self) -> Arc<str> {
        Arc::clone(&self.json)
    }
}

impl Resources {
    /// The resources of xDS, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        [
            &self.listeners,
            &self.clusters,
            &self.routes,
            &self.endpoints,
            &self.secrets,
        ]
        .into_iter()
        .flatten()
    }

    /// Of what a running Envoy follows: everything but the bootstrap.
    pub fn digest(&self) -> Digest {
        let mut all = String::new();
        for resource in self.iter() {
            let kind = resource.kind.type_url();
            // Digests have one length, and no type has a line end: nothing runs into the next.
            for part in [&kind, resource.digest.as_str(), &resource.name] {
                all.push_str(part);
                all.push('\n');
            }
        }
        Digest::of(all.as_bytes())
    }
}
