//! A plan belongs to its store.

use crate::promise::nodes;
use crate::world::{World, no_panic, open, says, wait};
use meshform_acceptance::tools;
use meshform_store::Store;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

fn at(store: &str) -> String {
    format!("store = \"{store}\"")
}

/// Applies a saved plan, which must fail.
fn refuses(world: &World, words: &[&str]) {
    let ran = world.run(&["apply", "-no-color", "tfplan"]);
    assert!(!ran.ok(), "the plan was applied:\n{}", ran.text);
    no_panic(&ran.text);
    says(&ran.flat(), words);
}

#[test]
fn a_saved_plan_is_not_applied_to_another_store() {
    // The store's place is relative, and another store is put there between plan and apply.
    let world = World::with_provider(&at("store"), &nodes(1, 8080));
    world.apply();
    let store = world.module().dir().join("store");
    let other = World::with_provider("", &nodes(1, 8080));
    other.apply();
    // A change, a replacement, a delete.
    let renamed = nodes(1, 8080).replace("\"n${count.index}\"", "\"x${count.index}\"");
    for configuration in [nodes(1, 8081), renamed, String::new()] {
        world.write(&at("store"), &configuration);
        world.plan();
        let mine = world.folder().join("mine");
        fs::rename(&store, &mine).unwrap();
        // Terraform writes its state after a refused apply too, and then takes the plan for stale.
        let state = world.module().dir().join("terraform.tfstate");
        let unapplied = fs::read(&state).unwrap();
        // Gone: no new one is made.
        refuses(&world, &["MF0413"]);
        fs::write(&state, unapplied).unwrap();
        assert!(!store.join("store.db").exists(), "a new store was made");
        let _ = fs::remove_dir_all(&store);
        // Another one: it stays as it is.
        fs::create_dir(&store).unwrap();
        for file in fs::read_dir(other.store_directory()).unwrap().flatten() {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), store.join(file.file_name())).unwrap();
            }
        }
        let before = crate::world::records(&store);
        refuses(&world, &["MF0413"]);
        assert_eq!(crate::world::records(&store), before);
        fs::remove_dir_all(&store).unwrap();
        fs::rename(&mine, &store).unwrap();
    }
}

#[test]
fn what_another_owner_has_written_since_the_plan_is_not_deleted() {
    let world = World::new(&nodes(1, 8080));
    world.apply();
    world.write("", MESH_ALONE);
    world.plan();
    let key = meshform_model::key::ResourceKey::in_mesh("m", meshform_model::kind::Kind::VirtualNode, "n0");
    let store = open(&world.store_directory());
    wait(async {
        let record = store.get(&key).await.unwrap().unwrap();
        let author = meshform_store::Author {
            owner: "team-b".to_owned(),
            ..record.author.clone()
        };
        let draft = meshform_store::RecordDraft::new(key.clone(), record.body.clone());
        let expected = meshform_store::Expected::At(record.revision);
        store.put(draft, expected, &author).await.unwrap();
    });
    refuses(&world, &["MF0401", "team-b"]);
}

#[test]
fn what_was_changed_since_the_plan_is_not_deleted() {
    let world = World::new(&nodes(2, 8080));
    world.apply();
    world.write("", MESH_ALONE);
    world.plan();
    let key = meshform_model::key::ResourceKey::in_mesh("m", meshform_model::kind::Kind::VirtualNode, "n0");
    // Another run of the same owner.
    world.tamper(&key, |body| {
        body["spec"]["listeners"][0]["portMapping"]["port"] = json!(9999)
    });
    refuses(&world, &["MF0401", "irtual node `n0`", "Plan again"]);
    assert!(world.record(&key).is_some());
    // A plan that has seen it deletes it.
    world.apply();
    assert_eq!(world.records().len(), 1);
}

const MESH_ALONE: &str = "resource \"appmesh_mesh\" \"m\" {\n  name = \"m\"\n}\n";

#[test]
fn without_a_refresh_what_the_state_never_showed_is_not_deleted_in_silence() {
    let key = meshform_model::key::ResourceKey::in_mesh("m", meshform_model::kind::Kind::VirtualNode, "n0");
    let unseen = ["-no-color", "-auto-approve", "-refresh=false"];
    for program in tools::terraform_matrix() {
        let refreshes_first = program.to_string_lossy().ends_with("1.15");
        let world = World::on(&program, "", &nodes(1, 8080));
        world.apply();
        world.tamper(&key, |body| {
            body["spec"]["listeners"][0]["portMapping"]["port"] = json!(9999)
        });
        world.write("", MESH_ALONE);
        let ran = world.run(&[&["apply"][..], &unseen].concat());
        says(
            &ran.flat(),
            &["MF0401", "before anyone has looked at it", "-refresh-only"],
        );
        // An older Terraform asks before it refreshes, so that one answer has to do for both.
        assert_eq!(ran.ok(), !refreshes_first, "{}", ran.text);
        assert_eq!(world.record(&key).is_some(), refreshes_first);
        if refreshes_first {
            let ran = world.run(&[&["destroy"][..], &unseen].concat());
            assert!(!ran.ok(), "{}", ran.text);
        }
        let ran = world.apply();
        assert!(!ran.text.contains("MF0401"), "{}", ran.text);
        assert_eq!(world.records().len(), 1);
        // What the state shows goes without a word.
        let ran = world.run(&[&["destroy"][..], &unseen].concat());
        assert!(ran.ok() && !ran.text.contains("(MF"), "{}", ran.text);
        assert!(world.records().is_empty());
    }
}

#[test]
fn a_state_of_another_provider_deletes_nothing_of_another_owner() {
    for program in tools::terraform_matrix() {
        let world = World::on(&program, "", &nodes(1, 8080));
        world.apply();
        let file = world.module().dir().join("terraform.tfstate");
        let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for resource in state["resources"].as_array_mut().unwrap() {
            resource["instances"][0]
                .as_object_mut()
                .unwrap()
                .remove("private");
        }
        fs::write(&file, state.to_string()).unwrap();
        world.write("owner = \"team-b\"", MESH_ALONE);
        let words = ["-auto-approve", "-no-color", "-refresh=false"];
        for command in ["apply", "destroy"] {
            let ran = world.run(&[&[command][..], &words].concat());
            assert!(!ran.ok(), "{}", ran.text);
            says(
                &ran.flat(),
                &["MF0401", "of the owner `terraform`", "was not compared"],
            );
        }
        assert_eq!(world.records().len(), 2);
        // A store without any of it has nothing to delete, and says so.
        world.write("store = \"elsewhere\"", MESH_ALONE);
        let ran = world.run(&["destroy", "-auto-approve", "-no-color"]);
        assert!(ran.ok(), "{}", ran.text);
        says(&ran.flat(), &["MF1003", "deletes nothing"]);
    }
}

#[test]
fn a_state_of_no_bytes_is_taken_back_by_imports() {
    let world = World::with_provider("owner = \"team-a\"", &nodes(3, 8080));
    world.apply();
    let records = world.records();
    fs::write(world.module().dir().join("terraform.tfstate"), "").unwrap();
    let said = world.apply_fails();
    says(
        &said,
        &[
            "terraform.tfstate.backup",
            "meshform imports --owner team-a",
            "imports.tf",
        ],
    );
    // One advice for all that it lost: two of the nodes have none of their own.
    fs::write(world.module().dir().join("terraform.tfstate"), "").unwrap();
    let literal = nodes(3, 8080).replace("appmesh_mesh.m.name", "\"m\"");
    world.write("owner = \"team-a\"", &literal);
    let said = world.apply_fails();
    assert_eq!(said.matches("meshform imports --owner").count(), 1, "{said}");
    assert_eq!(said.matches("MF0401").count(), 4, "{said}");
    world.write("owner = \"team-a\"", &nodes(3, 8080));
    // As the message says.
    let plan = world.run(&["plan", "-no-color", "-out=tfplan"]);
    assert!(plan.ok(), "{}", plan.text);
    let shown = world
        .module()
        .command(&["show", "-json", "tfplan"])
        .output()
        .unwrap();
    world
        .module()
        .write("plan.json", &String::from_utf8(shown.stdout).unwrap())
        .unwrap();
    let written = Command::new(tools::meshform())
        .args(["imports", "--owner", "team-a", "plan.json"])
        .current_dir(world.module().dir())
        .output()
        .unwrap();
    let imports = String::from_utf8(written.stdout).unwrap();
    assert!(
        written.status.success(),
        "{}",
        String::from_utf8_lossy(&written.stderr)
    );
    world.module().write("imports.tf", &imports).unwrap();
    let ran = world.apply();
    says(&ran.text, &["4 imported, 0 added, 0 changed, 0 destroyed"]);
    assert_eq!(world.records(), records);
    fs::remove_file(world.module().dir().join("imports.tf")).unwrap();
    world.plan_is_empty();
}

#[test]
fn a_damaged_state_is_said_to_be_damaged() {
    let world = World::new(&nodes(1, 8080));
    world.apply();
    let file = world.module().dir().join("terraform.tfstate");
    let whole: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let wrong = [
        ("attributes/name", json!(7)),
        ("attributes/name", Value::Null),
        ("attributes/name", json!("other")),
        ("attributes/mesh_name", json!(["m"])),
        ("attributes/spec", json!("spec")),
        ("attributes/spec", json!([{"listener": {"a": 1}}])),
        ("attributes/tags", json!([1])),
        ("attributes", json!([])),
        ("identity/name", json!("other")),
        ("identity/name", json!({"a": 1})),
        ("private", json!("bm90IG91cnM=")),
    ];
    let mut refused = 0;
    for (path, value) in wrong {
        let mut state = whole.clone();
        let resources = state["resources"].as_array_mut().unwrap().iter_mut();
        let mut nodes = resources.filter(|one| one["type"] == "appmesh_virtual_node");
        let instance = &mut nodes.next().unwrap()["instances"][0];
        *instance.pointer_mut(&format!("/{path}")).unwrap() = value.clone();
        fs::write(&file, state.to_string()).unwrap();
        let ran = world.run(&["plan", "-no-color"]);
        let said = ran.flat();
        no_panic(&said);
        assert!(
            !said.contains("bug in the provider") && !said.contains("Please report"),
            "{path} = {value}: {said}"
        );
        if !ran.ok() {
            refused += 1;
            assert!(said.contains("state"), "{path} = {value}: {said}");
        }
    }
    assert!(refused >= 5, "{refused}");
}
