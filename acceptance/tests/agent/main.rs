//! `meshform-agent` beside real Envoys, on a bucket of an S3 server: releases arrive, refused ones go back, a store that
//! is away and a killed process do no harm, and nothing is lost when it is asked to stop.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test program"
)]

mod appnet;
#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod control;
#[path = "../buckets/desk.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod desk;
mod ecs;
mod endpoints;
mod exports;
mod fallback;
mod faults;
mod image;
mod kills;
mod life;
mod lookup;
mod measure;
mod mesh;
#[path = "../buckets/moto.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod moto;
mod policy;
mod releases;
mod rolling;
mod secrets;
#[path = "../buckets/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod surroundings;
mod world;
#[path = "../conformance/xds.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod xds;

/// What `xds` takes from the program that it is written for.
mod http2 {
    pub(crate) fn runtime() -> tokio::runtime::Runtime {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap()
    }
}
mod secure {
    pub(crate) type Identity = (String, String);
}

use std::net::SocketAddr;
use world::{World, eventually, signal};

pub(crate) const KEY: &str = "AKIAEXAMPLE";
pub(crate) const SECRET: &str = "a-secret-for-tests";

pub(crate) struct Bucket {
    endpoint: String,
    url: String,
}

impl Bucket {
    pub(crate) fn at(address: SocketAddr, prefix: &str) -> Self {
        Self {
            endpoint: format!("http://{address}"),
            url: format!("s3://meshes/{prefix}"),
        }
    }
}
