//! `meshform status` of running proxies, on a store that is treated as a bucket.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;
use serde_json::{Value, json};

const MESH: &str = r#"
meshName: apps
---
meshName: apps
virtualNodeName: a
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}], serviceDiscovery: {dns: {hostname: a.local}}}
---
meshName: apps
proxyProfileName: default
spec: {interception: {explicit: {}}}
"#;

/// A world whose mesh is released to a store, and the name of that.
fn released() -> (World, String) {
    let world = World::new(&[("mesh.yaml", MESH)]);
    std::fs::create_dir(world.path().join("bucket")).unwrap();
    let store = format!("file://{}/bucket", world.path().display());
    for arguments in [vec!["adopt", "mesh.yaml"], vec!["release"]] {
        let ran = world.run(&[&arguments[..], &["--store", &store]].concat());
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    }
    (world, store)
}

fn reports(world: &World, instance: &str, change: impl FnOnce(&mut Value)) {
    let current = world
        .path()
        .join("bucket/m/apps/proxies/virtualNode/a/current.json");
    let current: Value = serde_json::from_slice(&std::fs::read(current).unwrap()).unwrap();
    let mut status = json!({
        "format": 1, "mesh": "apps", "proxy": "mesh/apps/virtualNode/a", "instance": instance, "at": 0,
        "agent": "0.1.0", "state": "ready", "envoy": "1.34.1", "sequence": 1, "since": 1_700_000_000_000_u64,
        "release": current["release"], "bundle": current["bundle"],
        "certificates": [{"name": "/tls/a.crt", "notAfter": "2030-01-02T03:04:05Z"}],
    });
    change(&mut status);
    world.write(
        &format!("bucket/m/apps/status/virtualNode/a/{instance}.json"),
        &status.to_string(),
    );
}

#[test]
fn status_shows_what_runs_where_and_what_it_costs() {
    let (world, store) = released();
    // A poller of a misspelt mesh has left its lease there, which makes no mesh.
    world.write("bucket/m/aps/endpoints/lease.json", "{}");
    let none = world.run(&["status", "--store", &store]);
    assert!(!none.all().contains("mesh `aps`"), "{}", none.all());
    assert_eq!(none.exit, Exit::Fine, "{}", none.all());
    assert!(!none.out.contains("proxies:"), "{}", none.out);
    reports(&world, "task1", |_| {});
    reports(&world, "task2", |status| status["state"] = json!("stopped"));
    let fine = world.run(&["status", "--store", &store, "--cost"]);
    assert_eq!(fine.exit, Exit::Fine, "{}", fine.all());
    for told in [
        "  proxies: 1 current, 1 stopped\n",
        "    virtualNode/a  task1  current  ",
        " since 2023-11-14T22:13:20Z  Envoy 1.34.1  certificate until 2030-01-02T03:04:05Z\n",
        // A directory costs nothing.
        "cost of 0 proxies",
    ] {
        assert!(fine.out.contains(told), "{told} in {}", fine.out);
    }
    assert!(!fine.out.contains("task2"), "{}", fine.out);
    reports(&world, "task3", |status| {
        status["reasons"] = json!(["Envoy refused `lds`: malformed IP address"]);
        status["rejected"] = json!({"release": null, "bundle": status["bundle"], "at": 0, "problems": []});
        status["bundle"] = json!(null);
    });
    let ran = world.run(&["status", "--store", &store]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(
        ran.err.contains("MF0430") && ran.err.contains("task3"),
        "{}",
        ran.err
    );
    let (bad, good) = (ran.out.find("task3").unwrap(), ran.out.find("task1").unwrap());
    assert!(bad < good, "{}", ran.out);
    assert!(
        ran.out
            .contains("      Envoy refused `lds`: malformed IP address\n"),
        "{}",
        ran.out
    );
    let ran = world.run(&["status", "--store", &store, "--format", "json", "--cost"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let mesh = &report["meshes"][0];
    assert_eq!(mesh["proxies"][0]["condition"], "rejects");
    assert_eq!(
        mesh["proxies"][1]["certificates"][0]["notAfter"],
        "2030-01-02T03:04:05Z"
    );
    assert_eq!(mesh["cost"]["dollarsPerMonth"], 0.0);
}

#[test]
fn what_a_proxy_reports_neither_moves_the_cursor_nor_passes_for_a_line_of_ours() {
    let (world, store) = released();
    reports(&world, "task1", |status| {
        status["instance"] = json!("task\u{1b}[2J\n  valid");
        status["envoy"] = json!("1.34\u{202e}");
        status["reasons"] = json!(["bad\u{1b}[31m\n  valid, nothing to release"]);
    });
    let ran = world.run(&["status", "--store", &store]);
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}']), "{:?}", ran.out);
    assert_eq!(ran.out.matches("\n  valid").count(), 1, "{}", ran.out);
    assert!(
        ran.out
            .contains("      bad\u{fffd}[31m valid, nothing to release\n"),
        "{}",
        ran.out
    );
}

#[test]
fn an_agent_that_gave_up_is_shown_as_failing_until_another_runs_in_its_place() {
    let (world, store) = released();
    let gave_up = |status: &mut Value| {
        status["state"] = json!("failing");
        status["gaveUp"] = json!(true);
        status["reasons"] = json!(["MF0431: Envoy has ended with status 139, 4 times within 10 minutes"]);
        status["at"] = json!(2_000);
    };
    reports(&world, "task1", gave_up);
    let ran = world.run(&["status", "--store", &store]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(
        ran.err.contains("MF0431") && ran.err.contains("task1"),
        "{}",
        ran.err
    );
    for told in [
        "  proxies: 1 failing\n",
        "  task1  gave up at 20",
        "with status 139, 4 times",
    ] {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
    // The next task starts: nothing is better yet. It gives up, too, and is the one to look at; the third serves.
    reports(&world, "task2", |status| {
        status["state"] = json!("starting");
        status["started"] = json!(3_000);
    });
    let ran = world.run(&["status", "--store", &store]);
    assert!(
        ran.exit == Exit::Found && ran.err.contains("task1"),
        "{}",
        ran.all()
    );
    reports(&world, "task2", |status| {
        gave_up(status);
        status["started"] = json!(3_000);
        status["at"] = json!(4_000);
    });
    let ran = world.run(&["status", "--store", &store]);
    assert!(
        ran.exit == Exit::Found && ran.err.contains("task2"),
        "{}",
        ran.all()
    );
    assert!(!ran.all().contains("task1"), "{}", ran.all());
    reports(&world, "task3", |status| status["started"] = json!(5_000));
    let ran = world.run(&["status", "--store", &store]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(
        ran.out.contains("  proxies: 1 current, 2 stopped\n"),
        "{}",
        ran.out
    );
}
