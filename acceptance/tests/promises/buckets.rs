//! Stores in slow and failing buckets.

use crate::promise::{is_kept, no_warning, nodes};
use crate::server::{Fault, Server};
use crate::size;
use crate::world::{World, says, wait};
use std::path::PathBuf;
use std::time::Duration;

fn settings(bucket: &crate::Bucket) -> String {
    format!("{}publish = [\"published\"]", bucket.settings("terraform"))
}

fn published(world: &World) -> PathBuf {
    world.module().dir().join("published")
}

#[test]
fn an_apply_waits_for_a_slow_bucket() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", "");
    let proxies = size::proxies(40);
    world.write(&settings(&bucket), &nodes(proxies, 8080));
    server.slow(size::request());
    let what = format!(
        "a first apply of {proxies} proxies, {:?} a request",
        size::request()
    );
    no_warning(&size::timed(&what, || world.apply()).text);
    server.slow(Duration::ZERO);
    let store = bucket.store();
    wait(is_kept(&*store, &[&published(&world)]));
}

#[test]
fn a_release_that_a_bucket_refuses_is_said_and_made_by_the_next_apply() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", "");
    world.write(&settings(&bucket), &nodes(2, 8080));
    world.apply();
    server.fail("PUT /meshes/p/m/m/releases/", Fault::Answer(403, "AccessDenied"));
    world.write(&settings(&bucket), &nodes(2, 8081));
    let said = world.apply().flat();
    says(&said, &["MF0713", "mesh `m`", "AccessDenied", "meshform release"]);
    server.heal();
    // Nothing is to be changed, and yet it heals.
    let said = world.apply().flat();
    says(&said, &["0 added, 0 changed, 0 destroyed"]);
    let store = bucket.store();
    wait(is_kept(&*store, &[&published(&world)]));
    no_warning(&world.plan().text);
}
