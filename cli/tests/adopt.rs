//! `meshform adopt`: from any form into a store, and what a lead reads of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;

#[test]
fn from_a_state_into_a_store_to_a_release_and_held() {
    let state = include_str!("../../compiler/tests/inputs/seven-kinds.tfstate");
    let profile = "meshName: m1\nproxyProfileName: p\nspec: {interception: {explicit: {}}}\n";
    let world = World::new(&[("old.tfstate", state), ("profile.yaml", profile)]);
    let adopt = ["adopt", "old.tfstate", "profile.yaml", "--store", "store"];
    let dry = world.run(&[&adopt[..], &["--dry-run"]].concat());
    assert_eq!(dry.exit, Exit::Fine, "{}", dry.all());
    insta::assert_snapshot!("adopt_dry", dry.out);
    assert!(!world.path().join("store").exists(), "a dry run leaves no trace");
    let ran = world.run(&adopt);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert_eq!(ran.out, dry.out.replace("to be adopted", "adopted"));
    let again = world.run(&adopt);
    assert!(
        again.out.lines().all(|line| line.starts_with("unchanged")),
        "{}",
        again.all()
    );

    // A page that somebody can pass on.
    let fresh = [
        "adopt",
        "old.tfstate",
        "--store",
        "another",
        "--dry-run",
        "--format",
        "markdown",
    ];
    let page = world.run(&fresh);
    insta::assert_snapshot!("adopt_markdown", page.out);

    // What adopting would overwrite is a conflict.
    world.write("profile.yaml", &profile.replace("explicit", "transparent"));
    let ran = world.run(&adopt);
    assert_eq!(ran.exit, Exit::Found);
    assert!(
        ran.err.contains("the store has another proxy profile `p`"),
        "{}",
        ran.err
    );

    // The store gives back what it took, with its identity.
    let from_store = world.run(&["bootstrap", "n1", "--store", "store"]);
    assert!(from_store.out.contains("123456789012"), "{}", from_store.all());

    let on = |command: &[&str]| world.run(&[command, &["--store", "store"]].concat());
    let status = on(&["status"]);
    assert!(
        status.out.contains("no release yet") && status.out.contains("would change"),
        "{}",
        status.all()
    );
    let released = on(&["release", "--publish", "published"]);
    assert_eq!(released.exit, Exit::Fine, "{}", released.all());
    assert!(
        world
            .path()
            .join("published/m1/virtualNode/n1/current/lds.json")
            .exists()
    );
    assert!(on(&["release"]).out.contains("nothing to release"));
    let history: serde_json::Value = serde_json::from_str(&on(&["history", "--format", "json"]).out).unwrap();
    let release = history["meshes"][0]["releases"][0]["release"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(on(&["pin", &release[..8]]).out.contains("pinned to"));
    assert!(on(&["status"]).out.contains(", held"));
    assert_eq!(on(&["pin", "ffffffffff"]).exit, Exit::WrongUse);
    assert!(on(&["unpin"]).out.contains("mesh `m1` is no longer pinned"));
    let again = on(&["unpin"]);
    assert!(
        again.exit == Exit::Fine && again.out.contains("mesh `m1` was not pinned"),
        "{}",
        again.all()
    );
    assert!(!on(&["status"]).out.contains(", held"));
}

#[test]
fn what_cannot_be_adopted_is_listed_with_the_reason_and_whose_the_mesh_is_is_kept() {
    let template = |weight: u32| {
        format!(
            "Resources:\n  N:\n    Type: AWS::AppMesh::VirtualNode\n    Properties: {{MeshName: m, MeshOwner: '111122223333', \
             VirtualNodeName: n, Spec: {{Listeners: [{{PortMapping: {{Port: {weight}, Protocol: http}}}}]}}}}\n"
        )
    };
    let world = World::new(&[("t.yaml", &template(70_000))]);
    let ran = world.run(&["adopt", "t.yaml", "--store", "store", "--format", "json"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["resources"][0]["outcome"], "not supported");
    assert_eq!(report["resources"][0]["from"], "N");
    assert!(
        report["resources"][0]["reasons"][0]
            .as_str()
            .unwrap()
            .contains("MF0"),
        "{report:#}"
    );
    assert!(!world.path().join("store").exists());
    world.write("t.yaml", &template(8080));
    let ran = world.run(&["adopt", "t.yaml", "--store", "store"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let ran = world.run(&["explain", "n", "--store", "store"]);
    assert_eq!(
        ran.exit,
        Exit::Found,
        "the mesh itself is not there: {}",
        ran.all()
    );
    let status = world.run(&["diff", "t.yaml", "store"]);
    assert_eq!(
        status.exit,
        Exit::Fine,
        "whose the mesh is is kept, too: {}",
        status.all()
    );
}

#[test]
fn what_another_owner_has_is_told() {
    let world = World::new(&[("mesh.yaml", "- {meshName: m, spec: {}}\n")]);
    let adopt = ["adopt", "mesh.yaml", "--store", "store", "--owner"];
    assert_eq!(world.run(&[&adopt[..], &["platform"]].concat()).exit, Exit::Fine);
    for dry in [&[][..], &["--dry-run"]] {
        let ran = world.run(&[&adopt[..], &["shop"], dry].concat());
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
        assert!(
            ran.err.contains("belongs to the owner `platform`"),
            "{}",
            ran.all()
        );
        assert!(ran.err.contains("--> mesh.yaml:1:3"), "{}", ran.all());
    }
    let same = world.run(&[&adopt[..], &["platform"]].concat());
    assert!(same.err.is_empty(), "{}", same.all());
}
