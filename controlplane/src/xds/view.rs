//! What one proxy is told: the resources of its bundle, encoded once, each with the digest of its content as version.

use super::proto::{DeltaResponse, Resource, WorldResponse};
use bytes::Bytes;
use meshform_bundle::layout::types;
use meshform_bundle::objects::Endpoint;
use meshform_bundle::{Bundle, Origin, ROOT};
use meshform_envoy_api::envoy::config::cluster::v3::Cluster;
use meshform_envoy_api::envoy::config::endpoint::v3::ClusterLoadAssignment;
use meshform_envoy_api::envoy::config::listener::v3::Listener;
use meshform_envoy_api::envoy::config::route::v3::RouteConfiguration;
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3::Secret;
use meshform_envoy_api::{any, from_json};
use meshform_model::digest::Digest;
use prost::Message as _;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The types of resource that are served, in the order in which they are sent: what others need comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum XdsType {
    Cluster,
    Endpoints,
    Secret,
    Listener,
    Routes,
}

impl XdsType {
    pub(crate) const ALL: [Self; 5] = [
        Self::Cluster,
        Self::Endpoints,
        Self::Secret,
        Self::Listener,
        Self::Routes,
    ];

    pub(crate) fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => types::CLUSTER,
            Self::Endpoints => types::ENDPOINTS,
            Self::Secret => types::SECRET,
            Self::Listener => types::LISTENER,
            Self::Routes => types::ROUTES,
        }
    }

    pub(crate) fn of(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }

    /// Whether Envoy asks for all there are, by no name.
    pub(crate) fn is_wildcard(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }
}

/// A resource as it goes over the wire, encoded once for all streams.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WireResource {
    /// Name and version are shared with every stream that was sent it.
    pub(crate) name: Arc<str>,
    pub(crate) version: Arc<str>,
    /// As a field of an incremental response: with its name and version.
    pub(crate) named: Bytes,
    /// As a field of a response of the state of the world: the `Any` alone.
    pub(crate) alone: Bytes,
    /// Of a cluster whose endpoints are asked for: under which name.
    pub(crate) endpoints: Option<String>,
    /// Of a cluster: whether Envoy asks DNS for its hosts, so that it is acknowledged before it can be used.
    pub(crate) resolves: bool,
}

impl WireResource {
    /// `any`: the resource as an encoded `Any`.
    pub(crate) fn new(name: &str, version: &str, any: Bytes) -> Self {
        let tail = Resource {
            name: name.to_owned(),
            ..Resource::default()
        };
        let alone = WorldResponse {
            resources: vec![any.clone()],
            ..WorldResponse::default()
        };
        let resource = Resource {
            version: version.to_owned(),
            resource: any,
            ..tail.clone()
        };
        let named = DeltaResponse {
            resources: vec![resource],
            ..DeltaResponse::default()
        };
        let (named, alone) = (named.encode_to_vec(), alone.encode_to_vec());
        // Both forms have the `Any` in a field of the same number, so that one holds the other; its name comes last.
        let end = named.len() - tail.encoded_len();
        let begin = end.saturating_sub(alone.len());
        let named = Bytes::from(named);
        let alone = match named.get(begin..end) == Some(&alone) {
            true => named.slice(begin..end),
            false => alone.into(),
        };
        Self {
            name: name.into(),
            version: version.into(),
            named,
            alone,
            endpoints: None,
            resolves: false,
        }
    }
}

/// What one proxy is told.
#[derive(Debug, Default)]
pub(crate) struct View {
    resources: BTreeMap<XdsType, BTreeMap<Arc<str>, Arc<WireResource>>>,
    origins: BTreeMap<String, Vec<Origin>>,
    /// The names under which clusters ask for endpoints.
    endpoints: BTreeSet<String>,
}

impl View {
    /// What a bundle says. Resources that other proxies have too are encoded once.
    pub(crate) fn new(bundle: Bundle, pool: &Pool) -> Result<Self, String> {
        let mut view = Self {
            origins: bundle.origins,
            ..Self::default()
        };
        for resource in bundle.resources {
            let Some(kind) = XdsType::of(&resource.type_url) else {
                continue;
            };
            let entry = pool.entry(kind, resource.digest.as_str(), || {
                encode(kind, &resource.name, resource.body.as_str())
            })?;
            view.endpoints.extend(entry.endpoints.clone());
            let of_kind = view.resources.entry(kind).or_default();
            of_kind.insert(Arc::clone(&entry.name), entry);
        }
        Ok(view)
    }

    /// The resources of a kind.
    pub(crate) fn of(&self, kind: XdsType) -> impl Iterator<Item = (&Arc<str>, &Arc<WireResource>)> {
        self.resources.get(&kind).into_iter().flatten()
    }

    pub(crate) fn get(&self, kind: XdsType, name: &str) -> Option<&Arc<WireResource>> {
        self.resources.get(&kind)?.get(name)
    }

    /// Whether a cluster asks for endpoints under that name.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.endpoints.contains(name)
    }

    /// The mesh's resource and field that an error of Envoy is about, where its text names one of ours.
    pub(crate) fn blamed(&self, kind: XdsType, message: &str) -> Option<&Origin> {
        let names = self.of(kind).map(|(name, _)| &**name);
        // The longest that is named: one name may begin another.
        let name = names
            .filter(|name| message.contains(name))
            .max_by_key(|name| name.len())?;
        meshform_bundle::blamed(self.origins.get(name)?, message)
    }
}

/// The hosts of a cluster that a poller has found.
pub(crate) fn assignment(name: &str, hosts: &[Endpoint]) -> Result<WireResource, String> {
    let json = meshform_bundle::endpoints::assignment(name, hosts);
    let message = from_json::<ClusterLoadAssignment>(&json).map_err(|error| error.to_string())?;
    Ok(entry(name, any(&message).encode_to_vec()))
}

/// That a cluster has no hosts, which is not the same as nothing.
pub(crate) fn no_endpoints(name: &str) -> WireResource {
    let none = ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        ..ClusterLoadAssignment::default()
    };
    entry(name, any(&none).encode_to_vec())
}

fn entry(name: &str, any: Vec<u8>) -> WireResource {
    WireResource::new(name, Digest::of(&any).short(), any.into())
}

/// What is kept as long as somebody else has it, by a key.
#[derive(Debug)]
pub(crate) struct Shared<K, V> {
    known: BTreeMap<K, Weak<V>>,
    /// How many there may be until those are forgotten that nobody has any more. It is twice what was left the last time:
    /// looking at all of them for each new one would cost the square of their number.
    full: usize,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            full: Self::FEW,
        }
    }
}

impl<K, V> Shared<K, V> {
    const FEW: usize = 64;
}

impl<K: Ord, V> Shared<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.known.get(key).and_then(Weak::upgrade)
    }

    pub(crate) fn get_or_put(&mut self, key: &K) -> Arc<V>
    where
        K: Clone,
        V: Default,
    {
        self.get(key).unwrap_or_else(|| {
            let value = Arc::default();
            self.put(key.clone(), &value);
            value
        })
    }

    pub(crate) fn put(&mut self, key: K, value: &Arc<V>) {
        if self.known.len() >= self.full {
            self.known.retain(|_, value| value.strong_count() > 0);
            self.full = (2 * self.known.len()).max(Self::FEW);
        }
        self.known.insert(key, Arc::downgrade(value));
    }
}

/// Entries by the digest of what they were made from.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    entries: Mutex<Shared<(XdsType, String), WireResource>>,
}

impl Pool {
    fn entry(
        &self,
        kind: XdsType,
        digest: &str,
        make: impl FnOnce() -> Result<WireResource, String>,
    ) -> Result<Arc<WireResource>, String> {
        let key = (kind, digest.to_owned());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = entries.get(&key) {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        entries.put(key, &made);
        Ok(made)
    }
}

/// A body of a bundle as the message that goes over the wire: what a bundle says of files that Envoy watches is asked of the
/// same stream instead.
fn encode(kind: XdsType, name: &str, body: &str) -> Result<WireResource, String> {
    let mut json: Json = serde_json::from_str(body).map_err(|error| error.to_string())?;
    by_stream(&mut json, kind);
    let made = match kind {
        XdsType::Cluster => from_json::<Cluster>(&json).map(|message| any(&message)),
        XdsType::Endpoints => from_json::<ClusterLoadAssignment>(&json).map(|message| any(&message)),
        XdsType::Secret => from_json::<Secret>(&json).map(|message| any(&message)),
        XdsType::Listener => from_json::<Listener>(&json).map(|message| any(&message)),
        XdsType::Routes => from_json::<RouteConfiguration>(&json).map(|message| any(&message)),
    };
    let made = made.map_err(|error| error.to_string())?;
    Ok(WireResource {
        endpoints: endpoints_of(&json),
        resolves: kind == XdsType::Cluster && asks_dns(&json),
        ..entry(name, made.encode_to_vec())
    })
}

/// How long Envoy waits for the endpoints of a cluster that changed before it goes on with those that it has.
const ENDPOINTS: &str = "5s";

fn by_stream(json: &mut Json, kind: XdsType) {
    match json {
        Json::Object(fields) => {
            let path = ["path_config_source", "pathConfigSource"]
                .iter()
                .find_map(|name| Some((*name, fields.get(*name)?.get("path")?.as_str()?.starts_with(ROOT))));
            if let Some((name, true)) = path {
                fields.remove(name);
                fields.insert("ads".to_owned(), json!({}));
                if kind == XdsType::Cluster {
                    fields.insert("initial_fetch_timeout".to_owned(), json!(ENDPOINTS));
                }
            }
            fields.values_mut().for_each(|value| by_stream(value, kind));
        }
        Json::Array(items) => items.iter_mut().for_each(|value| by_stream(value, kind)),
        _ => {}
    }
}

/// Under which name a cluster asks for its endpoints.
fn endpoints_of(json: &Json) -> Option<String> {
    let config = json
        .get("eds_cluster_config")
        .or_else(|| json.get("edsClusterConfig"))?;
    let name = config.get("service_name").or_else(|| config.get("serviceName"));
    let name = name.or_else(|| json.get("name"))?;
    name.as_str().map(ToOwned::to_owned)
}

/// Whether the hosts of a cluster come from DNS.
fn asks_dns(json: &Json) -> bool {
    let named = |name: &str| json.get(name).and_then(Json::as_str);
    let custom = json.get("cluster_type").or_else(|| json.get("clusterType"));
    let custom = custom.and_then(|custom| custom.get("name")?.as_str());
    matches!(named("type"), Some("STRICT_DNS" | "LOGICAL_DNS")) || custom == Some("envoy.cluster.dns")
}

/// A view of made-up resources: kind, name, version. A cluster asks for endpoints under its name; DNS where that ends so.
pub(crate) fn made_up(all: &[(XdsType, &str, &str)]) -> View {
    let mut view = View::default();
    for (kind, name, version) in all {
        let endpoints = (*kind == XdsType::Cluster && !name.ends_with(".dns")).then(|| (*name).to_owned());
        view.endpoints.extend(endpoints.clone());
        let entry = WireResource {
            endpoints,
            resolves: name.ends_with(".dns"),
            ..WireResource::new(name, version, Bytes::new())
        };
        let of_kind = view.resources.entry(*kind).or_default();
        of_kind.insert(Arc::clone(&entry.name), Arc::new(entry));
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_there_as_long_as_somebody_has_it_and_is_forgotten_in_time() {
        let mut shared: Shared<usize, usize> = Shared::default();
        let kept = Arc::new(7);
        shared.put(0, &kept);
        for key in 1..10_000 {
            shared.put(key, &Arc::new(key));
        }
        assert_eq!(shared.get(&0), Some(kept));
        assert_eq!(shared.get(&9_999), None);
        assert!(shared.known.len() <= 64, "{}", shared.known.len());
        let made = shared.get_or_put(&9_999);
        assert!(Arc::ptr_eq(&made, &shared.get_or_put(&9_999)));
        // All of them in use: looked at rarely.
        let all: Vec<Arc<usize>> = (0..1_000).map(Arc::new).collect();
        for one in &all {
            shared.put(**one, one);
        }
        assert!(all.iter().all(|one| shared.get(one).is_some()));
        assert!(shared.full >= 1_000);
    }

    #[test]
    fn what_bundles_say_of_files_is_asked_of_the_stream() {
        let body = format!(
            r#"{{"name": "b", "type": "EDS", "eds_cluster_config": {{"eds_config": {{"resource_api_version": "V3",
               "path_config_source": {{"path": "{ROOT}/x/eds/b.json", "watched_directory": {{"path": "{ROOT}/x"}}}}}}}}}}"#
        );
        let entry = encode(XdsType::Cluster, "b", &body).unwrap();
        assert_eq!(entry.endpoints.as_deref(), Some("b"));
        assert!(
            !entry
                .named
                .windows(ROOT.len())
                .any(|part| part == ROOT.as_bytes())
        );
        assert!(!entry.resolves);
        assert!(encode(XdsType::Cluster, "b", r#"{"nonsense": 1}"#).is_err());
        let named = r#"{"name": "b", "type": "STRICT_DNS"}"#;
        assert!(encode(XdsType::Cluster, "b", named).unwrap().resolves);
    }
}
