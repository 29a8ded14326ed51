//! Beginning and end.

use crate::{World, eventually, signal};
use meshform_acceptance::http::Client;
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
    let mut world = World::new();
    world.publish(1);
    let mut command = world.run();
    command.args(["--no-such-option"]).env("MESHFORM_RESTARTS", "1");
    world.start_by(command);
    assert_eq!(world.ends(), Some(1), "{}", world.log());
    assert!(
        world.log().contains("2 times within 10 minutes"),
        "{}",
        world.log()
    );
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
