//! `meshform compile --target ecs`: task definitions that somebody has, with our proxy in the place of App Mesh's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{Ran, World};
use meshform::Exit;
use serde_json::Value;

const SHOP: &str = include_str!("ecs/shop.yaml");
const MESH: &str = include_str!("ecs/mesh.yaml");
const DESCRIBED: &str = include_str!("ecs/described.json");
const SHOWN: &str = include_str!("ecs/shown.json");
const AGENT: [&str; 4] = [
    "--proxy-image",
    "registry/proxy:1",
    "--proxy-store",
    "s3://bucket/apps",
];

fn compile(world: &World, inputs: &[&str], more: &[&str]) -> Ran {
    let fixed = ["compile", "--target", "ecs", "--out", "out"];
    world.run(&[&fixed, inputs, more].concat())
}

fn read(world: &World, path: &str) -> String {
    std::fs::read_to_string(world.path().join("out").join(path)).unwrap()
}

fn json(world: &World, path: &str) -> Value {
    serde_json::from_str(&read(world, path)).unwrap()
}

#[test]
fn a_template_comes_back_with_our_proxy_and_without_app_mesh() {
    let world = World::new(&[("shop.yaml", SHOP)]);
    let ran = compile(&world, &["shop.yaml"], &[]);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    let template = json(&world, "templates/shop.json");
    assert!(template["Resources"].get("Till").is_none());
    let task = &template["Resources"]["TillTask"];
    assert_eq!(task["DependsOn"], serde_json::json!(["TaskRole"]));
    // What is not the proxy's stays as it was.
    let containers = task["Properties"]["ContainerDefinitions"].as_array().unwrap();
    assert_eq!(
        containers[0]["DockerLabels"],
        serde_json::json!({"Team": "tills"})
    );
    assert_eq!(containers[1]["Name"], "xray-daemon");
    assert!(
        containers[1].get("DependsOn").is_none(),
        "the proxy's own user serves it"
    );
    assert_eq!(containers[2]["Name"], "proxy");
    insta::assert_snapshot!("template", format!("{template:#}"));
    insta::assert_snapshot!("report", read(&world, "report.md"));
    insta::assert_snapshot!("profiles", read(&world, "proxy-profiles.json"));
    insta::assert_snapshot!(
        "policy",
        read(&world, "shop/virtualNode/till/task-role-policy.json")
    );
    // The second time nothing is different.
    assert_eq!(compile(&world, &["shop.yaml"], &["--check"]).exit, Exit::Fine);
}

#[test]
fn described_and_registered_and_terraform_say_the_same() {
    let world = World::new(&[
        ("mesh.yaml", MESH),
        ("described.json", DESCRIBED),
        ("shown.json", SHOWN),
    ]);
    let ran = compile(&world, &["mesh.yaml", "described.json"], &AGENT);
    // The certificates are mounted.
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    let described = read(&world, "shop/virtualNode/till/task-definition.json");
    insta::assert_snapshot!("described", described);
    let whole: Value = serde_json::from_str(DESCRIBED).unwrap();
    world.write("registered.json", &whole["taskDefinition"].to_string());
    let ran = compile(&world, &["mesh.yaml", "registered.json"], &AGENT);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    assert_eq!(
        read(&world, "shop/virtualNode/till/task-definition.json"),
        described
    );

    let ran = compile(&world, &["mesh.yaml", "shown.json"], &AGENT);
    assert_eq!(ran.exit, Exit::Fine);
    assert!(ran.err.contains("MF0917"), "{}", ran.err);
    assert!(ran.err.contains("`/certs/tls.crt`"), "{}", ran.err);
    insta::assert_snapshot!(
        "shown",
        read(&world, "shop/virtualNode/till/task-definition.json")
    );
}

#[test]
fn what_cannot_be_translated_is_refused_at_its_place() {
    let mesh = ("mesh.yaml", MESH);
    let told = |inputs: &[(&str, &str)], more: &[&str]| {
        let world = World::new(inputs);
        let names: Vec<&str> = inputs.iter().map(|(name, _)| *name).collect();
        let ran = compile(&world, &names, more);
        assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
        assert!(!world.path().join("out").exists(), "nothing is written");
        ran.err
    };
    let with = |from: &str, to: &str| {
        assert!(DESCRIBED.contains(from));
        told(&[mesh, ("task.json", &DESCRIBED.replace(from, to))], &AGENT)
    };
    let mut all = vec![
        with("\"networkMode\": \"awsvpc\"", "\"networkMode\": \"bridge\""),
        with("\"containerPort\": 8080", "\"containerPort\": 15001"),
        with("mesh/shop/virtualNode/till", "mesh/shop/virtualRouter/till"),
        with("mesh/shop/virtualNode/till", "mesh/shop/virtualNode/nobody"),
        with("APPMESH_VIRTUAL_NODE_NAME", "NOTHING"),
        with("till:7", &"x".repeat(70_000)),
        told(&[mesh, ("task.json", DESCRIBED)], &[]),
        told(&[("shop.yaml", &SHOP.replace(", Default: shop", ""))], &[]),
    ];
    let refers = SHOP
        .replace("Family: till", "Family: !GetAtt Till.VirtualNodeName")
        .replace("DependsOn: [Till, TaskRole]", "DependsOn: TaskRole");
    all.push(told(&[("shop.yaml", &refers)], &[]));
    insta::assert_snapshot!("refused", all.join("\n---\n"));
}
