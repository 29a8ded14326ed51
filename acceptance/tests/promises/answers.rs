//! What the answer to a write says.

use crate::promise::{is_kept, no_warning};
use crate::small_mesh::{MESH, calls, node, split};
use crate::world::{World, open, says, wait};
use meshform_store::Store;

const SETTINGS: &str = "publish = [\"published\"]";

fn kept(world: &World) {
    let published = world.module().dir().join("published");
    wait(is_kept(&open(&world.store_directory()), &[&published]));
}

/// The mesh whose route needs the only port of `b1`.
fn mesh() -> String {
    split(
        "appmesh_virtual_service.b.name",
        [
            ("appmesh_virtual_node.b1.name", 1),
            ("appmesh_virtual_node.b2.name", 1),
        ],
    )
}

/// The same with a second listener on both targets.
fn with_second_listener() -> String {
    let listener = "    listener {\n      port_mapping {\n        port     = 9090\n        protocol = \"http\"\n      }\n    }\n";
    let mut text = mesh();
    for name in ["b1", "b2"] {
        let at = text.find(&format!("\"{name}.local\"")).unwrap();
        let spec = text[..at].rfind("    service_discovery").unwrap();
        text.insert_str(spec, listener);
    }
    text
}

#[test]
fn a_write_that_leaves_the_mesh_invalid_says_so_with_both_ends() {
    let world = World::with_provider(SETTINGS, &mesh());
    no_warning(&world.apply().text);
    kept(&world);
    world.write(SETTINGS, &with_second_listener());
    let said = world.apply().flat();
    says(
        &said,
        &["route `split`", "irtual node `b1`", "mesh `m` is not valid"],
    );
    says(&world.plan().text, &["MF0510", "route `split`"]);
    // Mended, nobody complains.
    world.write(SETTINGS, &mesh());
    world.apply();
    kept(&world);
    no_warning(&world.plan().text);
}

#[test]
fn a_plan_looks_again_at_a_mesh_that_was_mended_behind_it() {
    let world = World::with_provider(SETTINGS, &mesh());
    world.apply();
    world.write(SETTINGS, &with_second_listener());
    world.apply();
    // Written by somebody who did not release it.
    for name in ["b1", "b2"] {
        let key =
            meshform_model::key::ResourceKey::in_mesh("m", meshform_model::kind::Kind::VirtualNode, name);
        world.tamper(&key, |body| {
            body["spec"]["listeners"].as_array_mut().unwrap().truncate(1);
        });
    }
    world.write(SETTINGS, &mesh());
    let said = world.plan().text;
    assert!(!said.contains("MF0510"), "{said}");
}

#[test]
fn the_delete_of_what_is_needed_says_so() {
    let world = World::with_provider(
        SETTINGS,
        &format!("{MESH}{}{}", node("a", &calls("\"b.local\"")), service()),
    );
    world.apply();
    no_warning(&world.plan().text);
    world.write(SETTINGS, &format!("{MESH}{}", node("a", &calls("\"b.local\""))));
    let said = world.apply().flat();
    says(
        &said,
        &[
            "1 destroyed",
            "`b.local`",
            "does not exist",
            "left mesh `m` invalid",
        ],
    );
    assert_eq!(world.records().len(), 2, "the service is gone all the same");
}

fn service() -> &'static str {
    r#"
resource "appmesh_virtual_service" "b" {
  name      = "b.local"
  mesh_name = appmesh_mesh.m.name
  spec {
    provider {
      virtual_node {
        virtual_node_name = appmesh_virtual_node.a.name
      }
    }
  }
}
"#
}

#[test]
fn a_route_that_is_replaced_is_never_missed_and_one_that_goes_is_said() {
    let settings = format!("{SETTINGS}\nhold_time = \"1s\"");
    let world = World::with_provider(&settings, &mesh());
    world.apply();
    let releases = |world: &World| {
        let pointer = wait(open(&world.store_directory()).pointer("m", "release"))
            .unwrap()
            .unwrap();
        let pointer: serde_json::Value = serde_json::from_str(&pointer.value).unwrap();
        pointer["history"].as_array().unwrap().len()
    };
    let before = releases(&world);
    // A name cannot be changed in place: Terraform deletes the route and then creates the other.
    world.write(
        &settings,
        &mesh().replace(
            "name                = \"split\"",
            "name                = \"other\"",
        ),
    );
    let said = world.apply();
    no_warning(&said.text);
    says(&said.text, &["1 added, 0 changed, 1 destroyed"]);
    assert_eq!(
        releases(&world),
        before + 1,
        "no release without a route in between"
    );
    kept(&world);
    let text = mesh();
    let (head, rest) = text.split_once("resource \"appmesh_route\"").unwrap();
    let (_, tail) = rest.split_once("\n}\n").unwrap();
    world.write(&settings, &format!("{head}{tail}"));
    let said = world.apply().flat();
    says(&said, &["MF0514", "virtual router `b`", "404"]);
    kept(&world);
    world.destroy();
}

#[test]
fn what_waits_for_an_order_is_not_waited_for() {
    let by_hand = mesh().replace(
        "name = \"m\"\n",
        "name = \"m\"\n  extensions {\n    release_policy = \"MANUAL\"\n  }\n",
    );
    let world = World::with_provider(SETTINGS, &by_hand);
    let said = world.apply().flat();
    assert!(!said.contains("MF0713") && !said.contains("MF0510"), "{said}");
}

#[test]
fn a_name_that_is_not_there_is_told_with_the_one_that_is() {
    for (name, meant) in [
        ("\"b22\"", "did you mean `b2`"),
        ("\"b.local\"", "`b.local` is a virtual service"),
    ] {
        let world = World::with_provider(
            SETTINGS,
            &split(
                "appmesh_virtual_service.b.name",
                [("appmesh_virtual_node.b1.name", 1), (name, 1)],
            ),
        );
        says(&world.apply().flat().to_lowercase(), &["does not exist", meant]);
    }
}
