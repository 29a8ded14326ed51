//! How many requests Terraform's work makes: a few for each resource, however many there are.

use crate::server::Server;
use crate::{MESH, nodes};

/// The requests of the first apply, of an empty plan, and of a destroy.
fn requests(count: usize) -> [usize; 3] {
    let server = Server::start();
    // A mesh named by a literal would wait for its nodes to go, and look as often as that takes.
    let nodes = nodes("a", count).replace("= \"m\"", "= appmesh_mesh.it.name");
    let world = server.bucket("p").world("terraform", &format!("{MESH}{nodes}"));
    world.apply();
    let apply = server.requests().len();
    let ran = world.run(&["plan", "-detailed-exitcode", "-no-color"]);
    assert_eq!(ran.status, 0, "{}", ran.text);
    let plan = server.requests().len();
    world.destroy();
    [apply, plan, server.requests().len()]
}

#[test]
fn they_grow_with_the_resources_and_no_faster() {
    let (few, many) = (requests(10), requests(100));
    println!("apply, plan, destroy: {few:?} for 10 resources, {many:?} for 100");
    // Releases on the way and what is fixed come to it.
    for (name, allowed, (few, many)) in [
        // A node's bundle and what its agent follows among them.
        ("apply", 11, (few[0], many[0])),
        ("plan", 4, (few[1], many[1])),
        // Each batch of deletes that Terraform makes at once is released, and its proxies are told to let go.
        ("destroy", 20, (few[2], many[2])),
    ] {
        let each = many.saturating_sub(few) / 90;
        assert!(
            each <= allowed,
            "{name}: {each} for each resource ({few}, {many})"
        );
    }
}
