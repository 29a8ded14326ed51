//! Task definitions that `meshform compile --target ecs` writes, run: each task in a network namespace of its own, its
//! containers started, watched and stopped as ECS does it, with real Envoys and real agents that follow a bucket.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

mod app;
#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod deployed;
#[path = "../buckets/desk.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod desk;
mod network;
mod publisher;
#[path = "../buckets/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod system;
mod task;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) const KEY: &str = "AKIAEXAMPLE";
pub(crate) const SECRET: &str = "a-secret-for-tests";

pub(crate) struct Bucket {
    address: SocketAddr,
}

impl Bucket {
    pub(crate) fn at(address: SocketAddr, _prefix: &str) -> Self {
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Waits for what can be seen.
pub(crate) fn eventually(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(seconds),
            "not within {seconds} s: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Two services and a gateway: started, called, changed, and replaced under load.
#[test]
fn what_is_emitted_runs() {
    if !network::users() {
        // Interception knows the proxy by its user: with one user alone it cannot be shown.
        println!("not run: making network namespaces with several users needs root");
        return;
    }
    network::again("in_a_network_of_its_own");
}

/// What [`what_is_emitted_runs`] starts anew in a namespace.
#[test]
fn in_a_network_of_its_own() {
    if network::is_inside() {
        system::run();
    }
}

/// What the tasks' applications are: this program, started by a task.
#[test]
fn an_application() {
    app::serve();
}
