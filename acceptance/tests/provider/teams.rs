//! Several states on one mesh: order, absence and haste of the others are harmless; what is theirs is theirs.

use crate::world::{World, no_panic, says};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;

const MESH: &str = "resource \"appmesh_mesh\" \"it\" {\n  name = \"m\"\n}\n";

fn node(name: &str) -> String {
    format!(
        "resource \"appmesh_virtual_node\" \"{name}\" {{\n  name = \"{name}\"\n  mesh_name = \"m\"\n  spec {{\n    \
         listener {{\n      port_mapping {{\n        port = 80\n        protocol = \"http\"\n      }}\n    }}\n    \
         service_discovery {{\n      dns {{\n        hostname = \"{name}.local\"\n      }}\n    }}\n  }}\n}}\n"
    )
}

fn router() -> &'static str {
    "resource \"appmesh_virtual_router\" \"r\" {\n  name = \"r\"\n  mesh_name = \"m\"\n  spec {\n    listener {\n      \
     port_mapping {\n        port = 80\n        protocol = \"http\"\n      }\n    }\n  }\n}\n"
}

fn route(to: &str) -> String {
    format!(
        "resource \"appmesh_route\" \"rt\" {{\n  name = \"rt\"\n  mesh_name = \"m\"\n  virtual_router_name = \"r\"\n  \
         spec {{\n    http_route {{\n      match {{\n        prefix = \"/\"\n      }}\n      action {{\n        \
         weighted_target {{\n          virtual_node = \"{to}\"\n          weight = 1\n        }}\n      }}\n    \
         }}\n  }}\n}}\n"
    )
}

#[test]
fn literal_names_in_the_wrong_order_are_harmless() {
    // Nothing refers to anything: Terraform writes in any order, and takes away in any order.
    let configuration = format!("{}{}{}{}", route("n"), node("n"), router(), MESH);
    let world = World::new(&configuration);
    world.apply();
    world.plan_is_empty();
    assert_eq!(world.records().len(), 4);
    // Once all is there, nobody is warned any more.
    let said = world.run(&["plan", "-no-color"]).flat();
    assert!(!said.contains("MF0707"), "{said}");
    world.destroy();
    assert_eq!(world.records(), []);
}

#[test]
fn a_route_to_nowhere_is_written_with_a_warning_that_names_both_ends() {
    let world = World::new(&format!("{MESH}{}{}", router(), route("gone")));
    let said = world.apply().flat();
    says(
        &said,
        &[
            "Warning:",
            "MF0707",
            "`rt`",
            "virtual node `gone`",
            "virtual_node = \"gone\"",
            "3 added",
        ],
    );
    // And again on every plan, until it is there.
    says(&world.plan().text, &["MF0707", "virtual node `gone`"]);
    world.write(
        "",
        &format!("{MESH}{}{}{}", router(), route("gone"), node("gone")),
    );
    world.apply();
    let said = world.run(&["plan", "-no-color"]).flat();
    assert!(!said.contains("MF0707"), "{said}");
}

#[test]
fn a_mesh_that_breaks_a_rule_is_told_on_every_plan_until_it_is_repaired() {
    let other = "resource \"appmesh_route\" \"other\" {\n  name = \"other\"\n  mesh_name = \"m\"\n  \
                 virtual_router_name = \"r\"\n  spec {\n    http_route {\n      match {\n        prefix = \"/\"\n        port = \
                 81\n      }\n      action {\n        weighted_target {\n          virtual_node = \"n\"\n          weight = \
                 1\n        }\n      }\n    }\n  }\n}\n";
    let whole = format!("{MESH}{}{}{}", router(), node("n"), route("n"));
    let world = World::new(&format!("{whole}{other}"));
    world.apply();
    // The router does not listen on the route's port: each is right by itself.
    let told = ["Warning:", "MF0510", "`m` is not valid", "`other`"];
    says(&world.plan().text, &told);
    says(&world.plan().text, &told);
    world.write("", &whole);
    world.apply();
    let said = world.plan().text;
    assert!(!said.contains("MF0510"), "{said}");
    world.destroy();
}

#[test]
fn two_states_write_to_one_mesh_at_once() {
    let first = World::new(MESH);
    first.apply();
    let mine: String = (0..12).map(|n| node(&format!("a{n}"))).collect();
    let theirs: String = (0..12).map(|n| node(&format!("b{n}"))).collect();
    first.write("", &format!("{MESH}{mine}"));
    let second = first.neighbour("team-b", &theirs);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| second.apply());
        first.apply();
        other.join().unwrap();
    });
    first.plan_is_empty();
    second.plan_is_empty();
    let records = first.records();
    assert_eq!(records.len(), 25);
    for record in &records {
        let owner = if record.key.name.starts_with('b') {
            "team-b"
        } else {
            "terraform"
        };
        assert_eq!(record.author.owner, owner, "{}", record.key);
    }
    // Each destroys its own, at once.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| second.destroy());
        let ran = first.run(&[
            "destroy",
            "-auto-approve",
            "-no-color",
            "-target=appmesh_virtual_node.a0",
        ]);
        assert!(ran.ok(), "{}", ran.text);
        other.join().unwrap();
    });
    first.destroy();
    assert_eq!(first.records(), []);
}

#[test]
fn what_another_owner_refers_to_is_not_deleted() {
    let platform = World::new(&format!("{MESH}{}", node("n")));
    platform.apply();
    let team = platform.neighbour("team-b", &format!("{}{}", router(), route("n")));
    team.apply();
    platform.write("", MESH);
    let said = platform.apply_fails();
    says(&said, &["MF0704", "`rt`", "virtual node `n`", "owner `team-b`"]);
    let key = ResourceKey::in_mesh("m", Kind::VirtualNode, "n");
    assert!(platform.record(&key).is_some());
    // A mesh with children stays too, and says who is in it.
    let ran = platform.run(&["destroy", "-auto-approve", "-no-color", "-target=appmesh_mesh.it"]);
    assert!(!ran.ok());
    says(
        &ran.flat(),
        &["MF0704", "Mesh `m` still contains", "and 2 more", "owner `"],
    );
    // When they let go, it goes.
    team.destroy();
    platform.apply();
    assert_eq!(platform.record(&key), None);
    platform.destroy();
    assert_eq!(platform.records(), []);
}

#[test]
fn strict_deletes_refuse_what_ones_own_refer_to() {
    let configuration = format!("{MESH}{}{}{}", node("n"), router(), route("n"));
    let world = World::with_provider("strict_deletes = true", &configuration);
    world.apply();
    let without = format!("{MESH}{}{}", router(), route("n"));
    world.write("strict_deletes = true", &without);
    says(&world.apply_fails(), &["MF0704", "`rt`", "virtual node `n`"]);
    world.write("", &without);
    says(&world.apply().flat(), &["1 destroyed"]);
    says(&world.plan().text, &["MF0707", "virtual node `n`"]);
}

#[test]
fn what_another_state_made_is_not_taken_over() {
    let first = World::new(&format!("{MESH}{}", node("n")));
    first.apply();
    let before = first.records();
    for owner in ["team-b", "terraform"] {
        let second = first.neighbour(owner, &node("n"));
        let said = second.apply_fails();
        says(
            &said,
            &["MF0401", "irtual node `n`", "owner `terraform`", "mport it"],
        );
        assert_eq!(first.records(), before, "something was written by {owner}");
    }
}

#[test]
fn who_loses_a_race_learns_who_changed_what() {
    let first = World::new(&format!("{MESH}{}", node("n")));
    first.apply();
    let key = ResourceKey::in_mesh("m", Kind::VirtualNode, "n");
    // Planned, and meanwhile it became another team's.
    first.write("", &format!("{MESH}{}", node("n").replace("= 80", "= 81")));
    first.plan();
    let second = first.neighbour("team-b", &node("n").replace("= 80", "= 82"));
    let ran = second.run(&["import", "-no-color", "appmesh_virtual_node.n", "m/n"]);
    assert!(ran.ok(), "{}", ran.text);
    second.apply();
    let ran = first.run(&["apply", "-no-color", "tfplan"]);
    no_panic(&ran.text);
    assert!(!ran.ok(), "{}", ran.text);
    says(
        &ran.flat(),
        &["MF0401", "irtual node `n`", "owner `team-b`", "lan again"],
    );
    let record = first.record(&key).unwrap();
    assert_eq!(record.body["spec"]["listeners"][0]["portMapping"]["port"], 82);
}
