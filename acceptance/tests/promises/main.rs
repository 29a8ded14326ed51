//! An apply that has ended without error and without a warning means that every proxy has what was written: on slow
//! disks and slow buckets, and where a disk is full or cannot be written, a warning says what is not so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test program"
)]

mod answers;
#[path = "../buckets/bucket.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod bucket;
mod buckets;
#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
#[path = "../buckets/desk.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod desk;
mod disks;
mod idle;
mod plans;
mod promise;
#[path = "../buckets/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod size;
mod slow;
#[path = "../provider/small_mesh.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod small_mesh;
#[path = "../provider/wait.rs"]
mod wait;
#[path = "../provider/world.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod world;

pub(crate) use bucket::{Bucket, KEY, SECRET};
