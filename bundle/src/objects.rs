//! The small objects of a bucket by which publisher, poller, agents and `status` meet.
//!
//! Each is one JSON object with its `format`; fields that a newer version of the same format adds are let through.

use crate::error::{Error, Result};
use crate::proxy::{ProxyId, mesh_prefix};
use meshform_model::digest::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The newest form of every object here.
const FORMAT: u32 = 1;

/// The key of the object that every writer of a store touches: a hint that something changed.
pub const WAKE_KEY: &str = "wake";

/// What one proxy is to run: `m/MESH/proxies/KIND/NAME/current.json`, which its agent follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    pub format: u32,
    pub mesh: String,
    /// Whose it is, as [`ProxyId`] is written.
    pub proxy: String,
    /// The version of the mesh's pointer that it was written for. A reader ignores a smaller one than it has seen, so
    /// that a slow publisher cannot turn it back.
    pub sequence: u64,
    pub release: Option<Digest>,
    /// The bundle under `bundles/`; none where the node or gateway is gone, and its proxies are to let go.
    pub bundle: Option<Digest>,
    /// The digest of the bundle's bootstrap: where it changes, a running Envoy must be started anew to see it.
    pub bootstrap: Option<Digest>,
    /// The set of endpoints under the mesh's `endpoints/`, where something polls them. The publisher keeps it.
    #[serde(default)]
    pub endpoints: Option<Digest>,
    /// Whether proxies are held at this release.
    #[serde(default)]
    pub pinned: bool,
}

/// Where the clusters of a mesh with polled discovery are reached: `m/MESH/endpoints/DIGEST`, immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSet {
    pub format: u32,
    /// When it was read, in milliseconds since 1970.
    pub at: u64,
    /// By the name under which Envoy asks for a cluster's endpoints.
    pub clusters: BTreeMap<String, Vec<Endpoint>>,
}

/// One address that requests go to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    pub address: String,
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// What the source says of it.
    #[serde(default)]
    pub health: Health,
    /// Its share among the cluster's endpoints; 1 where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// What a source of endpoints says of one; named as Envoy does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Health {
    /// Nothing is known against it.
    #[default]
    Healthy,
    /// Envoy sends it nothing.
    Unhealthy,
    /// It gets no new requests; those under way end.
    Draining,
}

/// What one running proxy has and how it is: `m/MESH/status/KIND/NAME/INSTANCE.json`, written by its agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub format: u32,
    pub mesh: String,
    /// Whose it is, as [`ProxyId`] is written.
    pub proxy: String,
    /// The ECS task, pod, machine or host.
    pub instance: String,
    /// When it was written, in milliseconds since 1970, by the proxy's clock.
    pub at: u64,
    pub agent: String,
    /// When the agent began, in milliseconds since 1970 by the proxy's clock; zero of agents that do not tell.
    #[serde(default)]
    pub started: u64,
    pub state: ProxyState,
    /// The agent has ended because Envoy could not be kept running: its last report. The state is
    /// [`Failing`](ProxyState::Failing), which older readers understand, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gave_up: bool,
    /// Why, where it does not serve, or serves something else than it should.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Envoy's version, once it has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envoy: Option<String>,
    /// How often Envoy was started again.
    #[serde(default)]
    pub restarts: u32,
    /// The release that Envoy has taken; none before the first.
    pub release: Option<Digest>,
    /// This proxy's bundle of it.
    pub bundle: Option<Digest>,
    /// The set of endpoints in effect, where any are looked up.
    pub endpoints: Option<Digest>,
    /// The pointer's version that it was read from.
    pub sequence: u64,
    /// Since when the release is in effect, in milliseconds since 1970.
    pub since: u64,
    /// Whether Envoy must be started anew to take the bootstrap of its release.
    #[serde(default)]
    pub needs_restart: bool,
    /// Where Envoy has its configuration from.
    #[serde(default)]
    pub mode: Delivery,
    /// What the proxy has found in Cloud Map itself, by node; none where it leaves that to the mesh's poller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<BTreeMap<String, NodeState>>,
    /// What Envoy did not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<RejectedRelease>,
    /// The certificates that Envoy holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProxyState {
    /// Envoy is not ready yet.
    Starting,
    Ready,
    /// Envoy does not answer, or says that it is not ready.
    Failing,
    /// It was told to stop, and serves what is under way.
    Draining,
    /// The agent was told to stop, has ended Envoy and ends itself: its last report.
    Stopped,
}

/// What a poller knows of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// When its source was last read well, in milliseconds since 1970; zero where it never was.
    pub at: u64,
    /// How many addresses there are that get requests.
    pub endpoints: usize,
    /// In a bucket: a set of endpoints that has this node's, for servers that tell proxies themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Digest>,
    /// Why it was not read at the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Where the Envoy beside an agent has its configuration from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// Files, which its agent writes.
    #[default]
    Files,
    /// A control plane, by ADS. What of it is in effect the control plane knows; the status has its release alone.
    Ads,
    /// Files, because the control plane was away when Envoy was started.
    Fallback,
}

/// A release that Envoy did not take; also the content of the marker `m/MESH/rejected/KIND/NAME/INSTANCE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedRelease {
    pub release: Option<Digest>,
    pub bundle: Option<Digest>,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What Envoy says, one for each resource that it did not take.
    pub problems: Vec<RejectedResource>,
}

/// One Envoy resource that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedResource {
    /// Envoy's resource: its name, or its type where Envoy does not say which.
    pub envoy: String,
    /// Envoy's own message, in English.
    pub reason: String,
    /// The mesh's resource that it comes from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl fmt::Display for RejectedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envoy refused `{}`: {}", self.envoy, self.reason)?;
        match (&self.resource, &self.field) {
            (Some(resource), Some(field)) if !field.is_empty() => write!(f, " (from {resource}, {field})"),
            (Some(resource), _) => write!(f, " (from {resource})"),
            _ => Ok(()),
        }
    }
}

/// A certificate that Envoy holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The file, or the secret.
    pub name: String,
    /// When it expires, as Envoy writes it.
    pub not_after: String,
}

/// An object with a form.
pub(crate) trait Object: Serialize + DeserializeOwned {
    const WHAT: &'static str;
}

impl Object for Current {
    const WHAT: &'static str = "current.json";
}

impl Object for EndpointSet {
    const WHAT: &'static str = "endpoint set";
}

impl Object for Status {
    const WHAT: &'static str = "status";
}

pub(crate) fn encode<T: Object>(object: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(object).map_err(|error| Error::damaged(T::WHAT, error))
}

pub(crate) fn decode<T: Object>(bytes: &[u8]) -> Result<T> {
    #[derive(Deserialize)]
    struct Head {
        format: u64,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| Error::damaged(T::WHAT, error))?;
    if head.format > u64::from(FORMAT) {
        return Err(Error::Newer {
            what: T::WHAT,
            format: head.format,
            known: FORMAT,
        });
    }
    serde_json::from_slice(bytes).map_err(|error| Error::damaged(T::WHAT, error))
}

impl Current {
    /// What a proxy is to run before anything was published for it.
    pub fn new(proxy: &ProxyId, sequence: u64) -> Self {
        Self {
            format: FORMAT,
            mesh: proxy.mesh().to_owned(),
            proxy: proxy.to_string(),
            sequence,
            release: None,
            bundle: None,
            bootstrap: None,
            endpoints: None,
            pinned: false,
        }
    }

    /// As the object's content.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn encode(&self) -> Result<Vec<u8>> {
        encode(self)
    }

    /// Reads the object of `proxy`.
    ///
    /// # Errors
    /// When it is malformed, of a newer format, or of another proxy.
    pub fn decode(proxy: &ProxyId, bytes: &[u8]) -> Result<Self> {
        let current: Self = decode(bytes)?;
        if current.proxy != proxy.to_string() {
            let detail = format!("it belongs to {}, not to {proxy}", current.proxy);
            return Err(Error::damaged(Self::WHAT, detail));
        }
        Ok(current)
    }
}

impl EndpointSet {
    pub fn new(at: u64) -> Self {
        Self {
            format: FORMAT,
            at,
            clusters: BTreeMap::new(),
        }
    }

    /// As the object's content.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn encode(&self) -> Result<Vec<u8>> {
        encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is malformed or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        decode(bytes)
    }

    /// The key of a mesh's set.
    pub fn key(mesh: &str, digest: &Digest) -> String {
        format!("{}/endpoints/{digest}", mesh_prefix(mesh))
    }
}

impl Status {
    /// Of a proxy that has nothing yet.
    pub fn new(proxy: &ProxyId, instance: &str) -> Self {
        Self {
            format: FORMAT,
            mesh: proxy.mesh().to_owned(),
            proxy: proxy.to_string(),
            instance: instance.to_owned(),
            at: 0,
            agent: String::new(),
            started: 0,
            state: ProxyState::Starting,
            gave_up: false,
            reasons: Vec::new(),
            envoy: None,
            restarts: 0,
            release: None,
            bundle: None,
            endpoints: None,
            sequence: 0,
            since: 0,
            needs_restart: false,
            mode: Delivery::Files,
            discovery: None,
            rejected: None,
            certificates: Vec::new(),
        }
    }

    /// As the object's content.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn encode(&self) -> Result<Vec<u8>> {
        encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is malformed or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_back_and_newer_ones_refused() {
        let proxy = ProxyId::virtual_node("apps", "a");
        let mut current = Current::new(&proxy, 7);
        current.bundle = Some(Digest::of(b"x"));
        let bytes = current.encode().unwrap();
        assert_eq!(Current::decode(&proxy, &bytes).unwrap(), current);
        let other = ProxyId::virtual_node("apps", "b");
        assert!(
            Current::decode(&other, &bytes)
                .unwrap_err()
                .to_string()
                .contains("not to")
        );
        let newer = String::from_utf8(bytes)
            .unwrap()
            .replace("\"format\":1", "\"format\":9");
        assert_eq!(
            Current::decode(&proxy, newer.as_bytes()).unwrap_err().to_string(),
            "the current.json has format 9; this version reads formats up to 1"
        );
        assert!(Current::decode(&proxy, b"{}").is_err());
        let status = Status::new(&proxy, "task");
        assert_eq!(Status::decode(&status.encode().unwrap()).unwrap(), status);
    }

    #[test]
    fn an_endpoint_needs_only_address_and_port() {
        let text = br#"{"format":1,"at":5,"clusters":{"c":[{"address":"10.0.0.1","port":80}]}}"#;
        let set = EndpointSet::decode(text).unwrap();
        assert_eq!(set.clusters["c"][0].health, Health::Healthy);
        assert_eq!(EndpointSet::decode(&set.encode().unwrap()).unwrap(), set);
        let digest = Digest::of(text);
        assert_eq!(
            EndpointSet::key("a b", &digest),
            format!("m/a%20b/endpoints/{digest}")
        );
    }
}
