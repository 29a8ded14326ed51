//! `appmesh_release`: at the end of a graph it names the proxies that an apply changes, and fails an apply after
//! which the mesh is not valid.

use crate::small_mesh::split;
use crate::world::{World, says};
use meshform_acceptance::tools;
use std::process::Command;

fn mesh(name: &str, weights: [u32; 2]) -> String {
    let name = format!("\"{name}\"");
    let targets = [
        (name.as_str(), weights[0]),
        ("appmesh_virtual_node.b2.name", weights[1]),
    ];
    let mesh = split("\"b.local\"", targets);
    format!(
        r#"{mesh}
resource "appmesh_release" "it" {{
  mesh_name  = appmesh_mesh.m.name
  depends_on = [appmesh_route.split, appmesh_virtual_service.b, appmesh_virtual_node.a]
}}
"#
    )
}

#[test]
fn the_plan_names_the_proxies_that_change_and_the_state_keeps_them() {
    let world = World::new(&mesh("b1", [50, 50]));
    says(&world.apply().flat(), &["changes 3 proxies", "m/virtualNode/b2"]);
    world.plan_is_empty();
    // Only the caller's routes differ: the called do not hear of it.
    for weights in [[10, 90], [90, 10], [40, 60]] {
        world.write("", &mesh("b1", weights));
        let said = world.apply().flat();
        says(
            &said,
            &[
                "changes 1 proxy",
                "m/virtualNode/a: routes; open connections are untouched",
            ],
        );
        assert!(
            !said.contains("changes the configuration of: m/virtualNode/b"),
            "{said}"
        );
        assert_eq!(
            world.state()["appmesh_release.it"]["proxies"],
            serde_json::json!(["m/virtualNode/a"])
        );
        world.plan_is_empty();
    }
    world.destroy();
}

#[test]
fn a_store_of_another_account_and_region_plans_empty_too() {
    let settings = "account_id = \"123456789012\"\nregion = \"eu-west-1\"";
    let world = World::with_provider(settings, &mesh("b1", [50, 50]));
    world.apply();
    world.plan_is_empty();
    world.write(settings, &mesh("b1", [10, 90]));
    says(&world.apply().flat(), &["changes 1 proxy", "m/virtualNode/a"]);
    world.plan_is_empty();
    world.destroy();
}

#[test]
fn an_apply_that_leaves_the_mesh_broken_fails_and_a_repair_goes_through() {
    let world = World::new(&mesh("nobody", [50, 50]));
    says(&world.apply_fails(), &["Invalid mesh (MF0510)", "`nobody`"]);
    world.write("", &mesh("b1", [50, 50]));
    world.apply();
    world.plan_is_empty();
    world.destroy();
}

#[test]
fn the_plan_names_what_was_meant() {
    let world = World::new(&mesh("b11", [50, 50]));
    says(
        &world.plan().text,
        &["with appmesh_release.it", "Did you mean `b1`?"],
    );
}

/// What a mesh's operator says to the module's store, and what the command answers.
fn meshform(world: &World, arguments: &[&str]) -> String {
    let mut command = Command::new(tools::meshform());
    command.current_dir(world.module().dir()).args(arguments);
    let ran = command.args(["--store", ".meshform"]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    said
}

/// The release that the mesh's proxies have.
fn current(world: &World) -> String {
    let told = meshform(world, &["status", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    told["meshes"][0]["current"]["release"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_pinned_mesh_takes_writes_and_every_plan_says_that_its_proxies_are_held() {
    let without_release = |weights| {
        let all = mesh("b1", weights);
        let (before, _) = all.split_once("resource \"appmesh_release\"").unwrap();
        before.to_owned()
    };
    let world = World::new(&without_release([50, 50]));
    world.apply();
    let first = current(&world);
    meshform(&world, &["pin", &first, "--mesh", "m"]);
    world.plan_is_empty();
    let held = [
        "MF0507",
        "roxies of mesh `m` are pinned to release",
        "meshform unpin --store",
    ];
    says(&world.plan().text, &held);
    world.write("", &without_release([10, 90]));
    says(&world.plan().text, &held);
    world.apply();
    world.plan_is_empty();
    assert_eq!(
        current(&world),
        first,
        "what was written does not reach the proxies"
    );
    meshform(&world, &["unpin", "--mesh", "m"]);
    assert_ne!(current(&world), first);
    let plan = world.plan().text;
    assert!(!plan.contains("MF0507"), "{plan}");
    world.destroy();
}

/// Another team's module that wants to know of the release and owns nothing of the mesh.
const FOLLOWER: &str = "resource \"appmesh_release\" \"it\" {\n  mesh_name = \"m\"\n}\n";

#[test]
fn a_release_is_imported_by_the_name_of_its_mesh() {
    let world = World::new(&mesh("b1", [50, 50]));
    world.apply();
    let ours = world.state()["appmesh_release.it"].clone();
    for terraform in tools::terraform_matrix() {
        let other = world.neighbour_on(&terraform, "other", FOLLOWER);
        let ran = other.run(&["import", "-no-color", "appmesh_release.it", "m"]);
        assert!(ran.ok(), "{}", ran.text);
        let theirs = &other.state()["appmesh_release.it"];
        for name in ["id", "mesh_name", "release"] {
            assert_eq!(ours[name], theirs[name], "{name}");
        }
        assert_eq!(theirs["proxies"], serde_json::json!([]));
        other.plan_is_empty();
        let ran = other.run(&["state", "rm", "appmesh_release.it"]);
        assert!(ran.ok(), "{}", ran.text);
        let ran = other.run(&["import", "-no-color", "appmesh_release.it", "nobody"]);
        assert!(!ran.ok(), "{}", ran.text);
        says(
            &ran.flat(),
            &["Resource not found (MF1003)", "no release of a mesh `nobody`"],
        );
    }
    let by_identity =
        format!("{FOLLOWER}import {{\n  to = appmesh_release.it\n  identity = {{ mesh_name = \"m\" }}\n}}\n");
    let other = world.neighbour_on(&tools::terraform_shim(), "other", &by_identity);
    says(
        &other.apply().flat(),
        &["1 imported, 0 added, 0 changed, 0 destroyed"],
    );
    other.plan_is_empty();
}

#[test]
fn a_release_that_disappears_is_planned_anew() {
    for terraform in tools::terraform_matrix() {
        let world = World::on(&terraform, "", &mesh("b1", [50, 50]));
        world.apply();
        let other = world.neighbour_on(&terraform, "other", FOLLOWER);
        other.apply();
        other.plan_is_empty();
        // All of the mesh goes elsewhere.
        world.destroy();
        other.plan().is(&[("appmesh_release.it", "create")]);
        says(
            &other.apply_fails(),
            &["Resource not found (MF1003)", "no mesh `m`"],
        );
        world.apply();
        other.apply();
        other.plan_is_empty();
        assert_eq!(
            other.state()["appmesh_release.it"]["release"],
            world.state()["appmesh_release.it"]["release"]
        );
    }
}
