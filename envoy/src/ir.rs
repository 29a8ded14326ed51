//! What one proxy needs, in our own words: the form between the model and Envoy's messages.
//!
//! Every node says which resource and which field it came from ([`Origin`]), so that a problem found late lands on
//! the user's line; every value that may be a default says whose it is ([`Source`]), so that nothing is hidden.
//! What several proxies share (a cluster, a virtual host) is one [`Arc`] and is rendered once.
//!
//! - [`listener`]: sockets, filter chains, what happens to a connection.
//! - [`route`]: route tables, virtual hosts, routes, matchers, retries.
//! - [`cluster`]: where requests go: discovery, pools, health, endpoints.
//! - [`tls`]: certificates, trust, both ends.
//! - [`telemetry`]: access logs, tracing, metrics.
//! - [`settings`]: the process itself: admin, node id, limits, control plane.

pub mod cluster;
pub mod listener;
pub mod route;
pub mod settings;
pub mod telemetry;
pub mod tls;

use cluster::Cluster;
use listener::Listener;
use meshform_model::diag::ProblemLocation;
use meshform_model::key::ResourceKey;
use meshform_model::path::Path;
use meshform_model::pointer::Pointer;
use route::RouteTable;
use settings::Settings;
use std::fmt;
use std::sync::Arc;
use tls::{Secret, SecretRef};

/// The resource and the field that something was made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub key: Arc<ResourceKey>,
    /// The field, in canonical form from the resource's root.
    pub pointer: Pointer,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Somebody wrote it: the node, the mesh, a route, a proxy profile.
    Field(Origin),
    /// Nobody wrote it; App Mesh's control plane would have set it.
    AppMesh,
    /// Nobody wrote it; Envoy's own default holds.
    Envoy,
    /// Nobody wrote it; meshform chooses it (App Mesh had none, or hid it).
    Meshform,
}

/// A value with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sourced<T> {
    pub value: T,
    pub source: Source,
}

/// One Envoy: everything that it is sent.
#[derive(Debug, Clone)]
pub struct ProxyIr {
    /// The virtual node or virtual gateway.
    pub key: Arc<ResourceKey>,
    pub settings: Settings,
    pub listeners: Vec<Listener>,
    pub tables: Vec<RouteTable>,
    pub clusters: Vec<Arc<Cluster>>,
    pub secrets: Vec<Secret>,
}

/// Every secret that is referred to, with the field that wants it: those of listeners first, then those of clusters.
pub(crate) fn wanted_secrets<'a>(
    listeners: &'a [Listener],
    clusters: &'a [Arc<Cluster>],
) -> impl Iterator<Item = (&'a SecretRef, &'a Origin)> {
    let servers = listeners
        .iter()
        .flat_map(|listener| listener.chains.iter().chain(&listener.default_chain))
        .filter_map(|chain| chain.tls.as_deref())
        .flat_map(|tls| {
            let clients = tls.clients.as_ref().map(|clients| &clients.trust);
            [Some(&tls.certificate), clients].map(|secret| (secret, &tls.origin))
        });
    let callers = clusters
        .iter()
        .filter_map(|cluster| cluster.tls.as_deref())
        .flat_map(|tls| {
            let server = tls.validation.as_ref().map(|server| &server.trust);
            [tls.certificate.as_ref(), server].map(|secret| (secret, &tls.origin))
        });
    servers
        .chain(callers)
        .filter_map(|(secret, origin)| secret.map(|secret| (secret, origin)))
}

impl Origin {
    /// A resource as a whole.
    pub fn whole(key: &Arc<ResourceKey>) -> Self {
        Self {
            key: Arc::clone(key),
            pointer: Pointer::root(),
        }
    }

    /// A field of a resource.
    pub fn at<T>(key: &Arc<ResourceKey>, path: Path<T>) -> Self {
        Self {
            key: Arc::clone(key),
            pointer: path.into(),
        }
    }

    /// A field further down, where a `T` stands here: `origin.below(|tls: Path<ListenerTls>| tls.certificate())`.
    #[must_use]
    pub fn below<T, U>(&self, step: impl FnOnce(Path<T>) -> Path<U>) -> Self {
        Self {
            key: Arc::clone(&self.key),
            pointer: step(Path::known(self.pointer.clone())).into(),
        }
    }

    /// As the place of a diagnostic.
    pub fn place(&self) -> ProblemLocation {
        ProblemLocation::of(&self.key, &self.pointer)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.key, self.pointer)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Field(origin) => origin.fmt(f),
            Source::AppMesh => f.write_str("App Mesh's default"),
            Source::Envoy => f.write_str("Envoy's default"),
            Source::Meshform => f.write_str("meshform's default"),
        }
    }
}

impl<T> Sourced<T> {
    pub fn written(value: T, origin: Origin) -> Self {
        Self {
            value,
            source: Source::Field(origin),
        }
    }

    /// What App Mesh would have set.
    pub fn app_mesh(value: T) -> Self {
        Self {
            value,
            source: Source::AppMesh,
        }
    }

    /// What Envoy does when told nothing.
    pub fn envoy(value: T) -> Self {
        Self {
            value,
            source: Source::Envoy,
        }
    }

    pub fn ours(value: T) -> Self {
        Self {
            value,
            source: Source::Meshform,
        }
    }

    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: f(self.value),
            source: self.source,
        }
    }
}
