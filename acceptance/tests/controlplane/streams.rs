//! Streams of clients that vanish, that read nothing, and that ask for what there is not.

use crate::server::{Server, output};
use meshform_acceptance::relay::Relay;
use meshform_acceptance::{ports, tools};
use meshform_load::client::Client;
use meshform_load::messages::{Request, Response, node};
use meshform_load::proxy::ROUTES;
use meshform_load::wire::{PendingStream, Sender, Stream};
use serde_json::{Value as Json, json};
use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CLIENT: &str = "mesh/apps/virtualNode/client";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn run<T>(what: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(what)
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

/// A mesh whose node `client` calls a service that is split between two.
struct World {
    _directory: TempDir,
    server: Server,
    xds: SocketAddr,
}

fn split(first: u32) -> Json {
    let target = |node: &str, weight: u32| json!({"virtualNode": node, "weight": weight});
    let targets = [target("one", first), target("two", 100 - first)];
    json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}})
}

impl World {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let [port] = ports::several().unwrap();
        let xds = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
        let node = |name: &str| {
            let spec = json!({"listeners": listener, "serviceDiscovery": {"dns": {"hostname": "localhost"}}});
            json!({"meshName": "apps", "virtualNodeName": name, "spec": spec})
        };
        let router = json!({"virtualRouter": {"virtualRouterName": "r"}});
        let mesh = json!([
            {"meshName": "apps", "spec": {}},
            node("one"),
            node("two"),
            {"meshName": "apps", "virtualRouterName": "r", "spec": {"listeners": listener}},
            {"meshName": "apps", "virtualRouterName": "r", "routeName": "split", "spec": split(50)},
            {"meshName": "apps", "virtualServiceName": "s.local", "spec": {"provider": router}},
            {"meshName": "apps", "virtualNodeName": "client", "spec": {
                "backends": [{"virtualService": {"virtualServiceName": "s.local"}}]}},
            {"meshName": "apps", "proxyProfileName": "client", "spec": {
                "virtualNode": "client", "interception": {"explicit": {"port": 15001}}}},
        ]);
        fs::write(directory.path().join("mesh.json"), mesh.to_string()).unwrap();
        for arguments in [&["apply", "mesh.json", "--owner", "api"][..], &["release"]] {
            let mut command = Command::new(tools::meshform());
            command.current_dir(directory.path()).args(arguments);
            output(command.args(["--store", "store"]));
        }
        let server = Server::start(&directory.path().join("store"), &["--xds", &xds.to_string()]);
        Self {
            _directory: directory,
            server,
            xds,
        }
    }

    fn shift(&self, first: u32) {
        let path = "/v20190125/meshes/apps/virtualRouter/r/routes/split";
        let body = json!({ "spec": split(first) }).to_string();
        let answer = self.server.send("PUT", path, &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn streams(&self) -> usize {
        let (_, page) = self.server.page("/meshform/proxies");
        let page: Json = serde_json::from_str(&page).unwrap();
        page["proxies"].as_array().unwrap().len()
    }

    /// MiB that the server holds.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

/// The node `client`, with its first configuration.
async fn client(server: SocketAddr) -> Client {
    in_time(Client::configured(server, CLIENT)).await.unwrap()
}

async fn step(client: &mut Client) -> Response {
    in_time(client.step()).await.unwrap()
}

/// Reads until the routes are others than these; how many responses that took.
async fn until_not(client: &mut Client, routes: &[(String, String)]) -> usize {
    let mut responses = 0;
    while routes_of(client) == routes {
        step(client).await;
        responses += 1;
    }
    responses
}

fn routes_of(client: &Client) -> Vec<(String, String)> {
    client.proxy.all(ROUTES).into_iter().collect()
}

#[test]
fn a_client_that_vanishes_without_a_word_is_let_go() {
    let world = World::new();
    let relay = Relay::to(world.xds).unwrap();
    run(async {
        let _client = client(relay.address()).await;
        assert_eq!(world.streams(), 1);
        relay.stop();
        // Nothing is sent to it: that it is gone is found out by asking for a sign of life.
        let begun = Instant::now();
        while world.streams() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(120), "it is still there");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
}

#[test]
fn clients_that_read_nothing_hold_nobody_up_and_nothing_queues_for_them() {
    let world = World::new();
    run(async {
        let mut sleepers = Vec::new();
        for _ in 0..20 {
            sleepers.push(client(world.xds).await);
        }
        let mut reader = client(world.xds).await;
        let before = (world.memory(), routes_of(&sleepers[0]));
        for first in 1..=12 {
            let known = routes_of(&reader);
            world.shift(first);
            until_not(&mut reader, &known).await;
        }
        let after = world.memory();
        assert!(after < before.0 + 16, "{} MiB became {after} MiB", before.0);
        let newest = routes_of(&reader);
        for sleeper in &mut sleepers {
            // What was on its way when they fell asleep, and then what holds now.
            let mut responses = 0;
            while routes_of(sleeper) != newest {
                let known = routes_of(sleeper);
                responses += until_not(sleeper, &known).await;
            }
            assert!(responses <= 2, "{responses}");
        }
    });
}

/// What the server says to a first request.
async fn refusal(world: &World, request: Request) -> String {
    let (opening, mut sender): (PendingStream, Sender) = Stream::open(world.xds, None).await.unwrap();
    sender.send(&request).unwrap();
    let said = async {
        let mut stream = opening.taken(sender).await?;
        stream.receiver.next::<Response>().await
    };
    match in_time(said).await {
        Ok(answer) => panic!("it is answered: {answer:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_request_without_a_node_or_a_type_that_is_served_is_refused() {
    let world = World::new();
    let request = |id: &str, kind: &str| Request {
        node: Some(node(&[], id)),
        type_url: kind.to_owned(),
        ..Request::default()
    };
    let nameless = Request {
        type_url: ROUTES.to_owned(),
        ..Request::default()
    };
    run(async {
        for (request, part) in [
            (nameless, "is%20not%20a%20proxy"),
            (request(CLIENT, ""), "the%20type%20%60%60%20is%20not%20served"),
            (request(CLIENT, "type.googleapis.com/x"), "is%20not%20served"),
            (request("mesh/apps/virtualNode/none", ROUTES), "has%20no%20proxy"),
        ] {
            let said = refusal(&world, request).await;
            assert!(said.contains("status 3") && said.contains(part), "{part}: {said}");
        }
        // Who said once who it is says so no more.
        let mut client = client(world.xds).await;
        let known = routes_of(&client);
        world.shift(7);
        until_not(&mut client, &known).await;
    });
}
