//! Stores in etcd: the contract on a real cluster, and what a cluster does to a store when its members, its space, its
//! users or its own history go.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod cluster;
mod command;
mod faults;
mod provider;
mod replicas;
mod security;
#[path = "../controlplane/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod servers;
#[path = "../provider/wait.rs"]
mod wait;

use cluster::{Cluster, wait};
use meshform_store::testing;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_store_in_etcd_keeps_the_contract() {
    let cluster = Cluster::start(1);
    let next = AtomicUsize::new(0);
    wait(testing::contract(|| {
        let prefix = format!("stores/{}", next.fetch_add(1, Ordering::Relaxed));
        ready(cluster.store(&prefix))
    }));
}
