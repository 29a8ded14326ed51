//! Manifests of the App Mesh controller, in and out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;
use serde_json::Value;

const SHOP: &str = include_str!("kubernetes/shop.yaml");

fn api(world: &World, file: &str) -> Value {
    let ran = world.run(&["convert", file, "--to", "api"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn manifests_come_back_with_their_selectors() {
    let world = World::new(&[("shop.yaml", SHOP)]);
    let out = world.run(&["convert", "shop.yaml", "--to", "kubernetes"]);
    assert_eq!(out.exit, Exit::Fine, "{}", out.all());
    insta::assert_snapshot!("kubernetes_shop", out.out);
    world.write("again.yaml", &out.out);
    assert_eq!(
        api(&world, "shop.yaml"),
        api(&world, "again.yaml"),
        "equal in meaning"
    );
    let again = world.run(&["convert", "again.yaml", "--to", "kubernetes"]);
    assert_eq!(again.out, out.out, "and stable");
}

#[test]
fn a_mesh_of_another_form_becomes_objects_that_mean_the_same() {
    let world = World::new(&[("shop.yaml", SHOP)]);
    let bodies = api(&world, "shop.yaml");
    world.write("bodies.json", &bodies.to_string());
    let out = world.run(&[
        "convert",
        "bodies.json",
        "--to",
        "kubernetes",
        "--namespace",
        "shop",
    ]);
    assert_eq!(out.exit, Exit::Fine, "{}", out.all());
    world.write("objects.yaml", &out.out);
    assert_eq!(api(&world, "objects.yaml"), bodies);
    // Names that the controller makes itself are not repeated; others are.
    assert!(out.out.contains("awsName: cart-node"), "{}", out.out);
    assert!(!out.out.contains("awsName: front_shop"), "{}", out.out);
}

#[test]
fn what_objects_cannot_say_is_told() {
    let node = |spec: &str| {
        format!(
            "meshName: m\nvirtualNodeName: n\nspec: {spec}\n---\nmeshName: m\nspec: {{}}\ntags: [{{key: a, value: b}}]\n"
        )
    };
    let world = World::new(&[(
        "lost.yaml",
        &node("{serviceDiscovery: {dns: {hostname: n.local, ipPreference: IPv4_ONLY}}}"),
    )]);
    let ran = world.run(&["convert", "lost.yaml", "--to", "kubernetes"]);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Found, ""), "{}", ran.err);
    assert!(
        ran.err.contains("error[MF0643]") && ran.err.contains("warning[MF0643]"),
        "{}",
        ran.err
    );
    world.write(
        "fine.yaml",
        &node("{backends: [{virtualService: {virtualServiceName: elsewhere.local}}]}"),
    );
    let ran = world.run(&["convert", "fine.yaml", "--to", "kubernetes"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(ran.out.contains("virtualServiceARN:"), "{}", ran.out);
    world.write("fine.yaml", &ran.out);
    assert!(api(&world, "fine.yaml").to_string().contains("elsewhere.local"));
}

#[test]
fn manifests_without_their_mesh_say_that_it_is_missing() {
    let node = "meshName: m\nvirtualNodeName: n\nspec: {}\n";
    let world = World::new(&[
        ("node.yaml", node),
        ("whole.yaml", &format!("{node}---\nmeshName: m\nspec: {{}}\n")),
    ]);
    let ran = world.run(&["convert", "node.yaml", "--to", "kubernetes"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let told = "mesh `m` is only partly written: the mesh itself is not among the inputs";
    assert!(ran.err.contains(told), "{}", ran.err);
    let ran = world.run(&["convert", "whole.yaml", "--to", "kubernetes"]);
    assert!(!ran.err.contains("not among the inputs"), "{}", ran.err);
}

#[test]
fn arns_of_other_accounts_stay_as_they_were_given() {
    let arn = "arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/m/virtualService/elsewhere.local";
    let manifests = format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{mesh: m}}}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: Mesh
metadata: {{name: m}}
spec: {{meshOwner: '123456789012', namespaceSelector: {{matchLabels: {{mesh: m}}}}}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualNode
metadata: {{name: n, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: n}}}}
  backends: [{{virtualService: {{virtualServiceARN: '{arn}'}}}}]
"
    );
    let world = World::new(&[("objects.yaml", &manifests)]);
    let ran = world.run(&["convert", "objects.yaml", "--to", "kubernetes"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(ran.out.contains(arn), "{}", ran.out);
    assert!(!ran.err.contains("MF0643"), "{}", ran.err);
    // Of another form the account is that of the mesh's owner, and the region is made up, which is told.
    let ran = world.run(&["convert", "objects.yaml", "--to", "api"]);
    world.write("bodies.json", &ran.out);
    let ran = world.run(&["convert", "bodies.json", "--to", "kubernetes"]);
    assert!(
        ran.out
            .contains("arn:aws:appmesh:us-east-1:123456789012:mesh/m/virtualService/elsewhere.local"),
        "{}",
        ran.all()
    );
    assert!(ran.err.contains("made up, with region us-east-1"), "{}", ran.err);
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec:
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      initContainers: [{name: migrate, image: app}]
      containers: [{name: app, image: app, env: [{name: LOG, value: info}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge, namespace: shop}
spec:
  selector: {matchLabels: {app: edge}}
  template:
    metadata: {labels: {app: edge}}
    spec:
      containers: [{name: envoy, image: appmesh-envoy, env: [{name: APPMESH_X, value: y}, {name: MINE, value: z}], resources: {limits: {memory: 1Gi}}}]
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: front}}
";

const PROFILE: &str = "
meshName: shop
proxyProfileName: default
spec: {interception: {explicit: {services: [{virtualService: cart.shop, address: 127.0.0.11}]}}}
---
meshName: shop
proxyProfileName: cart
spec: {virtualNode: cart-node, interception: {explicit: {}}, inbound: {appPorts: [{listenerPort: 8080, appPort: 3000}]}}
";

/// The shop, whole: what it calls in other places stays out.
fn whole() -> String {
    // What listens on a port cannot have a service at another address with that port.
    let front = "  listeners:\n    - portMapping: {port: 8080, protocol: http}\n      tls: {mode: STRICT, certificate: {acm: {certificateARN: 'arn:aws:acm:us-east-1:123456789012:certificate/x'}}}\n";
    SHOP.replace(front, "")
        .replace("    - virtualService: {virtualServiceARN: 'arn:aws:appmesh:us-east-1:123456789012:mesh/shop/virtualService/pay.local'}\n", "")
        .replace(", {name: stock, namespace: depot}", "")
        .replace("  listeners: [{portMapping: {port: 8088, protocol: http}}]\n", "  podSelector: {matchLabels: {app: edge}}\n  listeners: [{portMapping: {port: 8088, protocol: http}}]\n")
}

fn compile(world: &World, more: &[&str]) -> common::Ran {
    let command = [
        "compile",
        "shop.yaml",
        "deployments.yaml",
        "profile.yaml",
        "--target",
        "kubernetes",
        "--out",
        "out",
    ];
    world.run(&[&command[..], more].concat())
}

#[test]
fn workloads_get_the_proxy_as_a_native_sidecar() {
    let world = World::new(&[
        ("shop.yaml", &whole()),
        ("deployments.yaml", DEPLOYMENT),
        ("profile.yaml", PROFILE),
    ]);
    let ran = compile(&world, &["--configuration", "static"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let read = |name: &str| std::fs::read_to_string(world.path().join("out/shop").join(name)).unwrap();
    let packed = |text: String| {
        let lines = text.lines().map(|line| match line.split_once("value: \"H4s") {
            Some((before, _)) => format!("{before}value: <bootstrap>\n"),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    insta::assert_snapshot!("kubernetes_front", packed(read("deployment-front.yaml")));
    insta::assert_snapshot!("kubernetes_edge", packed(read("deployment-edge.yaml")));
    let map = read("configmap-meshform-shop-node-front-shop.yaml");
    for part in ["kind: ConfigMap", "current_lds.json: |", "current_cds.json: |"] {
        assert!(map.contains(part), "{part}\n{map}");
    }
    assert!(
        ran.err.contains("warning[MF0644]") && ran.err.contains("cart"),
        "{}",
        ran.err
    );
    assert_eq!(
        compile(&world, &["--configuration", "static", "--check"]).exit,
        Exit::Fine
    );

    // With the agent nothing of the configuration stands in the manifests.
    let agent = ["--proxy-image", "agent", "--proxy-store", "s3://bucket/mesh"];
    let ran = compile(&world, &agent);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let front = read("deployment-front.yaml");
    for part in ["image: agent", "MESHFORM_STORE", "emptyDir: {}", "meshform-agent"] {
        assert!(front.contains(part), "{part}\n{front}");
    }
    assert!(
        !world
            .path()
            .join("out/shop/configmap-meshform-shop-node-front-shop.yaml")
            .exists()
    );
    assert_eq!(compile(&world, &[]).exit, Exit::Found, "an image is needed");
}

#[test]
fn connections_are_redirected_only_with_an_image_that_does_it() {
    let world = World::new(&[
        ("shop.yaml", &whole()),
        ("deployments.yaml", DEPLOYMENT),
        (
            "profile.yaml",
            "meshName: shop\nproxyProfileName: default\nspec: {interception: {transparent: {}}}\n",
        ),
    ]);
    let ran = compile(&world, &["--configuration", "static"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(
        ran.err.contains("error[MF0645]") && ran.err.contains("--init-image"),
        "{}",
        ran.err
    );
    let ran = compile(
        &world,
        &["--configuration", "static", "--init-image", "route-manager:v7"],
    );
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let front = std::fs::read_to_string(world.path().join("out/shop/deployment-front.yaml")).unwrap();
    for part in [
        "name: proxyinit",
        "image: \"route-manager:v7\"",
        "NET_ADMIN",
        "name: APPMESH_IGNORE_UID",
    ] {
        assert!(front.contains(part), "{part}\n{front}");
    }
}

#[test]
fn what_manifests_cannot_say_has_its_place_and_a_way_out() {
    let mesh = "- {meshName: m, spec: {serviceDiscovery: {ipPreference: IPv6_PREFERRED}}}\n";
    let world = World::new(&[("mesh.yaml", mesh)]);
    let ran = world.run(&["convert", "mesh.yaml", "--to", "kubernetes"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("--> mesh.yaml:1:3"), "{}", ran.all());
    assert!(ran.err.contains("= help: choose one of the two"), "{}", ran.all());
}
