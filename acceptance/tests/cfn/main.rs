//! `meshform-cfn` as AWS Lambda and CloudFormation drive it: its interface of Lambda and the addresses of answers are
//! served here, a stand-in for CloudFormation runs whole operations of stacks, and the store is on a server with the
//! interface of S3.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod corpus;
#[path = "../buckets/desk.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod desk;
mod existing;
mod faults;
mod lambda;
mod policy;
mod sequences;
#[path = "../buckets/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod stack;
mod template;
#[path = "../provider/wait.rs"]
mod wait;
mod world;

use std::net::SocketAddr;

pub(crate) const KEY: &str = "AKIAEXAMPLE";
pub(crate) const SECRET: &str = "a-secret-for-tests";

pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    pub(crate) url: String,
}

impl Bucket {
    pub(crate) fn at(address: SocketAddr, prefix: &str) -> Self {
        Self {
            endpoint: format!("http://{address}"),
            url: format!("s3://meshes/{prefix}"),
        }
    }
}
