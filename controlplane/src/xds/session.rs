//! One stream's state: what was asked for, what was sent, and what may be sent next. Pure: no clock and no connection.
//!
//! Nothing that is needed is taken away before what needs it has gone. A new view is told in three steps, each waited for:
//! clusters with their endpoints, and time for the names of new ones to be resolved; then listeners and routes; then what is gone. Sources: Envoy's description of the
//! protocol, and what Envoy 1.40 was seen to do: it acknowledges a cluster only after it has its endpoints, asks for them
//! again only where it is sent the state of the world, and ignores that endpoints are removed.

use super::hosts::{HostsOf, Polled};
use super::view::{View, WireResource, XdsType, no_endpoints};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a step is waited for before the next one is told all the same, in milliseconds: longer than Envoy warms
/// clusters and listeners by default (15 s), so that an Envoy that never answers keeps only itself waiting.
const STEP: u64 = 20_000;
/// How long Envoy has for the first answers of DNS about a new cluster, in milliseconds. It acknowledges such a cluster at
/// once, and requests that are led to it before it has hosts end with 503.
const RESOLVE: u64 = 1_000;

/// The two forms of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Only the resources that differ from what Envoy has.
    Delta,
    /// Everything of a type, each time.
    World,
}

/// A request, whichever form it had.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypeRequest {
    pub(crate) subscribe: Vec<String>,
    pub(crate) unsubscribe: Vec<String>,
    /// State of the world: all names.
    pub(crate) names: Option<Vec<String>>,
    /// What the client has from an earlier stream.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) nonce: String,
    pub(crate) error: Option<String>,
    /// The first of its type on the stream: whether the client has resources of an earlier one.
    pub(crate) returns: bool,
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    pub(crate) kind: XdsType,
    pub(crate) nonce: String,
    pub(crate) resources: Vec<Arc<WireResource>>,
    pub(crate) removed: Vec<String>,
}

/// Something that the client refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedUpdate {
    pub(crate) kind: XdsType,
    pub(crate) message: String,
}

/// The state of one type on a stream.
#[derive(Debug, Default)]
struct TypeSubscription {
    /// Whether the client has asked for the type.
    open: bool,
    /// Whether it wants all there are.
    wildcard: bool,
    /// Whether it has ever named one.
    explicit: bool,
    names: BTreeSet<Arc<str>>,
    /// The versions that it was sent, or said that it has; none where it is to be sent the resource again.
    sent: BTreeMap<Arc<str>, Option<Arc<str>>>,
    /// Names that it let go while it wants all there are: it is told whether they are among these.
    let_go: BTreeSet<Arc<str>>,
    answered: bool,
    /// Whether the client had resources when the stream began.
    returned: bool,
    /// The response that is not acknowledged, and when it was sent.
    flight: Option<(String, u64)>,
    refused: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Session {
    protocol: Protocol,
    topics: BTreeMap<XdsType, TypeSubscription>,
    view: Option<Arc<View>>,
    /// Clusters of earlier views that routes may still lead to.
    retained: BTreeMap<Arc<str>, Arc<WireResource>>,
    polled: Arc<Polled>,
    resolving: Resolving,
    nonce: u64,
}

/// Whether routes have to wait for names that a new cluster resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolving {
    No,
    /// The cluster was sent, and is not acknowledged.
    Sent,
    /// It was acknowledged; routes may follow from this time on.
    Until(u64),
}

impl Session {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            topics: XdsType::ALL
                .into_iter()
                .map(|kind| (kind, TypeSubscription::default()))
                .collect(),
            view: None,
            retained: BTreeMap::new(),
            polled: Arc::default(),
            resolving: Resolving::No,
            nonce: 0,
        }
    }

    /// Whether the client ran before and does not say what it has: its routes may lead to clusters that are gone.
    pub(crate) fn returns_unnamed(&self) -> bool {
        let clusters = self.topics.get(&XdsType::Cluster);
        self.protocol == Protocol::World && clusters.is_some_and(|topic| topic.returned)
    }

    /// What is reported from now on.
    pub(crate) fn show(&mut self, view: Arc<View>) {
        if let Some(old) = self.view.take() {
            let old = old
                .of(XdsType::Cluster)
                .map(|(name, entry)| (name.clone(), Arc::clone(entry)));
            self.retained.extend(old);
        }
        self.retained
            .retain(|name, _| view.get(XdsType::Cluster, name).is_none());
        self.view = Some(view);
    }

    /// Which hosts are known of clusters whose hosts are looked up, from now on.
    pub(crate) fn know(&mut self, polled: Arc<Polled>) {
        self.polled = polled;
    }

    /// Takes in what Envoy asks for, and whether it took what it was told; the refusal, if it did not.
    pub(crate) fn ask(&mut self, kind: XdsType, asked: TypeRequest) -> Option<RejectedUpdate> {
        let topic = self.topics.entry(kind).or_default();
        let current = topic
            .flight
            .as_ref()
            .is_some_and(|(nonce, _)| *nonce == asked.nonce);
        // An answer to something older: of the state of the world nothing in it counts, as another request follows.
        let stale = !asked.nonce.is_empty() && !current;
        if stale && self.protocol == Protocol::World && topic.flight.is_some() {
            return None;
        }
        let refused = match (&asked.error, current) {
            (Some(message), true) => Some(RejectedUpdate {
                kind,
                message: message.clone(),
            }),
            _ => None,
        };
        if current {
            topic.flight = None;
            topic.refused = asked.error;
        }
        if !topic.open {
            topic.open = true;
            topic.returned = asked.returns;
            let versions = asked.versions.into_iter();
            topic.sent = versions
                .map(|(name, version)| (name.into(), (!version.is_empty()).then(|| version.into())))
                .collect();
        }
        match asked.names {
            Some(names) => topic.all_names(kind, names),
            None => topic.changed_names(kind, asked.subscribe, asked.unsubscribe),
        }
        refused
    }

    /// What may be sent now. `now` is in milliseconds of any clock that does not go back.
    pub(crate) fn next(&mut self, now: u64) -> Vec<Push> {
        let Some(view) = self.view.clone() else {
            return Vec::new();
        };
        let mut out = Vec::new();
        out.extend(self.upserts(XdsType::Cluster, &view, false, now));
        for kind in [XdsType::Endpoints, XdsType::Secret] {
            out.extend(self.upserts(kind, &view, true, now));
        }
        self.resolving = match self.resolving {
            Resolving::Sent if self.settled(XdsType::Cluster, now) => Resolving::Until(now + RESOLVE),
            Resolving::Until(then) if now >= then => Resolving::No,
            other => other,
        };
        let has_hosts = self.resolving == Resolving::No;
        if has_hosts && self.settled(XdsType::Cluster, now) && self.settled(XdsType::Endpoints, now) {
            for kind in [XdsType::Listener, XdsType::Routes] {
                out.extend(self.upserts(kind, &view, true, now));
            }
            // On a new stream an Envoy that ran before asks for its routes a moment after its clusters.
            if XdsType::ALL
                .into_iter()
                .all(|kind| self.settled(kind, now) && self.asked_for(kind, &view))
            {
                self.retained.clear();
                out.extend(self.upserts(XdsType::Cluster, &view, true, now));
            }
        }
        out
    }

    /// When to ask again although nothing has come: a step is waited for no longer than that.
    pub(crate) fn wake(&self) -> Option<u64> {
        let flights = self.topics.values().filter_map(|topic| topic.flight.as_ref());
        let resolved = match self.resolving {
            Resolving::Until(then) => Some(then),
            Resolving::No | Resolving::Sent => None,
        };
        flights.map(|(_, since)| since + STEP).chain(resolved).min()
    }

    /// Whether everything that was asked for was sent and taken.
    pub(crate) fn is_up_to_date(&self) -> bool {
        let open = self.topics.values().filter(|topic| topic.open);
        self.view.is_some()
            && self.resolving == Resolving::No
            && open
                .into_iter()
                .all(|topic| topic.flight.is_none() && topic.refused.is_none())
    }

    /// What is refused, by type.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (XdsType, &str)> {
        let refused = self.topics.iter();
        refused.filter_map(|(kind, topic)| Some((*kind, topic.refused.as_deref()?)))
    }

    fn settled(&self, kind: XdsType, now: u64) -> bool {
        let flight = self.topics.get(&kind).and_then(|topic| topic.flight.as_ref());
        flight.is_none_or(|(_, since)| now >= since + STEP)
    }

    fn asked_for(&self, kind: XdsType, view: &View) -> bool {
        let open = self.topics.get(&kind).is_some_and(|topic| topic.open);
        open || !matches!(kind, XdsType::Listener | XdsType::Routes) || view.of(kind).next().is_none()
    }

    /// What of a type is to be sent; with `removals`, what is gone too.
    fn upserts(&mut self, kind: XdsType, view: &View, removals: bool, now: u64) -> Option<Push> {
        let topic = self
            .topics
            .get(&kind)
            .filter(|topic| topic.open && topic.flight.is_none())?;
        let wanted = wanted(topic, kind, view, &self.retained, &self.polled);
        let changed: Vec<&Arc<str>> = wanted
            .iter()
            .filter(|(name, entry)| topic.version(name) != Some(&entry.version))
            .map(|(name, _)| name)
            .collect();
        // A state of the world says what is gone by not naming it. Otherwise, of what is asked for by name nothing is
        // removed: it goes with what asks for it.
        let whole = self.protocol == Protocol::World && kind.is_wildcard();
        let sent = topic
            .sent
            .keys()
            .filter(|_| (topic.wildcard || whole) && removals);
        let gone: BTreeSet<&Arc<str>> = sent
            .chain(&topic.let_go)
            .filter(|name| !wanted.contains_key(*name))
            .collect();
        let gone: Vec<Arc<str>> = gone.into_iter().cloned().collect();
        let first = !topic.answered && topic.wildcard;
        if changed.is_empty() && gone.is_empty() && !first {
            return None;
        }
        if kind == XdsType::Cluster {
            // An Envoy that starts asks for listeners only when its clusters have hosts.
            let runs = topic.answered || topic.returned;
            let is_new = |name: &Arc<str>| !topic.sent.contains_key(name);
            let resolves = |name: &Arc<str>| wanted.get(name).is_some_and(|entry| entry.resolves);
            if runs && changed.iter().any(|name| is_new(name) && resolves(name)) {
                self.resolving = Resolving::Sent;
            }
            // A cluster that changed forgets its endpoints.
            let asked: Vec<String> = changed
                .iter()
                .filter_map(|name| wanted.get(*name)?.endpoints.clone())
                .collect();
            let endpoints = self.topics.entry(XdsType::Endpoints).or_default();
            for name in asked {
                if let Some(version) = endpoints.sent.get_mut(&*name) {
                    *version = None;
                }
            }
        }
        let resources: Vec<Arc<WireResource>> = wanted
            .iter()
            .filter(|(name, _)| whole || changed.contains(name))
            .map(|(_, entry)| Arc::clone(entry))
            .collect();
        self.nonce += 1;
        let nonce = self.nonce.to_string();
        let topic = self.topics.entry(kind).or_default();
        topic.sent.retain(|name, _| !whole && !gone.contains(name));
        for entry in &resources {
            let version = Some(Arc::clone(&entry.version));
            topic.sent.insert(Arc::clone(&entry.name), version);
        }
        topic.let_go.clear();
        topic.answered = true;
        topic.flight = Some((nonce.clone(), now));
        topic.refused = None;
        Some(Push {
            kind,
            nonce,
            resources,
            removed: gone.iter().map(ToString::to_string).collect(),
        })
    }
}

/// What the client is to have of a type.
fn wanted(
    topic: &TypeSubscription,
    kind: XdsType,
    view: &View,
    retained: &BTreeMap<Arc<str>, Arc<WireResource>>,
    polled: &Polled,
) -> BTreeMap<Arc<str>, Arc<WireResource>> {
    let mut wanted = BTreeMap::new();
    if topic.wildcard {
        if kind == XdsType::Cluster {
            wanted.extend(
                retained
                    .iter()
                    .map(|(name, entry)| (name.clone(), Arc::clone(entry))),
            );
        }
        wanted.extend(
            view.of(kind)
                .map(|(name, entry)| (name.clone(), Arc::clone(entry))),
        );
    }
    for name in &topic.names {
        if kind == XdsType::Endpoints {
            match polled.of(name) {
                HostsOf::Known(entry) => {
                    wanted.insert(name.clone(), entry);
                    continue;
                }
                // Who has hosts from earlier keeps them; who has none, waits for a moment.
                HostsOf::Unread => continue,
                HostsOf::Nobody if topic.returned || topic.has(name) => continue,
                HostsOf::Nobody | HostsOf::Release => {}
            }
        }
        let kept = || retained.get(name).filter(|_| kind == XdsType::Cluster);
        if let Some(entry) = view.get(kind, name).or_else(kept) {
            wanted.insert(name.clone(), Arc::clone(entry));
        } else if kind == XdsType::Endpoints && view.asks_for(name) {
            // Envoy does not heed that endpoints are removed.
            wanted.insert(name.clone(), Arc::new(no_endpoints(name)));
        }
    }
    wanted
}

impl TypeSubscription {
    /// Whether it has a resource, as far as is known.
    fn has(&self, name: &str) -> bool {
        self.version(name).is_some()
    }

    fn version(&self, name: &str) -> Option<&Arc<str>> {
        self.sent.get(name)?.as_ref()
    }

    /// State of the world: these names, or, where none was ever named, all there are.
    fn all_names(&mut self, kind: XdsType, names: Vec<String>) {
        let star = names.iter().any(|name| name == "*");
        let names = names.into_iter().filter(|name| name != "*");
        self.names = names.map(Arc::from).collect();
        self.explicit |= star || !self.names.is_empty();
        self.wildcard = star || (kind.is_wildcard() && !self.explicit);
        if !self.wildcard {
            let names = &self.names;
            self.sent.retain(|name, _| names.contains(name));
        }
    }

    fn changed_names(&mut self, kind: XdsType, subscribe: Vec<String>, unsubscribe: Vec<String>) {
        for name in subscribe {
            self.explicit = true;
            if name == "*" {
                self.wildcard = true;
                continue;
            }
            // Named anew, it is sent anew, whatever was sent before; but not what the client said that it has.
            if let Some(version) = self.sent.get_mut(&*name).filter(|_| self.answered) {
                *version = None;
            }
            self.let_go.remove(&*name);
            self.names.insert(name.into());
        }
        if !self.explicit {
            self.wildcard = kind.is_wildcard();
        }
        for name in unsubscribe {
            if name == "*" {
                self.wildcard = false;
                self.let_go.clear();
                let names = &self.names;
                self.sent.retain(|name, _| names.contains(name));
                continue;
            }
            self.sent.remove(&*name);
            self.names.remove(&*name);
            if self.wildcard {
                self.let_go.insert(name.into());
            }
        }
    }
}

#[cfg(test)]
mod tests;
