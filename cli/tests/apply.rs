//! `meshform apply`: a store brought to what an input says, and the proxies with it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Ran, World};
use meshform::Exit;
use serde_json::Value;

const TEMPLATE: &str = r#"
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: apps}}
  Back:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: back
      Spec:
        Listeners: [{PortMapping: {Port: 8080, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: back.local}}
  Canary:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: canary
      Spec:
        Listeners: [{PortMapping: {Port: 8080, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: canary.local}}
  Front:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: front
      Spec:
        Backends: [{VirtualService: {VirtualServiceName: back.local}}]
  Service:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualServiceName: back.local
      Spec: {Provider: {VirtualRouter: {VirtualRouterName: !GetAtt Router.VirtualRouterName}}}
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: back
      Spec: {Listeners: [{PortMapping: {Port: 8080, Protocol: http}}]}
  Route:
    Type: AWS::AppMesh::Route
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: !GetAtt Router.VirtualRouterName
      RouteName: split
      Spec:
        HttpRoute:
          Match: {Prefix: /}
          Action:
            WeightedTargets:
              - {VirtualNode: !GetAtt Back.VirtualNodeName, Weight: 75}
              - {VirtualNode: !GetAtt Canary.VirtualNodeName, Weight: 25}
"#;

/// The same without the canary.
fn without_canary() -> String {
    let start = TEMPLATE.find("  Canary:").unwrap();
    let end = TEMPLATE.find("  Front:").unwrap();
    let rest = format!("{}{}", &TEMPLATE[..start], &TEMPLATE[end..]);
    let line = "              - {VirtualNode: !GetAtt Canary.VirtualNodeName, Weight: 25}\n";
    rest.replace(line, "")
}

const APPLY: [&str; 8] = [
    "apply",
    "mesh.yaml",
    "--owner",
    "ci",
    "--store",
    "store",
    "--publish",
    "published",
];

fn apply(world: &World, more: &[&str]) -> Ran {
    world.run(&[&APPLY[..], more].concat())
}

fn routes(world: &World) -> String {
    let folder = world.path().join("published/apps/virtualNode/front/current/rds");
    let files = std::fs::read_dir(folder).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect()
}

#[test]
fn a_template_stays_the_source() {
    let world = World::new(&[("mesh.yaml", TEMPLATE)]);
    let dry = apply(&world, &["--dry-run"]);
    assert_eq!(dry.exit, Exit::Fine, "{}", dry.all());
    assert!(dry.out.contains("to be created: route `split`"), "{}", dry.all());
    assert!(!world.path().join("store").exists(), "a dry run leaves no trace");

    let first = apply(&world, &[]);
    assert_eq!(first.exit, Exit::Fine, "{}", first.all());
    assert!(
        first.out.ends_with("7 created, 0 updated, 0 deleted\n"),
        "{}",
        first.out
    );
    assert!(
        routes(&world).contains("canary"),
        "the proxies have it when the command ends"
    );

    let again = apply(&world, &["--prune"]);
    assert_eq!(again.exit, Exit::Fine, "{}", again.all());
    assert!(
        again
            .out
            .ends_with("0 created, 0 updated, 0 deleted, 7 unchanged\n"),
        "{}",
        again.out
    );

    // The canary goes: its route first, and the node when nothing names it any more.
    world.write("mesh.yaml", &without_canary());
    let left = apply(&world, &[]);
    assert_eq!(left.exit, Exit::Fine, "{}", left.all());
    assert!(left.out.contains("left: virtual node `canary`"), "{}", left.out);
    let pruned = apply(&world, &["--prune", "--format", "json"]);
    assert_eq!(pruned.exit, Exit::Fine, "{}", pruned.all());
    let report: Value = serde_json::from_str(&pruned.out).unwrap();
    let outcomes: Vec<&str> = report["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        [
            "unchanged",
            "unchanged",
            "unchanged",
            "unchanged",
            "unchanged",
            "unchanged",
            "deleted"
        ]
    );
    assert_eq!(report["meshes"][0]["verdict"], "released");
    assert!(!routes(&world).contains("canary"));
}

#[test]
fn what_changes_is_told_and_what_is_anothers_is_left_alone() {
    let world = World::new(&[("mesh.yaml", TEMPLATE)]);
    assert_eq!(apply(&world, &[]).exit, Exit::Fine);
    world.write(
        "mesh.yaml",
        &TEMPLATE
            .replace("Weight: 75", "Weight: 50")
            .replace("8080", "8081"),
    );
    let other = world.run(&[
        "apply",
        "mesh.yaml",
        "--owner",
        "others",
        "--store",
        "store",
        "--prune",
    ]);
    assert_eq!(other.exit, Exit::Found, "{}", other.all());
    assert!(
        other.err.contains("error[MF0631]: route `split`"),
        "{}",
        other.err
    );
    assert!(other.err.contains("belongs to the owner `ci`"), "{}", other.err);
    let dry = apply(&world, &["--dry-run"]);
    assert!(dry.out.contains("weight of back 75 → 50"), "{}", dry.all());
    let ran = apply(&world, &[]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(ran.out.contains("updated: route `split`"), "{}", ran.out);
    assert!(ran.out.contains("0 created, 4 updated, 0 deleted"), "{}", ran.out);
    // What another owner's resource is called by cannot be pruned.
    let theirs = "meshName: apps\nvirtualServiceName: other.local\nspec: {provider: {virtualNode: {virtualNodeName: canary}}}\n";
    world.write("theirs.yaml", theirs);
    let ran = world.run(&["apply", "theirs.yaml", "--owner", "others", "--store", "store"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    world.write("mesh.yaml", &without_canary());
    let ran = apply(&world, &["--prune"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(
        ran.err.contains("MF0704") && ran.out.contains("failed: virtual node `canary`"),
        "{}",
        ran.all()
    );
}

#[test]
fn success_is_a_promise() {
    // A mesh that is not valid is written, and no success.
    let world = World::new(&[(
        "mesh.yaml",
        &without_canary().replace("VirtualNode: !GetAtt Back.VirtualNodeName", "VirtualNode: gone"),
    )]);
    let dry = apply(&world, &["--dry-run"]);
    assert_eq!(dry.exit, Exit::Found, "{}", dry.all());
    let ran = apply(&world, &[]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(ran.out.contains("mesh `apps` is not valid"), "{}", ran.all());
    world.write("mesh.yaml", TEMPLATE);
    // A target that cannot be written is none either, and the next run with nothing to write brings it up.
    world.write("published", "a file where a directory should be");
    let ran = apply(&world, &[]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    std::fs::remove_file(world.path().join("published")).unwrap();
    let ran = apply(&world, &[]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(ran.out.contains("0 created, 0 updated, 0 deleted"), "{}", ran.out);
    assert!(routes(&world).contains("canary"));
}

#[test]
fn a_wrong_path_prunes_nothing_and_a_broken_input_writes_nothing() {
    let world = World::new(&[("mesh.yaml", TEMPLATE), ("empty/readme.txt", "")]);
    assert_eq!(apply(&world, &[]).exit, Exit::Fine);
    let ran = world.run(&["apply", "empty", "--owner", "ci", "--store", "store", "--prune"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(ran.err.contains("error[MF0632]"), "{}", ran.err);
    world.write(
        "mesh.yaml",
        &without_canary().replace("Weight: 75", "Weight: 101"),
    );
    let ran = apply(&world, &["--prune"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(apply_text(&world).contains("canary"), "nothing was written");
    assert_eq!(world.run(&["apply", "mesh.yaml"]).exit, Exit::WrongUse);
    assert_eq!(world.run(&["apply", "--owner", "ci"]).exit, Exit::WrongUse);
}

/// What the store would still give to a proxy.
fn apply_text(world: &World) -> String {
    world.run(&["explain", "front", "--store", "store"]).out
}

#[test]
fn in_ci_a_store_is_named() {
    let mut world = World::new(&[("mesh.yaml", TEMPLATE)]);
    world.env.insert("CI".to_owned(), "true".to_owned());
    let ran = world.run(&["apply", "mesh.yaml", "--owner", "ci"]);
    assert_eq!(ran.exit, Exit::WrongUse, "{}", ran.all());
    assert!(ran.err.contains("error[MF0701]"), "{}", ran.err);
    assert_eq!(apply(&world, &[]).exit, Exit::Fine);
    // Who says so is not in CI.
    world.env.insert("CI".to_owned(), "false".to_owned());
    let ran = world.run(&["apply", "mesh.yaml", "--owner", "ci"]);
    assert!(!ran.err.contains("MF0701"), "{}", ran.all());
}

#[test]
fn what_makes_a_mesh_invalid_is_shown_where_it_was_written() {
    let mesh = "- {meshName: apps, spec: {}}\n\
                - {meshName: apps, virtualServiceName: x, spec: {provider: {virtualNode: {virtualNodeName: gone}}}}\n";
    let world = World::new(&[("mesh.yaml", mesh)]);
    let ran = world.run(&["apply", "mesh.yaml", "--store", "store", "--owner", "me"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(ran.err.contains("--> mesh.yaml:2:"), "{}", ran.all());
}

#[test]
fn a_store_is_written_in_every_form_and_its_imports_name_the_same_addresses() {
    let world = World::new(&[("t.yaml", TEMPLATE)]);
    let ran = world.run(&["apply", "t.yaml", "--store", "store", "--owner", "me"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let form = |form: &str| {
        let ran = world.run(&["convert", "--store", "store", "--to", form]);
        assert_eq!(ran.exit, Exit::Fine, "{form}: {}", ran.all());
        ran.out
    };
    let bodies: Value = serde_json::from_str(&form("api")).unwrap();
    let template: Value = serde_json::from_str(&form("cloudformation")).unwrap();
    let count = bodies.as_array().unwrap().len();
    assert_eq!(template["Resources"].as_object().unwrap().len(), count);
    assert!(form("kubernetes").contains("kind: VirtualRouter"));
    let configuration = form("terraform");
    let imports = world.run(&["imports", "--store", "store", "--owner", "me"]).out;
    let addresses = imports.lines().filter_map(|line| line.strip_prefix("  to = "));
    let addresses: Vec<&str> = addresses.collect();
    assert_eq!(addresses.len(), count, "{imports}");
    for address in addresses {
        let (ty, label) = address.split_once('.').unwrap();
        let block = format!("resource \"{ty}\" \"{label}\"");
        assert!(configuration.contains(&block), "{address}\n{configuration}");
    }
    let none = world.run(&["convert", "--to", "api"]);
    assert_eq!(none.exit.code(), 2, "{}", none.all());
}

#[test]
fn success_is_said_of_directories_too_that_are_not_named() {
    let world = World::new(&[("mesh.yaml", TEMPLATE)]);
    assert_eq!(apply(&world, &[]).exit, Exit::Fine);
    world.write("mesh.yaml", &TEMPLATE.replace("Weight: 75", "Weight: 74"));
    let unnamed = world.run(&["apply", "mesh.yaml", "--owner", "ci", "--store", "store"]);
    assert_eq!(unnamed.exit, Exit::Found, "{}", unnamed.all());
    assert!(
        unnamed.all().contains("MF0511") && unnamed.all().contains("apps/virtualNode/front"),
        "{}",
        unnamed.all()
    );
    assert_eq!(apply(&world, &[]).exit, Exit::Fine);
}
