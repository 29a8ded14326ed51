//! What is shown of meshes: pictures, differences, the way of a request.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test program")]

mod common;

use common::World;
use meshform::Exit;

/// The headers that Envoy itself makes or sets, in routes of one router.
const MESH: &str = r#"
- {meshName: shop, spec: {}}
- {meshName: shop, virtualNodeName: web, spec: {backends: [{virtualService: {virtualServiceName: api.local}}]}}
- {meshName: shop, virtualServiceName: api.local, spec: {provider: {virtualRouter: {virtualRouterName: api}}}}
- {meshName: shop, virtualRouterName: api, spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}}
- meshName: shop
  virtualNodeName: one
  spec: {listeners: [{portMapping: {port: 8080, protocol: http}}], serviceDiscovery: {dns: {hostname: one.local}}}
- meshName: shop
  virtualNodeName: two
  spec: {listeners: [{portMapping: {port: 8080, protocol: http}}], serviceDiscovery: {dns: {hostname: two.local}}}
- meshName: shop
  virtualRouterName: api
  routeName: by-host
  spec:
    priority: 1
    httpRoute:
      match: {prefix: /host, headers: [{name: Host, match: {prefix: api.}}, {name: x-forwarded-proto, match: {exact: http}}]}
      action: {weightedTargets: [{virtualNode: two, weight: 1}]}
- meshName: shop
  virtualRouterName: api
  routeName: rest
  spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: one, weight: 75}, {virtualNode: two, weight: 25}]}}}
- {meshName: shop, proxyProfileName: all, spec: {interception: {explicit: {port: 15001}}}}
"#;

fn world() -> World {
    World::new(&[
        ("a.yaml", MESH),
        ("b.yaml", &MESH.replace("weight: 75", "weight: 50")),
    ])
}

#[test]
fn a_request_is_routed_by_the_headers_that_envoy_sets() {
    let world = world();
    let route = |more: &[&str]| {
        let all = ["route", "a.yaml", "--node", "web", "--host", "api.local:8080"];
        world.run(&[&all, more].concat())
    };
    let by_host = route(&["--path", "/host"]);
    assert_eq!(by_host.exit, Exit::Fine, "{}", by_host.err);
    assert!(by_host.out.contains("100.0 % two"), "{}", by_host.out);
    let other = route(&["--path", "/host", "--header", "x-forwarded-proto: https"]);
    assert!(other.out.contains("75.0 % one"), "{}", other.out);
    let wrong = route(&["--header", "Host: x"]);
    assert_eq!(wrong.exit, Exit::WrongUse);
    assert!(
        wrong.err.contains("`Host` and `:authority` with `--host`"),
        "{}",
        wrong.err
    );
}

#[test]
fn a_request_that_no_client_can_send_is_refused_with_the_reason() {
    let world = world();
    let ask = ["route", "a.yaml", "--node", "web", "--host", "api.local:8080"];
    for (option, value, expected) in [
        ("--method", "B AD", "`B AD` is not an HTTP method"),
        ("--path", "nopath", "the path `nopath` does not begin with `/`"),
        (
            "--scheme",
            "ftp",
            "`ftp` is not a scheme that proxies of the mesh serve",
        ),
        ("--port", "0", "port 0 cannot be connected to"),
    ] {
        let ran = world.run(&[&ask[..], &[option, value, "--graph", "way.svg"]].concat());
        assert_eq!(
            (ran.exit, ran.out.as_str()),
            (Exit::WrongUse, ""),
            "{value}: {}",
            ran.err
        );
        assert!(
            ran.err.contains(&format!("error[MF0322]: {expected}")),
            "{}",
            ran.err
        );
        assert!(!world.path().join("way.svg").exists());
    }
    let ran = world.run(&[
        "route", "a.yaml", "--node", "web", "--host", "a b", "--format", "json",
    ]);
    assert_eq!(ran.exit, Exit::WrongUse);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["problems"][0]["message"], "`a b` is not a host");
    assert!(report["result"].is_null());
}

#[test]
fn a_mesh_with_errors_has_its_picture_and_its_pages_and_status_1() {
    let world = World::new(&[(
        "broken.yaml",
        &MESH.replace("virtualNode: one", "virtualNode: gone"),
    )]);
    let graph = world.run(&["graph", "broken.yaml", "--format", "svg"]);
    assert_eq!(graph.exit, Exit::Found);
    assert!(graph.out.contains("<svg"), "{}", graph.all());
    let console = world.run(&["console", "broken.yaml", "--out", "pages"]);
    assert_eq!(console.exit, Exit::Found, "{}", console.all());
    assert!(console.err.contains("error[MF0213]"), "{}", console.err);
    assert!(console.out.contains("files in pages"), "{}", console.out);
    let page = std::fs::read_to_string(world.path().join("pages/m/shop/index.html")).unwrap();
    assert!(page.contains("MF0213"), "{page}");
}

#[test]
fn the_way_of_a_request_is_drawn() {
    let world = world();
    let ran = world.run(&[
        "route",
        "a.yaml",
        "--node",
        "web",
        "--host",
        "api.local:8080",
        "--path",
        "/host",
        "--graph",
        "way.svg",
    ]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let svg = std::fs::read_to_string(world.path().join("way.svg")).unwrap();
    assert_eq!(svg.matches("row route taken").count(), 1);
    assert_eq!(svg.matches("row of-node taken").count(), 1);
    assert_eq!(svg.matches("\"arrow taken\"").count(), 1);
}

#[test]
fn differences_are_told_for_the_mesh_and_for_proxies() {
    let world = world();
    let same = world.run(&["diff", "a.yaml", "a.yaml"]);
    assert_eq!(
        (same.exit, same.out.as_str()),
        (Exit::Fine, "mesh shop: no difference\n")
    );
    let text = world.run(&["diff", "a.yaml", "b.yaml"]);
    insta::assert_snapshot!("diff_text", text.all());
    insta::assert_snapshot!(
        "diff_markdown",
        world
            .run(&["diff", "a.yaml", "b.yaml", "--format", "markdown"])
            .all()
    );
    insta::assert_snapshot!(
        "diff_json",
        world.run(&["diff", "a.yaml", "b.yaml", "--format", "json"]).all()
    );
    world.write("empty.yaml", "");
    let empty = world.run(&["diff", "a.yaml", "empty.yaml"]);
    assert_eq!(empty.exit, Exit::Found);
    assert!(
        empty
            .err
            .contains("warning[MF0612]: `empty.yaml` holds no resource"),
        "{}",
        empty.err
    );
    let short = world.run(&["diff", "a.yaml", "b.yaml", "--summary"]);
    assert_eq!(short.out.lines().count(), 1, "{}", short.out);
    assert_eq!(short.exit, Exit::Found);
}

#[test]
fn a_store_is_compared_with_files() {
    let world = world();
    assert_eq!(world.run(&["adopt", "a.yaml"]).exit, Exit::Fine);
    let ran = world.run(&["diff", ".meshform", "b.yaml"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.err);
    assert!(
        ran.out.contains("route api/rest: weight of one 75 → 50"),
        "{}",
        ran.out
    );
}

#[test]
fn releases_of_a_store_are_compared() {
    let world = world();
    for file in ["a.yaml", "b.yaml"] {
        let ran = world.run(&["apply", file, "--owner", "me"]);
        assert_eq!(ran.exit, Exit::Fine, "{}{}", ran.out, ran.err);
    }
    let ran = world.run(&["diff", ".meshform@previous", ".meshform@current"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.err);
    assert!(
        ran.out.contains("route api/rest: weight of one 75 → 50"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("proxy of virtual node web"), "{}", ran.out);
    let same = world.run(&["diff", ".meshform@current", "b.yaml"]);
    assert_eq!(same.exit, Exit::Fine, "{}{}", same.out, same.err);
    // As of the first revisions there was no release yet that differs from none.
    let history = world.run(&["history", "--format", "json"]);
    let history: serde_json::Value = serde_json::from_str(&history.out).unwrap();
    let first = &history["meshes"][0]["releases"][1];
    let name = format!(".meshform@{}", &first["release"].as_str().unwrap()[..12]);
    let of_revision = format!(".meshform@r{}", first["revision"]);
    assert_eq!(world.run(&["diff", &name, &of_revision]).exit, Exit::Fine);
    assert_eq!(world.run(&["diff", &name, "a.yaml"]).exit, Exit::Fine);
    let none = world.run(&["diff", ".meshform@ffff", "a.yaml"]);
    assert_eq!(none.exit, Exit::WrongUse);
    assert!(none.err.contains("no release `ffff`"), "{}", none.err);
}

#[test]
fn inputs_that_cannot_be_compared_are_told() {
    let world = world();
    world.write("bad.json", "{");
    world.write("empty.json", "[]");
    assert_eq!(world.run(&["diff", "a.yaml", "bad.json"]).exit, Exit::WrongUse);
    assert_eq!(world.run(&["diff", "a.yaml", "gone.json"]).exit, Exit::WrongUse);
    let twice = world.run(&["diff", "-", "-"]);
    assert_eq!((twice.exit, twice.out.as_str()), (Exit::WrongUse, ""));
    assert!(twice.err.contains("standard input is one input"), "{}", twice.err);
    world.write(
        "empty.yaml",
        "AWSTemplateFormatVersion: 2010-09-09\nResources: {}\n",
    );
    let gone = world.run(&["diff", "a.yaml", "empty.yaml", "--summary"]);
    assert!(
        gone.out.contains("3 of 3 proxies change"),
        "{}{}",
        gone.out,
        gone.err
    );
    world.write("other.yaml", &MESH.replace("meshName: shop", "meshName: other"));
    let other = world.run(&["diff", "a.yaml", "other.yaml", "--summary"]);
    assert_eq!(other.exit, Exit::Found);
    assert_eq!(other.out.lines().count(), 2, "{}", other.out);
    // A mesh that is not valid is compared, and its proxies are not.
    world.write(
        "broken.yaml",
        &MESH.replace("virtualNode: two, weight: 25", "virtualNode: lost, weight: 25"),
    );
    let broken = world.run(&["diff", "a.yaml", "broken.yaml"]);
    assert_eq!(broken.exit, Exit::Found, "{}", broken.err);
    assert!(
        broken.out.contains("the mesh after is not valid (1 error; "),
        "{}",
        broken.out
    );
}

#[test]
fn a_picture_is_drawn_of_what_can_be_read() {
    let world = world();
    for format in ["svg", "html", "mermaid", "dot"] {
        let ran = world.run(&["graph", "a.yaml", "--format", format]);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
        assert!(ran.out.contains("api.local"));
    }
    world.write("bad.json", "{");
    let part = world.run(&["graph", "a.yaml", "bad.json", "--format", "svg"]);
    assert_eq!(part.exit, Exit::Found);
    assert!(part.out.contains("api.local") && part.out.contains("Not in the picture"));
    let near = world.run(&["graph", "a.yaml", "--around", "api.local", "--hops", "0"]);
    assert!(
        near.out.contains("api.local") && !near.out.contains("virtual node web"),
        "{}",
        near.out
    );
    let none = world.run(&["graph", "a.yaml", "--around", "API"]);
    assert_eq!((none.exit, none.out.as_str()), (Exit::WrongUse, ""));
    assert!(none.err.contains("there are `api`, `api.local`"), "{}", none.err);
}
