//! Beginning and end.

use crate::{World, eventually, signal};
use meshform_acceptance::http::Client;
use meshform_acceptance::upstream::Upstream;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[test]
fn told_to_stop_it_finishes_what_is_under_way_and_ends_well() {
    let mut world = World::new();
    let [first, _] = world.running();
    eventually("it is well", 10, || world.health().0);
    first.delay(Duration::from_secs(3));
    let address = SocketAddr::from(([127, 0, 0, 1], world.published.egress));
    let slow = std::thread::spawn(move || {
        let answer = Client::new(address)
            .timeout(Duration::from_secs(20))
            .get("b.local", "/", &[]);
        answer.unwrap().status
    });
    eventually("the request is under way", 10, || {
        first.served() > 0 || world.admin().sum("downstream_rq_active").unwrap() > 0
    });
    let begun = Instant::now();
    world.signal("TERM");
    eventually("health fails", 10, || !world.health().0);
    assert_eq!(slow.join().unwrap(), 200, "{}", world.log());
    assert_eq!(world.ends(), Some(0), "{}", world.log());
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "it ended as soon as nothing was under way"
    );
    assert!(!world.admin().is_ready());
}

#[test]
fn an_envoy_that_does_not_start_ends_the_agent_with_its_status() {
    let first = Upstream::start("first").unwrap();
    let mut world = World::new();
    world.publish(first.address().port());
    let mut command = world.run();
    command.args(["--no-such-option"]).env("MESHFORM_RESTARTS", "1");
    world.start_by(command);
    assert_eq!(world.ends(), Some(1), "{}", world.log());
    assert!(
        world.log().contains("2 times within 10 minutes"),
        "{}",
        world.log()
    );
    // What is reported outlives it: it failed, and was not told to stop.
    let folder = world.object(&world.proxy.status_prefix());
    let reported = || -> Value {
        let mut files = std::fs::read_dir(&folder).unwrap().flatten();
        serde_json::from_slice(&std::fs::read(files.next().unwrap().path()).unwrap()).unwrap()
    };
    let told = reported();
    assert!(told["state"] == "failing" && told["gaveUp"] == true, "{told}");
    let why = told["reasons"][0].as_str().unwrap();
    assert!(
        why.starts_with("MF0431: Envoy has ended with status 1, 2 times"),
        "{why}"
    );
    let marker = world.proxy.rejected_key(told["instance"].as_str().unwrap());
    assert!(world.read(&marker).is_some(), "plans are told");
    // A program that is not there is the same failure.
    let mut command = world.run();
    command.env("PATH", "/nowhere");
    let mut missing = std::process::Command::new(command.get_program());
    missing.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    missing.args(["run", "--", "no-such-envoy"]);
    world.start_by(missing);
    assert_eq!(world.ends(), Some(1), "{}", world.log());
    let told = reported();
    assert!(
        told["gaveUp"] == true
            && told["reasons"]
                .to_string()
                .contains("no-such-envoy cannot be started"),
        "{told}"
    );
    // Until an Envoy serves it fails, also while another is started.
    world.start();
    eventually("it reports again", 20, || reported()["gaveUp"].is_null());
    eventually("it is well", 40, || {
        let state = world.status()["state"].clone();
        assert_ne!(state, "starting", "{}", world.log());
        state == "ready" && world.health().0
    });
    world.serves("first");
    eventually("it has told so", 20, || {
        let told = reported();
        told["state"] == "ready" && told["reasons"].is_null()
    });
    assert!(world.read(&marker).is_none());
    world.signal("TERM");
    assert_eq!(world.ends(), Some(0));
    assert_eq!(reported()["state"], "stopped");
}

#[test]
fn an_application_that_stops_at_once_is_told_later() {
    let mut world = World::new();
    let mut command = std::process::Command::new(meshform_acceptance::tools::agent());
    command.args([
        "delay",
        "--seconds",
        "1",
        "--",
        "sh",
        "-c",
        "trap 'exit 7' TERM; echo begun; while :; do sleep 0.1; done",
    ]);
    world.start_by(command);
    let begun = Instant::now();
    eventually("it runs", 10, || world.log().contains("begun"));
    signal(world.pid(), "TERM");
    assert_eq!(world.ends(), Some(7));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}
