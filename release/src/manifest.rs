//! What a release is: which proxies there are, and which blob holds the files of each.

use crate::error::{ReleaseError, Result};
use meshform_bundle::discovery::DiscoveredNode;
use meshform_model::key::ResourceKey;
use meshform_store::{Digest, Revision};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The newest form of a manifest that is understood.
const FORMAT: u32 = 1;

/// A release. Its name is the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: u32,
    /// The store that it was made in.
    pub store: String,
    pub mesh: String,
    /// The mesh's revision that it was made from.
    pub revision: Revision,
    /// The proxies, by their folder.
    pub proxies: BTreeMap<String, ProxyEntry>,
    /// The routers that have routes and the virtual services that lead to a node or to such a router, as paths of
    /// their keys. Releases of older versions say nothing of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub routed: BTreeSet<String>,
    /// The nodes whose addresses a poller looks up, by name. Releases of older versions say nothing of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub discovery: BTreeMap<String, DiscoveredNode>,
    /// The blob with the mesh's resources that it was made from. Releases of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Digest>,
}

/// One proxy of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyEntry {
    /// The virtual node or gateway.
    pub key: ResourceKey,
    /// What the compiler calls this version of it.
    pub digest: String,
    /// The blob with its files.
    pub bundle: Digest,
    /// The bootstrap's digest: where it changes, a running Envoy must be started anew to see it.
    pub bootstrap: Digest,
}

/// How one proxy differs between two releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyChange {
    pub key: ResourceKey,
    pub path: String,
    pub what: WhatChanged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhatChanged {
    Added,
    /// A running Envoy follows by itself.
    Configuration,
    /// The bootstrap changed too, which a running Envoy sees when it is started anew.
    Bootstrap,
    Removed,
}

impl Manifest {
    pub(crate) fn new(store: String, mesh: &str, revision: Revision) -> Self {
        Self {
            format: FORMAT,
            store,
            mesh: mesh.to_owned(),
            revision,
            proxies: BTreeMap::new(),
            routed: BTreeSet::new(),
            discovery: BTreeMap::new(),
            resources: None,
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| self.damaged(&error.to_string()))
    }

    /// Reads one and checks that it is what it should be.
    pub fn decode(mesh: &str, bytes: &[u8]) -> Result<Self> {
        let damaged = |detail: String| ReleaseError::Damaged {
            mesh: mesh.to_owned(),
            detail,
        };
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(damaged(format!(
                "it has format {}; this version knows formats up to {FORMAT}",
                manifest.format
            )));
        }
        if manifest.mesh != mesh {
            return Err(damaged(format!("it is of mesh `{}`", manifest.mesh)));
        }
        if let Some(path) = manifest
            .proxies
            .keys()
            .find(|path| !meshform_bundle::layout::is_inside(path))
        {
            return Err(damaged(format!(
                "the folder `{path}` points outside of its place"
            )));
        }
        Ok(manifest)
    }

    /// The blobs that it refers to.
    pub(crate) fn bundles(&self) -> impl Iterator<Item = &Digest> {
        self.proxies.values().map(|entry| &entry.bundle)
    }

    /// Which proxies differ after `before`, by folder.
    pub fn changes_since(&self, before: Option<&Self>) -> Vec<ProxyChange> {
        let nothing = BTreeMap::new();
        changes(before.map_or(&nothing, |before| &before.proxies), &self.proxies)
    }

    /// What taking everything away changes.
    pub fn all_removed(&self) -> Vec<ProxyChange> {
        changes(&self.proxies, &BTreeMap::new())
    }

    fn damaged(&self, detail: &str) -> ReleaseError {
        ReleaseError::Damaged {
            mesh: self.mesh.clone(),
            detail: detail.to_owned(),
        }
    }
}

fn changes(before: &BTreeMap<String, ProxyEntry>, after: &BTreeMap<String, ProxyEntry>) -> Vec<ProxyChange> {
    let mut changes = Vec::new();
    for (path, entry) in after {
        let what = match before.get(path) {
            None => WhatChanged::Added,
            Some(old) if old.bootstrap != entry.bootstrap => WhatChanged::Bootstrap,
            Some(old) if old.bundle != entry.bundle => WhatChanged::Configuration,
            Some(_) => continue,
        };
        changes.push(ProxyChange {
            key: entry.key.clone(),
            path: path.clone(),
            what,
        });
    }
    for (path, entry) in before.iter().filter(|(path, _)| !after.contains_key(*path)) {
        changes.push(ProxyChange {
            key: entry.key.clone(),
            path: path.clone(),
            what: WhatChanged::Removed,
        });
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}
