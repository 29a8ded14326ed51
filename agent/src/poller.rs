//! `meshform-agent endpoints`: looks up who is behind the nodes of a mesh that are found by Cloud Map, and writes it
//! where proxies read. One for each mesh: a second one waits until the first has been gone for half a minute.
//!
//! - [`settings`]: how it is set up. [`lease`]: who polls.
//! - [`cloud_map`], [`listed`]: sources of hosts. [`tracker`]: the hosts of a node over time.
//! - [`objects`], [`files`]: where it is written, a bucket that agents read or a directory that Envoys read.
//! - [`own`]: a proxy that asks for itself alone, within its agent ([`beside`]).
//! - [`health`]: how it tells how it is.

mod cloud_map;
mod files;
mod health;
mod lease;
mod listed;
mod objects;
mod own;
mod settings;
mod tracker;
mod workers;

use crate::aws::Refusal;
use crate::config::Config;
use crate::log;
use crate::server::{self, Listener};
use crate::shared::{Shared, now};
use cloud_map::{CloudMap, Instances};
use files::Files;
use health::Health;
use lease::Lease;
use meshform_bundle::Digest;
use meshform_bundle::codes::{LOOKUP, SETTING, told};
use meshform_bundle::discovery::{DiscoveredNode, Discovery, IpPreference, NodeState, PollerState};
use meshform_bundle::objects::{Endpoint, EndpointSet};
use objects::Objects;
use own::SelfLookup;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};
use tracker::{DiscoveredHosts, Tracker};

/// How many requests are under way at once. An answer of Cloud Map takes some tens of milliseconds, so that eight read
/// a few thousand nodes within an interval, and each costs a connection.
const WORKERS: usize = 8;

/// The longest pause when Cloud Map asks for less: as old as hosts may become before a plan says so (`FRESH_MILLIS` of
/// `meshform_bundle::discovery`).
const LONGEST: Duration = Duration::from_secs(300);

/// A host of a node, as a source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// An IP address, or a name until it is resolved.
    pub(crate) address: String,
    /// Where it is not the listener's.
    pub(crate) port: Option<u16>,
    pub(crate) zone: Option<String>,
    pub(crate) weight: Option<u32>,
}

/// A service of Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) namespace: String,
    pub(crate) service: String,
}

pub(crate) enum Destination {
    /// A bucket, or a directory in the form of one.
    Objects(Box<Objects>),
    /// A directory that Envoys read themselves.
    Files(Files),
    /// The agent of which this is a part.
    Own(Box<SelfLookup>),
}

/// What is known of each node's hosts, by the name under which Envoy asks for them.
pub(crate) type Clusters = BTreeMap<String, Vec<Endpoint>>;

struct Poller {
    settings: Settings,
    place: Destination,
    clients: Vec<CloudMap>,
    trackers: BTreeMap<String, Tracker>,
    health: Rc<Health>,
    /// How long to wait after a round; longer than the settings say while Cloud Map asks for less.
    pause: Duration,
}

impl Host {
    #[cfg(test)]
    pub(crate) fn at(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            port: None,
            zone: None,
            weight: None,
        }
    }

    fn key(&self) -> (String, Option<u16>) {
        (self.address.clone(), self.port)
    }
}

/// Polls until it is asked to stop.
pub(crate) async fn run() -> Result<u8, String> {
    let settings = Settings::read()?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        told(
            SETTING,
            format!(
                "MESHFORM_LISTEN {} cannot be listened on: {error}",
                settings.listen
            ),
        )
    })?;
    let on = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
    let (mut term, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let holder = holder()?;
    let health = Rc::new(Health::new(&settings.mesh, &holder));
    let told = Rc::clone(&health);
    tokio::task::spawn_local(server::serve(Listener::Tcp(listener), move |asked| {
        std::future::ready(health::answer(&told, &asked))
    }));
    log::info(&format!(
        "polls the endpoints of mesh `{}` for {}, as {holder}",
        settings.mesh, settings.store
    ));
    let mut lease = Lease::open(&settings)?;
    let poller = Poller::open(settings, Rc::clone(&health))?;
    let polling = tokio::task::spawn_local(poller.run());
    let keeping = async {
        loop {
            health.renewed(lease.renew(&health.state()).await);
            let renew = Duration::from_millis(PollerState::RENEW);
            let _ = tokio::time::timeout(renew, health.has_news()).await;
        }
    };
    tokio::select! {
        () = keeping => {}
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    polling.abort();
    log::info(if health.leads() {
        "stopping: another poller may take over at once"
    } else {
        "told to stop"
    });
    if let Err(error) = lease.let_go(&health.state()).await {
        log::warn(&error);
    }
    Ok(0)
}

/// Polls for one proxy alone, within its agent, for ever.
pub(crate) fn beside(
    config: &Config,
    shared: Rc<Shared>,
) -> Result<impl Future<Output = ()> + use<>, String> {
    let settings = Settings::of(config)?;
    let health = Rc::new(Health::new(&settings.mesh, &config.proxy.to_string()));
    health.leads_alone();
    let own = SelfLookup::open(&settings, config.proxy.to_string(), shared)?;
    let poller = Poller::at(Destination::Own(Box::new(own)), settings, health);
    Ok(poller.run())
}

/// The host, and something random: two pollers of one host are two.
fn holder() -> Result<String, String> {
    let host = crate::task::instance()
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned());
    let mut random = [0_u8; 4];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    Ok(format!("{host}-{:08x}", u32::from_ne_bytes(random)))
}

impl Destination {
    async fn discovery(&mut self) -> Result<Discovery, String> {
        match self {
            Self::Objects(objects) => objects.discovery().await,
            Self::Files(files) => files.discovery(),
            Self::Own(own) => own.discovery().await,
        }
    }

    /// Another poller writes from now on.
    fn forget(&mut self) {
        match self {
            Self::Objects(objects) => objects.forget(),
            Self::Files(files) => files.forget(),
            Self::Own(_) => {}
        }
    }

    /// What an earlier poller has written for a node.
    async fn before(&mut self, node: &DiscoveredNode) -> Result<Option<EndpointSet>, String> {
        match self {
            Self::Objects(objects) => objects.before(node).await,
            Self::Files(files) => files.before(),
            Self::Own(own) => Ok(own.before()),
        }
    }

    /// A set that has what was written last of a node.
    fn set_of(&self, node: &str) -> Option<Digest> {
        match self {
            Self::Objects(objects) => objects.set_of(node),
            Self::Files(_) | Self::Own(_) => None,
        }
    }

    /// Writes what is known: for each node its clusters.
    async fn write(
        &mut self,
        discovery: &Discovery,
        known: &BTreeMap<String, Clusters>,
    ) -> Result<usize, String> {
        match self {
            Self::Objects(objects) => objects.write(discovery, known).await,
            Self::Files(files) => files.write(discovery, known).await,
            Self::Own(own) => Ok(own.write(known)),
        }
    }
}

impl Poller {
    fn open(settings: Settings, health: Rc<Health>) -> Result<Self, String> {
        let place = if settings.is_published() {
            Destination::Files(Files::open(&settings))
        } else {
            Destination::Objects(Box::new(Objects::open(&settings)?))
        };
        Ok(Self::at(place, settings, health))
    }

    fn at(place: Destination, settings: Settings, health: Rc<Health>) -> Self {
        Self {
            place,
            clients: (0..WORKERS).map(|_| CloudMap::new()).collect(),
            trackers: BTreeMap::new(),
            health,
            pause: settings.interval,
            settings,
        }
    }

    /// Runs until the process ends.
    async fn run(mut self) {
        loop {
            if !self.health.leads() {
                // What another poller writes meanwhile is taken up when this one leads again.
                self.trackers.clear();
                self.place.forget();
                self.health.awaits_lead().await;
                continue;
            }
            let begun = Instant::now();
            let mut outcome = self.round().await;
            if let Destination::Own(own) = &self.place {
                outcome = own.judged(outcome);
            }
            self.health.wrote(outcome);
            if let Destination::Own(own) = &self.place {
                own.tell(self.health.state().nodes, self.health.reasons());
            }
            let mut random = [0_u8; 1];
            let _ = getrandom::fill(&mut random);
            let pause = self
                .pause
                .mul_f64(0.9 + f64::from(u8::from_ne_bytes(random)) / 255.0 * 0.2);
            sleep(pause.saturating_sub(begun.elapsed())).await;
        }
    }

    /// Reads every source once, and writes what follows.
    async fn round(&mut self) -> Result<(), String> {
        let discovery = self.place.discovery().await?;
        if !matches!(self.place, Destination::Own(_)) {
            self.health
                .is_idle(discovery.nodes.is_empty().then_some(&self.settings.store));
        }
        self.trackers.retain(|name, _| discovery.nodes.contains_key(name));
        for (name, node) in &discovery.nodes {
            if !self.trackers.contains_key(name) {
                let tracker = self.take_up(node).await?;
                self.trackers.insert(name.clone(), tracker);
            }
        }
        let listed = self.settings.listed();
        let read = self.read_sources(&discovery, listed.as_ref().ok()).await;
        let mut states = BTreeMap::new();
        for (name, node) in &discovery.nodes {
            let answer = match &listed {
                Err(error) => Err(error.clone()),
                Ok(listed) => match listed.get(name) {
                    Some(hosts) => Ok(DiscoveredHosts {
                        hosts: hosts.clone(),
                        revision: None,
                    }),
                    None => found(node, &read),
                },
            };
            let answer = match answer {
                Ok(answer) => resolved(answer, node.ip_preference).await,
                Err(error) => Err(error),
            };
            states.insert(name.clone(), self.observe(name, answer));
        }
        let known = self.known(&discovery);
        let written = self.place.write(&discovery, &known).await?;
        for (name, state) in &mut states {
            state.set = self.place.set_of(name);
        }
        if written > 0 && !matches!(self.place, Destination::Own(_)) {
            let noun = if written == 1 { "proxy has" } else { "proxies have" };
            log::info(&format!("{written} {noun} other endpoints"));
        }
        self.health.knows(states);
        Ok(())
    }

    /// A tracker that goes on from what is written of a node.
    async fn take_up(&mut self, node: &DiscoveredNode) -> Result<Tracker, String> {
        let mut tracker = Tracker::default();
        let Some(set) = self.place.before(node).await? else {
            return Ok(tracker);
        };
        let found = node
            .assignments
            .iter()
            .find_map(|(name, port)| Some((set.clusters.get(name)?, *port)));
        if let Some((endpoints, port)) = found {
            let hosts = endpoints.iter().map(|one| {
                let host = Host {
                    address: one.address.clone(),
                    port: (one.port != port).then_some(one.port),
                    zone: one.zone.clone(),
                    weight: one.weight,
                };
                (host, one.health)
            });
            tracker.seed(hosts, now().saturating_add(self.interval_millis()));
        }
        Ok(tracker)
    }

    /// Every service that a node needs which is not listed by hand.
    async fn read_sources(
        &mut self,
        discovery: &Discovery,
        listed: Option<&listed::Listed>,
    ) -> BTreeMap<Source, Result<Instances, Refusal>> {
        let is_listed = |name: &str| listed.is_none_or(|listed| listed.contains_key(name));
        let nodes = discovery.nodes.iter().filter(|(name, _)| !is_listed(name));
        let sources: BTreeSet<Source> = nodes.map(|(_, node)| source(node)).collect();
        let work = async |client: &mut CloudMap, source: Source| {
            let found = client.discover(&source).await;
            (source, found)
        };
        let read = workers::each(&mut self.clients, sources, work).await;
        let throttled = read
            .iter()
            .any(|(_, found)| matches!(found, Err(Refusal::Throttled(_))));
        if throttled {
            self.pause = (self.pause * 2).min(LONGEST);
            log::warn(&format!(
                "Cloud Map throttles requests: the next ones are sent in {} s",
                self.pause.as_secs()
            ));
        } else {
            self.pause = (self.pause / 2).max(self.settings.interval);
        }
        read.into_iter().collect()
    }

    /// Takes in what was found of a node, or keeps what is known.
    fn observe(&mut self, name: &str, answer: Result<DiscoveredHosts, String>) -> NodeState {
        let (now, interval) = (now(), self.interval_millis());
        let mut state = self.health.state_of(name);
        let tracker = self.trackers.entry(name.to_owned()).or_default();
        match answer {
            Ok(answer) => {
                tracker.observe(answer, now, interval);
                state.at = now;
                state.problem = None;
            }
            Err(error) => {
                tracker.pass(now);
                if state.problem.as_ref() != Some(&error) {
                    let error = format!("virtual node `{name}`: {error}; its hosts stay as they were");
                    log::warn(&told(LOOKUP, error));
                }
                state.problem = Some(error);
            }
        }
        state.endpoints = tracker.serving();
        state
    }

    fn known(&self, discovery: &Discovery) -> BTreeMap<String, Clusters> {
        let mut known = BTreeMap::new();
        for (name, node) in &discovery.nodes {
            let Some(tracker) = self.trackers.get(name).filter(|tracker| tracker.is_known()) else {
                continue;
            };
            let clusters = node.assignments.iter();
            let clusters = clusters.map(|(name, port)| (name.clone(), tracker.endpoints(*port)));
            known.insert(name.clone(), clusters.collect());
        }
        known
    }

    fn interval_millis(&self) -> u64 {
        u64::try_from(self.settings.interval.as_millis()).unwrap_or(u64::MAX)
    }
}

fn source(node: &DiscoveredNode) -> Source {
    Source {
        namespace: node.namespace.clone(),
        service: node.service.clone(),
    }
}

fn found(
    node: &DiscoveredNode,
    read: &BTreeMap<Source, Result<Instances, Refusal>>,
) -> Result<DiscoveredHosts, String> {
    match read.get(&source(node)) {
        Some(Ok(instances)) => Ok(DiscoveredHosts {
            hosts: instances.of(node),
            revision: instances.revision,
        }),
        Some(Err(refusal)) => Err(refusal.clone().told()),
        None => Err("its service was not read".to_owned()),
    }
}

/// With addresses in place of names, every address of a name as a host of its own.
async fn resolved(
    answer: DiscoveredHosts,
    preference: Option<IpPreference>,
) -> Result<DiscoveredHosts, String> {
    let mut hosts = Vec::with_capacity(answer.hosts.len());
    for host in answer.hosts {
        if host.address.parse::<IpAddr>().is_ok() {
            hosts.push(host);
            continue;
        }
        let found = tokio::net::lookup_host((host.address.as_str(), 0))
            .await
            .map_err(|error| format!("`{}` cannot be resolved: {error}", host.address))?;
        let addresses: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
        let chosen = preferred(&addresses, preference);
        if chosen.is_empty() {
            return Err(format!(
                "`{}` has no address of the preferred IP version",
                host.address
            ));
        }
        hosts.extend(chosen.into_iter().map(|address| Host {
            address: address.to_string(),
            ..host.clone()
        }));
    }
    Ok(DiscoveredHosts { hosts, ..answer })
}

fn preferred(addresses: &BTreeSet<IpAddr>, preference: Option<IpPreference>) -> Vec<IpAddr> {
    let of = |six: bool| -> Vec<IpAddr> {
        addresses
            .iter()
            .copied()
            .filter(|one| one.is_ipv6() == six)
            .collect()
    };
    let or = |first: Vec<IpAddr>, second: Vec<IpAddr>| if first.is_empty() { second } else { first };
    match preference {
        None | Some(IpPreference::Ipv4Preferred) => or(of(false), of(true)),
        Some(IpPreference::Ipv6Preferred) => or(of(true), of(false)),
        Some(IpPreference::Ipv4Only) => of(false),
        Some(IpPreference::Ipv6Only) => of(true),
    }
}
