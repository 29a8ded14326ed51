//! A store that is missing, foreign, damaged or out of reach is an error with the way out. It never reads as
//! "everything was deleted", and nothing is written over.

use crate::world::{World, says};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const CONFIGURATION: &str = r#"
resource "appmesh_mesh" "it" {
  name = "m"
}

resource "appmesh_virtual_service" "it" {
  name      = "s.local"
  mesh_name = appmesh_mesh.it.name
  spec {}
}
"#;

fn file(world: &World) -> std::path::PathBuf {
    world.store_directory().join("store.db")
}

#[test]
fn a_plan_leaves_no_trace() {
    let world = World::new(CONFIGURATION);
    world.plan().is(&[
        ("appmesh_mesh.it", "create"),
        ("appmesh_virtual_service.it", "create"),
    ]);
    assert!(!world.store_directory().exists());
}

#[test]
fn a_lost_store_is_not_everything_deleted() {
    let world = World::new(CONFIGURATION);
    world.apply();
    let kept = world.folder().join("kept");
    fs::rename(world.store_directory(), &kept).unwrap();
    says(
        &world.plan_fails(),
        &["store", "was used before", "meshform adopt"],
    );
    says(&world.apply_fails(), &["was used before"]);
    let ran = world.run(&["destroy", "-auto-approve", "-no-color"]);
    assert!(!ran.ok(), "{}", ran.text);
    assert!(!file(&world).exists(), "a new store was made");
    // Put back, all is as it was.
    let _ = fs::remove_dir_all(world.store_directory());
    fs::rename(&kept, world.store_directory()).unwrap();
    world.plan_is_empty();
}

#[test]
fn another_store_is_not_mistaken_for_ones_own() {
    let world = World::new(CONFIGURATION);
    world.apply();
    let other = World::new(CONFIGURATION);
    other.apply();
    let before = other.records();
    fs::remove_dir_all(world.store_directory()).unwrap();
    let moved = world.store_directory();
    fs::rename(other.store_directory(), &moved).unwrap();
    says(
        &world.plan_fails(),
        &["was used before", "ame the store that was used before"],
    );
    says(&world.apply_fails(), &["was used before"]);
    assert_eq!(world.records(), before);
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let texts: [&[u8]; 3] = [
        b"my shopping list\n",
        b"SQLite format 3\0 and then nonsense",
        &[0; 8192],
    ];
    for text in texts {
        let world = World::new(CONFIGURATION);
        fs::create_dir(world.store_directory()).unwrap();
        fs::write(file(&world), text).unwrap();
        let said = world.apply_fails();
        says(&said, &["store.db", "othing was written"]);
        assert!(
            said.contains("not a meshform store") || said.contains("damaged"),
            "{said}"
        );
        assert_eq!(fs::read(file(&world)).unwrap(), text, "it was written over");
    }
}

#[test]
fn a_damaged_store_is_told_and_left_alone() {
    let world = World::new(CONFIGURATION);
    world.apply();
    let mut bytes = fs::read(file(&world)).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    for extra in ["store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(world.store_directory().join(extra));
    }
    fs::write(file(&world), &bytes).unwrap();
    says(&world.plan_fails(), &["damaged", "store.db", "meshform adopt"]);
    assert_eq!(fs::read(file(&world)).unwrap(), bytes, "it was written over");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let world = World::new(CONFIGURATION);
    world.apply();
    // The format is SQLite's `user_version`: four bytes at a fixed place of the header.
    for extra in ["store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(world.store_directory().join(extra));
    }
    let mut bytes = fs::read(file(&world)).unwrap();
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    fs::write(file(&world), &bytes).unwrap();
    says(&world.plan_fails(), &["format 9999", "newer version"]);
    assert_eq!(fs::read(file(&world)).unwrap(), bytes, "it was written over");
}

#[test]
fn a_place_that_cannot_be_a_store_is_told() {
    let world = World::new(CONFIGURATION);
    fs::write(world.store_directory(), "a file where a directory should be").unwrap();
    says(&world.apply_fails(), &[".meshform"]);
    assert!(fs::metadata(world.store_directory()).unwrap().is_file());
    // What the user may not write is refused too; root may write everything.
    let world = World::new(CONFIGURATION);
    fs::create_dir(world.store_directory()).unwrap();
    fs::set_permissions(world.store_directory(), fs::Permissions::from_mode(0o555)).unwrap();
    let may_write = fs::write(world.store_directory().join("probe"), "").is_ok();
    if !may_write {
        says(&world.apply_fails(), &["no permission", ".meshform"]);
    }
    let elsewhere = World::with_provider("store = \"/proc/meshform\"", CONFIGURATION);
    says(&elsewhere.apply_fails(), &["/proc/meshform"]);
}

#[test]
fn in_ci_the_embedded_store_must_be_asked_for() {
    let world = World::new(CONFIGURATION).env("CI", "true");
    let said = world.plan_fails();
    says(&said, &["MF0701", "provider \"appmesh\" {", "store ="]);
    assert!(!world.store_directory().exists());
    world.write("store = \".meshform\"", CONFIGURATION);
    world.apply();
    world.plan_is_empty();
}

#[test]
fn a_wrong_provider_block_is_refused_at_its_attribute() {
    for (settings, words) in [
        (
            "account_id = \"12\"",
            ["`12`", "account_id = \"12\"", "twelve digits"],
        ),
        ("region = \"Mars\"", ["`Mars`", "region = \"Mars\"", "region"]),
        (
            "store = \"ftp://x/y\"",
            ["MF0415", "store = \"ftp://x/y\"", "ftp://x/y"],
        ),
        ("store = \"\"", ["MF0415", "store = \"\"", "empty"]),
        ("shop = \"\"", ["shop", "shop = \"\"", "not expected here"]),
    ] {
        let world = World::with_provider(settings, CONFIGURATION);
        says(&world.plan_fails(), &words);
    }
}

#[test]
fn account_and_region_are_fixed_when_the_store_is_made() {
    let settings = "account_id = \"123456789012\"\nregion = \"eu-west-1\"";
    let world = World::with_provider(settings, CONFIGURATION);
    world.apply();
    let arn = "arn:aws:appmesh:eu-west-1:123456789012:mesh/m";
    assert_eq!(world.state()["appmesh_mesh.it"]["arn"], arn);
    // Later settings change no ARN, so nothing is made anew.
    world.write("account_id = \"999999999999\"", CONFIGURATION);
    world.plan_is_empty();
    assert_eq!(world.state()["appmesh_mesh.it"]["arn"], arn);
}

#[test]
fn default_tags_reach_every_resource_and_ignored_ones_are_left_alone() {
    let settings = "default_tags {\n tags = { team = \"a\", cost = \"1\" }\n}\nignore_tags {\n keys = [\"seen\"]\n key_prefixes = \
         [\"aws:\"]\n}";
    let tagged = CONFIGURATION.replace("name = \"m\"", "name = \"m\"\n  tags = { cost = \"2\" }");
    let world = World::with_provider(settings, &tagged);
    world.apply();
    world.plan_is_empty();
    let state = world.state();
    assert_eq!(
        state["appmesh_mesh.it"]["tags_all"],
        serde_json::json!({"team": "a", "cost": "2"})
    );
    assert_eq!(state["appmesh_mesh.it"]["tags"], serde_json::json!({"cost": "2"}));
    assert_eq!(
        state["appmesh_virtual_service.it"]["tags_all"],
        serde_json::json!({"team": "a", "cost": "1"})
    );
    let key = world.records()[0].key.clone();
    let seen = [
        serde_json::json!({"key": "seen", "value": "by somebody"}),
        serde_json::json!({"key": "aws:created-by", "value": "a stack"}),
    ];
    world.tamper(&key, |body| {
        body["tags"].as_array_mut().unwrap().extend(seen.clone())
    });
    world.plan_is_empty();
    // Nor does a change of something else take it away.
    world.write(settings, &tagged.replace("\"2\"", "\"3\""));
    world.apply();
    let tags = world.record(&key).unwrap().body["tags"].clone();
    let tags = tags.as_array().unwrap();
    assert!(seen.iter().all(|one| tags.contains(one)), "{tags:?}");
}
