//! Whoever applies, releases and pins one mesh needs no more than the policy of its writers, and can write no other.

use crate::server::Server;
use crate::{KEY, MESH, nodes};
use meshform_acceptance::tools;
use serde_json::Value;
use std::process::Command;

#[test]
fn the_writers_of_a_mesh_do_all_of_it_with_their_policy_and_nothing_to_another() {
    let server = Server::start();
    let bucket = server.bucket("p");
    // Who creates the store may do everything.
    let platform = bucket.world("platform", &MESH.replace("\"m\"", "\"other\""));
    platform.apply();
    let output = Command::new(tools::meshform())
        .args(["policy", "--store", "s3://meshes/p", "--mesh", "m"])
        .output()
        .unwrap();
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    server.restrict(KEY, policy);
    let shop = bucket.world("shop", &format!("{MESH}{}", nodes("a", 2)));
    shop.apply();
    shop.plan_is_empty();
    for arguments in [
        vec!["status", "--mesh", "m"],
        vec!["release", "--mesh", "m"],
        vec!["history", "--mesh", "m"],
    ] {
        let (ended_well, said) = bucket.meshform(&arguments);
        assert!(ended_well, "{arguments:?}: {said}");
    }
    shop.destroy();
    // Trying whether the storage heeds conditions is the only thing that it did not get, and did without.
    let mut denied = server.denied();
    denied.retain(|line| !line.contains("/p/probe/"));
    assert_eq!(denied, Vec::<String>::new());
    let said = platform.run(&["apply", "-auto-approve", "-no-color", "-destroy"]);
    assert!(!said.ok(), "{}", said.text);
    assert!(said.flat().contains("no permission"), "{}", said.text);
}
