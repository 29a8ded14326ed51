//! A rolling replacement of callers and called with ECS's timing: the new task is well, then at one moment the old one
//! leaves the endpoints and all its containers are told to stop. No request fails.
//!
//! `MESHFORM_ROLLING_REQUESTS` says how many requests there are; `cargo xtask soak` asks for many, and for the same
//! with Envoy alone (`MESHFORM_ROLLING_BARE`), whose figures stand beside.

use crate::ecs::Metadata;
use crate::world::Store;
use crate::{World, eventually, signal};
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::load::{Load, Tally};
use meshform_acceptance::tools;
use meshform_acceptance::upstream::Upstream;
use meshform_bundle::layout::types;
use meshform_bundle::objects::{Current, Endpoint, EndpointSet, Health};
use meshform_bundle::publish::Publisher;
use meshform_bundle::{Bundle, Digest, ProxyId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Requests a second.
const RATE: u32 = 200;

/// How long the application of a stopped task goes on, and its proxy waits for its callers to notice.
const NOTICE: Duration = Duration::from_secs(4);

/// Its proxy is an Envoy alone, or one with an agent.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Agent,
    Bare,
}

/// A task: an application and its proxy.
struct Task {
    world: World,
    metadata: Metadata,
    app: Option<Upstream>,
    bare: Option<Envoy>,
}

/// The callers and the called.
struct Fleet {
    store: Store,
    kind: Kind,
    made: usize,
    callers: Vec<Task>,
    called: Vec<Task>,
}

fn start(world: &mut World, metadata: &Metadata) {
    let mut command = world.run();
    command
        .env("ECS_CONTAINER_METADATA_URI_V4", metadata.url())
        .env("MESHFORM_DRAIN_WAIT", NOTICE.as_secs().to_string())
        .env("MESHFORM_STOP_TIMEOUT", "30");
    world.start_by(command);
}

/// Publishes to the directory of an Envoy without an agent, as a disk that both share would have it.
fn to_directory(world: &World, bundle: &Bundle) {
    let bytes = bundle.encode().unwrap();
    let digest = Digest::of(&bytes);
    let publisher = Publisher::new(world.dir());
    let session = publisher.lock(world.proxy.mesh(), &|_| {}).unwrap();
    let wanted = [(world.proxy.folder(), digest.clone())].into_iter().collect();
    let work = session.compare("test", Some(&digest), wanted).unwrap();
    let bundles: BTreeMap<Digest, Bundle> = [(digest, bundle.clone())].into_iter().collect();
    session.apply(work, &bundles).unwrap();
}

fn bare(world: &World, bundle: &Bundle) -> Envoy {
    to_directory(world, bundle);
    let folder = world.dir().join(world.proxy.folder());
    let log = world.dir().join("log");
    Envoy::start(
        &tools::envoy(),
        Path::new(&folder.join("bootstrap.json")),
        world.published.admin,
        &log,
    )
    .unwrap()
}

impl Fleet {
    fn new(kind: Kind) -> Self {
        Self {
            store: Store::files(),
            kind,
            made: 0,
            callers: Vec::new(),
            called: Vec::new(),
        }
    }

    fn world(&mut self, proxy: &str) -> World {
        self.made += 1;
        let proxy = ProxyId::virtual_node("apps", proxy);
        World::on(self.store.clone(), &format!("task{}", self.made), proxy)
    }

    /// A new task of the called service, once it is well.
    fn add_called(&mut self) {
        let mut world = self.world("b");
        let app = Upstream::start(&format!("b{}", self.made)).unwrap();
        app.delay(Duration::from_millis(5));
        let metadata = Metadata::start();
        let bundle = world.published.server(&world.proxy, app.address().port());
        let bare = match self.kind {
            Kind::Bare => Some(bare(&world, &bundle)),
            Kind::Agent => {
                world.publish_bundle(&bundle.encode().unwrap(), &bundle.bootstrap_digest());
                start(&mut world, &metadata);
                eventually("the new task is well", 60, || world.health().0);
                None
            }
        };
        self.called.push(Task {
            world,
            metadata,
            app: Some(app),
            bare,
        });
    }

    fn add_caller(&mut self) {
        let mut world = self.world("web");
        let metadata = Metadata::start();
        let bundle = world.published.bundle(&world.proxy, self.ports()[0]);
        let mut task = match self.kind {
            Kind::Bare => {
                let bare = bare(&world, &bundle);
                Task {
                    world,
                    metadata,
                    app: None,
                    bare: Some(bare),
                }
            }
            Kind::Agent => {
                tell(&mut world, &bundle, &self.ports());
                start(&mut world, &metadata);
                Task {
                    world,
                    metadata,
                    app: None,
                    bare: None,
                }
            }
        };
        tell_task(&mut task, self.kind, &self.ports());
        eventually("the new caller is well", 60, || task.world.answers().is_some());
        self.callers.push(task);
    }

    /// Where the called are, as their discovery has it.
    fn ports(&self) -> Vec<u16> {
        self.called
            .iter()
            .map(|task| task.world.published.ingress)
            .collect()
    }

    fn tell_callers(&mut self) {
        let (ports, kind) = (self.ports(), self.kind);
        self.callers
            .iter_mut()
            .for_each(|task| tell_task(task, kind, &ports));
    }

    /// As ECS replaces a task of a service.
    fn replace_called(&mut self) {
        self.add_called();
        self.tell_callers();
        let old = self.called.remove(0);
        // It leaves discovery and is told to stop at one moment.
        self.tell_callers();
        stop(old);
    }
}

fn tell_task(task: &mut Task, kind: Kind, ports: &[u16]) {
    let bundle = task.world.published.bundle(&task.world.proxy, ports[0]);
    match kind {
        Kind::Agent => tell(&mut task.world, &bundle, ports),
        Kind::Bare => {
            let mut bundle = bundle;
            merge(&mut bundle, ports);
            to_directory(&task.world, &bundle);
        }
    }
}

fn cluster(bundle: &Bundle) -> String {
    let endpoints = |one: &&meshform_bundle::Resource| one.type_url == types::ENDPOINTS;
    bundle.resources.iter().find(endpoints).unwrap().name.clone()
}

/// What a poller of endpoints writes for a caller.
fn tell(world: &mut World, bundle: &Bundle, ports: &[u16]) {
    let endpoints = ports.iter().map(|port| Endpoint {
        address: "127.0.0.1".into(),
        port: *port,
        zone: None,
        health: Health::Healthy,
        weight: None,
    });
    let mut set = EndpointSet::new(0);
    set.clusters.insert(cluster(bundle), endpoints.collect());
    let set = set.encode().unwrap();
    let digest = Digest::of(&set);
    world.put(&EndpointSet::key("apps", &digest), &set);
    let bytes = bundle.encode().unwrap();
    world.put(&world.proxy.bundle_key(&Digest::of(&bytes)), &bytes);
    let mut current: Current = world
        .published
        .current(&world.proxy, &bytes, &bundle.bootstrap_digest());
    current.endpoints = Some(digest);
    world.put(&world.proxy.current_key(), &current.encode().unwrap());
}

/// The same in the files of an Envoy without an agent.
fn merge(bundle: &mut Bundle, ports: &[u16]) {
    let name = cluster(bundle);
    let hosts: Vec<serde_json::Value> = ports
        .iter()
        .map(|port| {
            let address = serde_json::json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
            serde_json::json!({"endpoint": {"address": address}})
        })
        .collect();
    let body = serde_json::json!({"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]});
    let body = meshform_bundle::Body::parse(&body.to_string()).unwrap();
    let resource = bundle
        .resources
        .iter_mut()
        .find(|one| one.type_url == types::ENDPOINTS)
        .unwrap();
    *resource = meshform_bundle::Resource::new(types::ENDPOINTS, &name, &resource.file, body);
}

/// All containers of the task are told to stop; its application goes on for as long as it should.
fn stop(mut task: Task) {
    match &task.bare {
        Some(envoy) => signal(envoy.pid(), "TERM"),
        None => task.world.signal("TERM"),
    }
    std::thread::sleep(NOTICE + Duration::from_secs(1));
    task.metadata.app_stops();
    if task.bare.is_none() {
        assert_eq!(task.world.ends(), Some(0), "{}", task.world.log());
    }
    drop(task.app);
}

/// Requests from the applications of all callers while all tasks are replaced, one after the other.
fn roll(kind: Kind, requests: usize) -> Tally {
    let mut fleet = Fleet::new(kind);
    fleet.add_called();
    fleet.add_called();
    fleet.add_caller();
    let load = |fleet: &Fleet| {
        let port = fleet.callers.last().unwrap().world.published.egress;
        Load::start(SocketAddr::from(([127, 0, 0, 1], port)), "b.local", "/", RATE, 4)
    };
    let mut running = load(&fleet);
    let mut all = Tally::default();
    let until = Instant::now() + Duration::from_secs(1) * u32::try_from(requests).unwrap() / RATE;
    let mut replaced = 0;
    while replaced < 3 || Instant::now() < until {
        fleet.replace_called();
        replaced += 1;
        if replaced % 3 == 0 {
            // A caller's application stops at once, and its proxy is told at the same moment.
            fleet.add_caller();
            let next = load(&fleet);
            let old = fleet.callers.remove(0);
            std::thread::scope(|scope| {
                scope.spawn(move || stop(old));
                std::thread::sleep(Duration::from_secs(1));
                all.add(running.stop());
            });
            running = next;
        }
    }
    all.add(running.stop());
    println!(
        "{}: {replaced} tasks replaced, {} requests, {} failed, {} connections closed under a request: {:?}",
        if kind == Kind::Agent {
            "with agents"
        } else {
            "Envoy alone"
        },
        all.sent(),
        all.failures(),
        all.replaced,
        all.failed
    );
    all
}

#[test]
fn a_rolling_replacement_fails_no_request() {
    let requests = std::env::var("MESHFORM_ROLLING_REQUESTS").map_or(5_000, |text| text.parse().unwrap());
    let tally = roll(Kind::Agent, requests);
    assert!(tally.sent() >= requests / 2, "{tally:?}");
    assert_eq!(tally.failures(), 0, "{tally:?}");
    if std::env::var_os("MESHFORM_ROLLING_BARE").is_some() {
        roll(Kind::Bare, requests);
    }
}
