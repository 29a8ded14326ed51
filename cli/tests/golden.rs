//! Meshes as teams have them, in every form: what they mean is kept (snapshots), and no form loses any of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use common::World;
use meshform::Exit;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn converted(world: &World, input: &str, form: &str, options: &[&str]) -> String {
    let command = ["convert", input, "--to", form, "--namespace", "shop"];
    let ran = world.run(&[&command[..], options].concat());
    assert_eq!(ran.exit, Exit::Fine, "{input} to {form}\n{}", ran.all());
    ran.out
}

fn api(world: &World, input: &str, options: &[&str]) -> Value {
    serde_json::from_str(&converted(world, input, "api", options)).unwrap()
}

#[test]
fn every_golden_folder_means_the_same_in_every_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let world = World::new(&[]);
        for file in fs::read_dir(folder.join(&name)).unwrap() {
            let file = file.unwrap();
            let path = format!("in/{}", file.file_name().to_string_lossy());
            world.write(&path, &fs::read_to_string(file.path()).unwrap());
        }
        // What no template can know.
        let options: &[&str] = match name.as_str() {
            "intrinsics" => &["--parameter", "AWS::Region=eu-west-1"],
            _ => &[],
        };
        let meant = api(&world, "in", options);
        insta::assert_snapshot!(format!("golden_{name}"), format!("{meant:#}"));
        world.write("api.json", &meant.to_string());
        assert_eq!(
            api(&world, "api.json", &[]),
            meant,
            "{name}: API to API is the identity"
        );
        for (form, file) in [("cloudformation", "again.json"), ("kubernetes", "again.yaml")] {
            world.write(file, &converted(&world, "api.json", form, &[]));
            let again = api(&world, file, &[]);
            let lost = lost(form, &meant, &again);
            assert!(lost.is_empty(), "{name}: {form} loses {lost:?}");
        }
        // Expressions that are kept mean the same, too.
        world.write("kept.json", &converted(&world, "in", "cloudformation", &[]));
        assert_eq!(
            api(&world, "kept.json", options),
            meant,
            "{name}: CloudFormation with its expressions"
        );
    }
}

/// What another form does not give back. Custom resources have no tags, and a mesh of another account is no resource of
/// theirs.
fn lost(form: &str, meant: &Value, again: &Value) -> Vec<String> {
    let plain = |value: &Value| {
        let mut bodies = value.as_array().unwrap().clone();
        if form == "kubernetes" {
            let shared = bodies.iter().any(|body| body.get("meshOwner").is_some());
            bodies.retain(|body| !shared || body.as_object().unwrap().len() > 2);
            for body in &mut bodies {
                body.as_object_mut().unwrap().remove("tags");
            }
        }
        bodies
    };
    let again = plain(again);
    let missing = plain(meant).into_iter().filter(|body| !again.contains(body));
    missing.map(|body| body.to_string()).collect()
}
