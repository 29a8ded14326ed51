//! Task definitions with App Mesh's Envoy, and what `meshform compile --target ecs` makes of them.

use super::{Ran, World};
use meshform::Exit;
use serde_json::{Value, json};

pub(crate) const MESH: &str = "\
- {meshName: shop, spec: {egressFilter: {type: ALLOW_ALL}}}
- meshName: shop
  virtualNodeName: till
  spec:
    listeners: [{portMapping: {port: 8080, protocol: http}}]
    serviceDiscovery: {dns: {hostname: till.shop.internal}}
";
pub(crate) const AGENT: [&str; 4] = ["--proxy-image", "proxy:1", "--proxy-store", "s3://bucket/shop"];
pub(crate) const STATIC: [&str; 2] = ["--configuration", "static"];

/// A task definition with App Mesh's Envoy, changed.
pub(crate) fn task(change: impl FnOnce(&mut Value)) -> String {
    let mut task = json!({
        "family": "till", "networkMode": "awsvpc", "taskRoleArn": "arn:aws:iam::111122223333:role/till",
        "containerDefinitions": [
            {"name": "app", "image": "till:7", "portMappings": [{"containerPort": 8080}]},
            {"name": "envoy", "image": "aws-appmesh-envoy:v1",
             "environment": [{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualNode/till"}]},
        ],
        "proxyConfiguration": {"type": "APPMESH", "containerName": "envoy", "properties": [
            {"name": "IgnoredUID", "value": "1337"}, {"name": "AppPorts", "value": "8080"}]},
    });
    change(&mut task);
    task.to_string()
}

pub(crate) fn compile(world: &World, more: &[&str]) -> Ran {
    let fixed = [
        "compile",
        "mesh.yaml",
        "task.json",
        "--target",
        "ecs",
        "--out",
        "out",
    ];
    world.run(&[&fixed, more].concat())
}

/// What is said of a task definition that is refused.
pub(crate) fn refused(more: &[&str], change: impl FnOnce(&mut Value)) -> String {
    let world = World::new(&[("mesh.yaml", MESH), ("task.json", &task(change))]);
    let ran = compile(&world, more);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(!world.path().join("out").exists(), "nothing is written");
    assert!(ran.err.contains("task.json:1:1"), "it has a place: {}", ran.err);
    ran.err
}

pub(crate) fn container<'t>(task: &'t Value, name: &str) -> &'t Value {
    let all = task["containerDefinitions"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap()
}
