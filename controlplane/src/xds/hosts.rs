//! Hosts that a poller looks up: an input of their own beside the releases, which changes without one.

use super::view::{WireResource, assignment};
use meshform_release::{Hosts, ServedRelease};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of the hosts of a mesh that are looked up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Polled {
    /// The names under which Envoy asks for them.
    names: BTreeSet<String>,
    known: BTreeMap<String, Arc<WireResource>>,
    /// Whether all places were read, so that of what is not known nothing is written.
    read: bool,
}

/// What is known of the hosts of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostsOf {
    /// They are not looked up: what the release says holds.
    Release,
    Known(Arc<WireResource>),
    /// Nobody has looked them up.
    Nobody,
    /// It is not known whether somebody has.
    Unread,
}

impl Polled {
    pub(crate) fn of(&self, name: &str) -> HostsOf {
        if !self.names.contains(name) {
            return HostsOf::Release;
        }
        match (self.known.get(name), self.read) {
            (Some(entry), _) => HostsOf::Known(Arc::clone(entry)),
            (None, true) => HostsOf::Nobody,
            (None, false) => HostsOf::Unread,
        }
    }

    /// With what was read now. What is not there any more stays: a poller that begins, or a place that cannot be read, is no
    /// reason to take hosts away.
    pub(crate) fn then(&self, served: &ServedRelease, hosts: Hosts) -> Result<Self, String> {
        let names: BTreeSet<String> = served.polled().map(ToOwned::to_owned).collect();
        let mut known = self.known.clone();
        known.retain(|name, _| names.contains(name));
        for (name, hosts) in hosts.clusters {
            let entry = assignment(&name, &hosts)?;
            if known.get(&name).is_none_or(|before| **before != entry) {
                known.insert(name, Arc::new(entry));
            }
        }
        Ok(Self {
            read: hosts.problem.is_none() || (self.read && self.names == names),
            names,
            known,
        })
    }

    #[cfg(test)]
    pub(crate) fn made_up(names: &[&str], known: &[(&str, &str)], read: bool) -> Self {
        let entry = |name: &str, version: &str| {
            let none = bytes::Bytes::new();
            Arc::new(WireResource::new(name, version, none))
        };
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            known: known
                .iter()
                .map(|(name, version)| ((*name).to_owned(), entry(name, version)))
                .collect(),
            read,
        }
    }
}
