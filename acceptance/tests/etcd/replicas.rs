//! Three servers before one cluster: one is killed amid writers, a member is cut off, and all members stand still.

use crate::cluster::Cluster;
use crate::server::{Server, output};
use meshform_acceptance::relay::Relay;
use meshform_acceptance::{ports, tools};
use meshform_load::client::Client;
use meshform_load::messages::Response;
use meshform_load::proxy::LISTENERS;
use serde_json::json;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const NODES: &str = "/v20190125/meshes/apps/virtualNodes";

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A node that listens on that port; the answer's status, none where there was no answer.
fn put(server: &Server, name: &str, port: u16, is_new: bool) -> Option<u16> {
    let spec = json!({
        "listeners": [{"portMapping": {"port": port, "protocol": "tcp"}}],
        "serviceDiscovery": {"dns": {"hostname": "web.internal"}},
    });
    let sent = match is_new {
        true => {
            let body = json!({"virtualNodeName": name, "spec": spec});
            server.try_send("PUT", NODES, &body.to_string())
        }
        false => server.try_send(
            "PUT",
            &format!("{NODES}/{name}"),
            &json!({ "spec": spec }).to_string(),
        ),
    };
    sent.ok().map(|answer| answer.status)
}

/// The port that a server says a node has.
fn port(server: &Server, name: &str) -> Option<u64> {
    let found = server.try_send("GET", &format!("{NODES}/{name}"), "").ok()?;
    found.body["spec"]["listeners"][0]["portMapping"]["port"].as_u64()
}

fn mesh(server: &Server) {
    let made = server.send("PUT", "/v20190125/meshes", r#"{"meshName": "apps"}"#);
    assert_eq!(made.status, 200, "{}", made.body);
}

#[test]
fn one_of_three_servers_is_killed_amid_writers_and_readers_find_every_acknowledged_write() {
    let cluster = Cluster::start(1);
    let url = cluster.url("meshes");
    let mut servers: Vec<Server> = (0..3).map(|_| Server::start(Path::new(&url), &[])).collect();
    mesh(&servers[0]);
    let told: Mutex<BTreeMap<String, u16>> = Mutex::default();
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..4_usize {
            let (servers, told, ends) = (&servers, &told, &ends);
            scope.spawn(move || {
                let mut at = writer;
                let name = format!("w{writer}");
                let mut next = 1;
                while !ends.load(Ordering::Relaxed) {
                    match put(&servers[at % 3], &name, next, next == 1) {
                        Some(200) => {
                            told.lock().unwrap().insert(name.clone(), next);
                            next += 1;
                        }
                        // The first may have been stored without an answer.
                        Some(409) => next += 1,
                        Some(503) | None => at += 1,
                        Some(404) => {}
                        Some(other) => panic!("{other}"),
                    }
                }
            });
        }
        // Whoever reads, from either of those that live, sees what was acknowledged before, and nothing goes back.
        for reader in 1..3_usize {
            let (servers, told, ends) = (&servers, &told, &ends);
            scope.spawn(move || {
                let mut seen: BTreeMap<String, u64> = BTreeMap::new();
                while !ends.load(Ordering::Relaxed) {
                    let before = told.lock().unwrap().clone();
                    for (name, written) in before {
                        let mut is = 0;
                        until(&format!("{name} is not {written} but {is}"), || {
                            port(&servers[reader], &name).is_some_and(|port| port >= u64::from(written))
                        });
                        is = port(&servers[reader], &name).unwrap();
                        let last = seen.insert(name.clone(), is).unwrap_or_default();
                        assert!(is >= last, "{name} went back from {last} to {is}");
                    }
                }
            });
        }
        until("nothing is written", || {
            told.lock().unwrap().values().any(|next| *next > 10)
        });
        let pid = i32::try_from(servers[0].pid()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let then = told.lock().unwrap().clone();
        until("the others do not go on", || {
            let now = told.lock().unwrap();
            now.len() == 4
                && now
                    .iter()
                    .all(|(name, next)| *next > then.get(name).copied().unwrap_or_default() + 5)
        });
        ends.store(true, Ordering::Relaxed);
    });
    servers[0].kill();
    let fresh = Server::start(Path::new(&url), &[]);
    for (name, written) in told.into_inner().unwrap() {
        let is = port(&fresh, &name).unwrap();
        assert!(
            is >= u64::from(written),
            "{name}: {is}, and {written} was acknowledged"
        );
    }
}

#[test]
fn a_member_that_is_cut_off_costs_a_moment_and_no_write() {
    let cluster = Cluster::start(3);
    let relays: Vec<Relay> = cluster
        .addresses()
        .into_iter()
        .map(|member| Relay::to(member).unwrap())
        .collect();
    let members: Vec<String> = relays.iter().map(|relay| relay.address().to_string()).collect();
    let url = format!("etcd://{}/meshes", members.join(","));
    let server = Server::start(Path::new(&url), &[]);
    mesh(&server);
    assert_eq!(put(&server, "web", 1, true), Some(200));
    let mut next = 2;
    // Whichever it speaks to, it is cut off once.
    for relay in &relays {
        relay.stop();
        let begun = Instant::now();
        loop {
            match put(&server, "web", next, false) {
                Some(200) => break,
                // Told that it is not known whether it was stored; the same write again does no harm.
                Some(503) => assert!(begun.elapsed() < Duration::from_secs(60), "no write for a minute"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(port(&server, "web"), Some(u64::from(next)));
        relay.go_on();
        next += 1;
    }
    let fresh = Server::start(Path::new(&cluster.url("meshes")), &[]);
    assert_eq!(port(&fresh, "web"), Some(u64::from(next - 1)));
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), what).await;
    done.unwrap().unwrap()
}

/// The node `web`, with its first configuration.
async fn web(server: SocketAddr) -> Client {
    in_time(Client::configured(server, "mesh/apps/virtualNode/web")).await
}

#[test]
fn while_the_store_is_away_streams_go_on_and_then_news_come() {
    let cluster = Cluster::start(1);
    let url = cluster.url("meshes");
    let xds = SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
    let server = Server::start(Path::new(&url), &["--xds", &xds.to_string()]);
    mesh(&server);
    assert_eq!(put(&server, "web", 8080, true), Some(200));
    let mut release = Command::new(tools::meshform());
    output(release.args(["release", "--store", &url]));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(async {
        let mut client = web(xds).await;
        let before = client.proxy.all(LISTENERS);
        cluster.stand_still();
        until("it is not told", || server.page("/readyz").0 == 503);
        assert!(server.page("/healthz").1.starts_with("degraded"));
        assert_eq!(put(&server, "web", 8081, false), Some(503));
        // The stream is open, and says nothing; another proxy gets what is known.
        let silent = tokio::time::timeout(Duration::from_secs(1), client.stream.receiver.next::<Response>());
        assert!(silent.await.is_err());
        assert_eq!(web(xds).await.proxy.all(LISTENERS), before);
        cluster.go_on();
        until("it does not come back", || {
            put(&server, "web", 8082, false) == Some(200)
        });
        while client.proxy.all(LISTENERS) == before {
            in_time(client.step()).await;
        }
        assert_eq!(server.page("/readyz").0, 200);
    });
}
