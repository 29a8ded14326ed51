//! What publishers and the poller of endpoints tell each other.
//!
//! A publisher says what has to be looked up and for whom ([`Discovery`]), so that a poller needs neither mesh nor
//! store; the poller says that it lives and when it read what ([`PollerState`]), so that plans and `status` can tell.

use crate::error::{Error, Result};
pub use crate::objects::NodeState;
use crate::objects::{Object, decode, encode};
use crate::proxy::mesh_prefix;
pub use meshform_model::spec::IpPreference;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The newest form of these objects that is understood, and the one that is written.
const FORMAT: u32 = 1;

/// How old what was read of a node may be, in milliseconds, before its callers are taken to have no addresses (MF0302):
/// twenty rounds of a poller that nobody says anything to.
pub const FRESH_MILLIS: u64 = 300_000;

/// What a poller has to look up for a mesh: `m/MESH/proxies/discovery.json`, written by publishers; in a directory
/// that Envoys read, `.meshform/discovery/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    pub format: u32,
    pub mesh: String,
    /// The version of the mesh's pointer that it was written for; a publisher leaves a later one alone.
    pub sequence: u64,
    pub nodes: BTreeMap<String, DiscoveredNode>,
}

/// A virtual node whose instances are looked up in Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredNode {
    pub namespace: String,
    pub service: String,
    /// What instances must carry, all of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Which of an instance's addresses are wanted; IPv4 before IPv6 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
    /// The ports on instances, by the name under which Envoy asks for the hosts.
    pub assignments: BTreeMap<String, u16>,
    /// The proxies that need the addresses, as [`ProxyId`](crate::ProxyId) is written.
    pub callers: BTreeSet<String>,
}

/// Who polls the endpoints of a mesh, and what was read: `m/MESH/endpoints/lease.json`, written by the poller every few
/// seconds. It is a lease: another poller takes it over when it has not changed for [`LOST`](Self::LOST).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollerState {
    pub format: u32,
    pub mesh: String,
    /// Which poller: its host, and something random.
    pub holder: String,
    /// Until when it holds the lease, in milliseconds since 1970, by its own clock. Zero where it has let go.
    pub until: u64,
    /// What it knows of each node, by name.
    #[serde(default)]
    pub nodes: BTreeMap<String, NodeState>,
}

impl Object for Discovery {
    const WHAT: &'static str = "discovery.json";
}

impl Object for PollerState {
    const WHAT: &'static str = "endpoints lease";
}

impl Discovery {
    /// Nothing to look up yet.
    pub fn new(mesh: &str, sequence: u64) -> Self {
        Self {
            format: FORMAT,
            mesh: mesh.to_owned(),
            sequence,
            nodes: BTreeMap::new(),
        }
    }

    /// As the object's content.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn encode(&self) -> Result<Vec<u8>> {
        encode(self)
    }

    /// Reads the object of `mesh`.
    ///
    /// # Errors
    /// When it is malformed, of a newer format, or of another mesh.
    pub fn decode(mesh: &str, bytes: &[u8]) -> Result<Self> {
        let discovery: Self = decode(bytes)?;
        of_mesh(mesh, &discovery.mesh, Self::WHAT)?;
        Ok(discovery)
    }

    pub fn key(mesh: &str) -> String {
        format!("{}/proxies/discovery.json", mesh_prefix(mesh))
    }
}

impl PollerState {
    /// How often the lease is renewed, in milliseconds: two renewals may fail before it is lost.
    pub const RENEW: u64 = 10_000;

    /// How long it may go without, in milliseconds, before another poller takes over. Hosts stay as they are until
    /// then.
    pub const LOST: u64 = 30_000;

    /// Of a poller that has read nothing yet.
    pub fn new(mesh: &str, holder: &str) -> Self {
        Self {
            format: FORMAT,
            mesh: mesh.to_owned(),
            holder: holder.to_owned(),
            until: 0,
            nodes: BTreeMap::new(),
        }
    }

    /// As the object's content.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn encode(&self) -> Result<Vec<u8>> {
        encode(self)
    }

    /// Reads the object of `mesh`.
    ///
    /// # Errors
    /// When it is malformed, of a newer format, or of another mesh.
    pub fn decode(mesh: &str, bytes: &[u8]) -> Result<Self> {
        let state: Self = decode(bytes)?;
        of_mesh(mesh, &state.mesh, Self::WHAT)?;
        Ok(state)
    }

    pub fn key(mesh: &str) -> String {
        format!("{}/endpoints/lease.json", mesh_prefix(mesh))
    }

    /// When the poller wrote this, by its own clock; none once it has let go of the lease.
    pub fn written_at(&self) -> Option<u64> {
        self.until.checked_sub(Self::LOST)
    }

    /// Whether a node's source was read within [`FRESH_MILLIS`] before `now`, in milliseconds since 1970 by the poller's clock.
    pub fn is_fresh(&self, node: &str, now: u64) -> bool {
        let known = self.nodes.get(node);
        known.is_some_and(|known| known.at.saturating_add(FRESH_MILLIS) > now)
    }
}

fn of_mesh(mesh: &str, found: &str, what: &'static str) -> Result<()> {
    if mesh == found {
        return Ok(());
    }
    Err(Error::damaged(
        what,
        format!("it belongs to mesh `{found}`, not to `{mesh}`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_looked_up_is_read_back_and_another_meshs_refused() {
        let mut discovery = Discovery::new("Apps", 3);
        let node = DiscoveredNode {
            namespace: "apps.local".into(),
            service: "api".into(),
            attributes: [("stage".into(), "prod".into())].into(),
            ip_preference: Some(IpPreference::Ipv6Only),
            assignments: [("cds_egress_Apps_api_http_80".into(), 80)].into(),
            callers: ["mesh/Apps/virtualNode/web".into()].into(),
        };
        discovery.nodes.insert("api".into(), node);
        let bytes = discovery.encode().unwrap();
        assert_eq!(Discovery::decode("Apps", &bytes).unwrap(), discovery);
        let other = Discovery::decode("apps", &bytes).unwrap_err().to_string();
        assert!(other.contains("`Apps`, not to `apps`"), "{other}");
        assert_eq!(Discovery::key("Apps"), "m/Apps/proxies/discovery.json");
    }

    #[test]
    fn what_was_read_is_fresh_for_five_minutes() {
        let mut state = PollerState::new("apps", "host-1");
        state.nodes.insert(
            "api".into(),
            NodeState {
                at: 1_000_000,
                ..NodeState::default()
            },
        );
        assert!(state.is_fresh("api", 1_000_000 + FRESH_MILLIS - 1));
        assert!(!state.is_fresh("api", 1_000_000 + FRESH_MILLIS));
        assert!(!state.is_fresh("other", 1_000_000));
        let bytes = state.encode().unwrap();
        assert_eq!(PollerState::decode("apps", &bytes).unwrap(), state);
    }
}
