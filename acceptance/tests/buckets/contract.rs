//! The suite that every store must pass, on two servers; and a server that must be refused.

use crate::Bucket;
use crate::moto::Moto;
use crate::server::{Fault, Server};
use crate::world::wait;
use meshform_store::{Seed, Store, testing};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// On stores of its own, each at a prefix that was not used before.
pub(crate) fn keeps_the_contract(store: impl Fn(&str) -> Arc<dyn Store>) {
    let next = AtomicUsize::new(0);
    wait(testing::contract(|| {
        let prefix = format!("stores/{}", next.fetch_add(1, Ordering::Relaxed));
        ready(store(&prefix))
    }));
}

#[test]
fn on_moto() {
    let moto = Moto::start();
    keeps_the_contract(|prefix| Bucket::at(moto.address(), prefix).store());
}

#[test]
fn on_s3s() {
    let server = Server::start();
    keeps_the_contract(|prefix| server.bucket(prefix).store());
}

#[test]
fn a_server_that_heeds_no_condition_is_refused_and_nothing_is_left_there() {
    let server = Server::start();
    server.fail("PUT", Fault::Unconditional);
    let store = server.bucket("p").store();
    let error = wait(store.establish(&Seed::default())).unwrap_err();
    assert_eq!(error.code().0, "MF0422");
    assert!(error.to_string().contains("s3://meshes/p/probe/"), "{error}");
    assert!(error.help().contains("If-None-Match"), "{}", error.help());
    assert_eq!(server.names("p/probe"), Vec::<String>::new());
    assert!(!server.file("p/store.json").exists());
    // One that says so itself, likewise.
    server.fail("PUT", Fault::Answer(501, "NotImplemented"));
    let error = wait(server.bucket("p").store().establish(&Seed::default())).unwrap_err();
    assert_eq!(error.code().0, "MF0422");
    server.heal();
    wait(store.establish(&Seed::default())).unwrap();
}
