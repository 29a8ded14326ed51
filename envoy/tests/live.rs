//! The example mesh on a real Envoy with real servers, explicit interception, following files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::http::{Client, Server, free_port, get};
use support::running::Running;

const HOST: &str = "serviceb.apps.local";

struct Setting {
    proxy: u16,
    admin: u16,
    v1: u16,
    v2: u16,
}

/// The mesh `apps`; without `canary` the second version is gone.
fn apps(setting: &Setting, weights: (u32, u32), canary: bool) -> Mesh {
    let mut json: Value = serde_json::from_str(include_str!("cases/apps/mesh.json")).unwrap();
    let target = |name: &str, weight: u32| json!({"virtualNode": name, "weight": weight});
    let mut endpoints =
        vec![json!({"virtualNode": "serviceb", "addresses": [{"address": "127.0.0.1", "port": setting.v1}]})];
    let mut targets = vec![target("serviceb", weights.0)];
    if canary {
        targets.push(target("servicebv2", weights.1));
        endpoints.push(
            json!({"virtualNode": "servicebv2", "addresses": [{"address": "127.0.0.1", "port": setting.v2}]}),
        );
    } else {
        json["virtualNode"].as_object_mut().unwrap().remove("servicebv2");
        for route in ["serviceb/by-header", "serviceb/by-path"] {
            json["route"][route]["httpRoute"]["action"]["weightedTargets"] = json!([target("serviceb", 100)]);
        }
    }
    json["route"]["serviceb/by-weight"]["httpRoute"]["action"]["weightedTargets"] = json!(targets);
    json["proxyProfile"]["servicea"] = json!({
        "virtualNode": "servicea",
        "interception": {"explicit": {"port": setting.proxy}},
        "admin": {"port": setting.admin},
        "metrics": {"resourceTags": true},
        "endpoints": endpoints,
    });
    support::mesh(&json)
}

fn split(port: u16, requests: usize) -> (usize, usize) {
    let mut client = Client::connect("127.0.0.1", port).unwrap();
    let mut second = 0;
    for _ in 0..requests {
        let answer = client.get(HOST, "/", &[]).unwrap();
        assert_eq!(answer.status, 200);
        second += usize::from(answer.body == "v2");
    }
    (requests - second, second)
}

#[test]
fn the_example_mesh_runs_and_follows_without_restart() {
    let (v1, v2) = (Server::start("v1"), Server::start("v2"));
    let setting = Setting {
        proxy: free_port(),
        admin: free_port(),
        v1: v1.port,
        v2: v2.port,
    };
    let port = setting.proxy;
    let root = tempfile::tempdir().unwrap();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicea");
    let mut envoy = Running::start(&apps(&setting, (75, 25), true), &key, root.path(), setting.admin);
    let pid = envoy.pid();

    let (first, second) = split(port, 1000);
    assert!((680..820).contains(&first), "75 : 25 became {first} : {second}");
    assert_eq!(
        get(port, HOST, "/", &[("x-version", "2")]).body,
        "v2",
        "by header"
    );
    assert_eq!(get(port, HOST, "/v2/x", &[]).body, "v2", "by path");
    let proxied = get(port, "proxy", "http://serviceb.apps.local/v2/x", &[]);
    assert_eq!(proxied.body, "v2", "as http_proxy, by an absolute request line");
    assert_eq!(
        get(port, &format!("{HOST}:8080"), "/", &[]).status,
        200,
        "with the service's port"
    );
    assert_eq!(
        get(port, &format!("{HOST}:{port}"), "/", &[]).status,
        200,
        "with Envoy's port"
    );
    assert_eq!(
        get(port, "unknown.local", "/", &[]).status,
        404,
        "only declared backends"
    );

    v1.take();
    v2.take();
    let answer = get(port, HOST, "/", &[("x-fail", "5")]);
    assert_eq!(answer.status, 200, "five retries");
    assert_eq!(v1.take().len() + v2.take().len(), 6, "six tries");
    assert_eq!(
        get(port, HOST, "/", &[("x-fail", "6")]).status,
        503,
        "not six retries"
    );

    let took = envoy.follow(&apps(&setting, (10, 90), true));
    let (first, second) = split(port, 1000);
    assert!(
        (50..150).contains(&first),
        "10 : 90 became {first} : {second} (after {took:?})"
    );
    assert_eq!(envoy.pid(), pid);
    let metrics = envoy.ask("/stats/prometheus?filter=upstream_rq_total");
    for node in ["serviceb", "servicebv2"] {
        assert!(
            metrics.contains(&format!("appmesh_target_virtual_node=\"{node}\"")),
            "{metrics}"
        );
    }
    assert!(
        metrics.contains("appmesh_mesh=\"apps\"") && metrics.contains("appmesh_virtual_node=\"servicea\"")
    );
    assert_eq!(envoy.rejected(), Vec::<String>::new(), "{}", envoy.log());
    assert!(!envoy.log().contains("Deprecated field"), "{}", envoy.log());
}

#[test]
fn a_canary_comes_and_goes_under_load_without_a_failed_request() {
    let (v1, v2) = (Server::start("v1"), Server::start("v2"));
    let setting = Setting {
        proxy: free_port(),
        admin: free_port(),
        v1: v1.port,
        v2: v2.port,
    };
    let port = setting.proxy;
    let root = tempfile::tempdir().unwrap();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicea");
    let without = apps(&setting, (100, 0), false);
    let mut envoy = Running::start(&without, &key, root.path(), setting.admin);

    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut client = Client::connect("127.0.0.1", port).unwrap();
                let (mut sent, mut failed) = (0, Vec::new());
                let start = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.get(HOST, "/", &[]);
                    sent += 1;
                    match answer {
                        Ok(answer) if answer.status == 200 => {}
                        other => failed.push(format!("{:?}: {other:?}", start.elapsed())),
                    }
                    thread::sleep(Duration::from_millis(5));
                }
                (sent, failed)
            })
        })
        .collect();
    for _ in 0..10 {
        envoy.follow(&apps(&setting, (50, 50), true));
        thread::sleep(Duration::from_millis(100));
        envoy.follow(&without);
        thread::sleep(Duration::from_millis(100));
    }
    stop.store(true, Ordering::Relaxed);
    let results: Vec<_> = load.into_iter().map(|thread| thread.join().unwrap()).collect();
    let sent: usize = results.iter().map(|(sent, _)| sent).sum();
    let failed: Vec<&String> = results.iter().flat_map(|(_, failed)| failed).collect();
    assert!(
        failed.is_empty(),
        "{} of {sent} failed: {:#?}",
        failed.len(),
        failed
    );
    assert!(sent > 500, "only {sent} requests were sent");
    assert!(!v2.take().is_empty(), "the canary got its share");
}
