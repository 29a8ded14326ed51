//! What is asked for and is not there is wrong use: status 2, with the name that was meant.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::World;

/// A node and a gateway of one name.
const MESH: &str = r#"
- {meshName: orchard, spec: {}}
- {meshName: orchard, virtualGatewayName: rpc, spec: {listeners: [{portMapping: {port: 31181, protocol: grpc}}]}}
- meshName: orchard
  virtualNodeName: rpc
  spec:
    listeners: [{portMapping: {port: 31183, protocol: grpc}}]
    serviceDiscovery: {dns: {hostname: rpc.orchard.internal, responseType: ENDPOINTS}}
- {meshName: orchard, virtualServiceName: rpc.orchard.internal, spec: {provider: {virtualNode: {virtualNodeName: rpc}}}}
"#;

#[test]
fn a_node_and_a_gateway_of_one_name_can_be_named_apart() {
    let world = World::new(&[("mesh.yaml", MESH)]);
    let ran = world.run(&["explain", "rpc", "mesh.yaml"]);
    assert_eq!(ran.exit.code(), 2);
    assert!(
        ran.err.contains("`virtualNode/rpc` or `virtualGateway/rpc`"),
        "{}",
        ran.err
    );
    for (kind, listener) in [("virtualNode", "31183"), ("virtualGateway", "31181")] {
        let name = format!("{kind}/rpc");
        let of = |arguments: &[&str]| {
            let ran = world.run(arguments);
            assert_eq!(ran.exit.code(), 0, "{arguments:?}: {}", ran.err);
            ran.out
        };
        let explained = of(&["explain", &name, "mesh.yaml"]);
        assert!(explained.contains(&format!("mesh/orchard/{name}")), "{explained}");
        let bootstrap = of(&["bootstrap", &name, "--mode", "static", "mesh.yaml"]);
        assert!(bootstrap.contains(listener), "{bootstrap}");
        of(&["route", "--node", &name, "--host", "x", "mesh.yaml"]);
        let compiled = of(&[
            "compile",
            "--target",
            "envoy",
            "--node",
            &name,
            "--out",
            kind,
            "mesh.yaml",
        ]);
        assert!(compiled.contains("files in"), "{compiled}");
        let made = std::fs::read_dir(world.path().join(kind).join("orchard")).unwrap();
        let made: Vec<_> = made.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(made, [kind], "only the one that was asked for");
    }
}

#[test]
fn unknown_names_end_with_2_and_the_nearest_name() {
    let world = World::new(&[("mesh.yaml", MESH)]);
    let wrong: [&[&str]; 12] = [
        &["validate", "--mesh", "orchart", "mesh.yaml"],
        &["graph", "--mesh", "orchart", "mesh.yaml"],
        &["convert", "--to", "api", "--mesh", "orchart", "mesh.yaml"],
        &["explain", "rpc", "--mesh", "orchart", "mesh.yaml"],
        &["diff", "--mesh", "orchart", "mesh.yaml", "mesh.yaml"],
        &[
            "compile",
            "--target",
            "envoy",
            "--out",
            "o",
            "--mesh",
            "orchart",
            "mesh.yaml",
        ],
        &["explain", "rcp", "mesh.yaml"],
        &["explain", "virtualGateway/rcp", "mesh.yaml"],
        &["bootstrap", "rcp", "--mode", "static", "mesh.yaml"],
        &["route", "--node", "rcp", "--host", "x", "mesh.yaml"],
        &[
            "compile",
            "--target",
            "envoy",
            "--out",
            "o",
            "--node",
            "rcp",
            "mesh.yaml",
        ],
        &["graph", "--around", "nobody-at-all", "mesh.yaml"],
    ];
    for arguments in wrong {
        let ran = world.run(arguments);
        assert_eq!(ran.exit.code(), 2, "{arguments:?}: {}{}", ran.out, ran.err);
        let near = [
            "did you mean `orchard`?",
            "did you mean `rpc`?",
            "give the name of a",
        ];
        assert!(
            near.iter().any(|near| ran.err.contains(near)),
            "{arguments:?}: {}",
            ran.err
        );
    }
    assert!(!world.path().join("o").exists(), "nothing is written");
}

#[test]
fn a_resource_in_a_misspelt_mesh_is_told_once_with_the_mesh_that_was_meant() {
    let strayed = MESH.replace(
        "- meshName: orchard\n  virtualNodeName",
        "- meshName: orchart\n  virtualNodeName",
    );
    let world = World::new(&[("mesh.yaml", &strayed)]);
    let ran = world.run(&["validate", "mesh.yaml"]);
    assert!(ran.err.contains("did you mean `orchard`?"), "{}", ran.err);
    assert_eq!(ran.err.matches("[MF02").count(), 1, "{}", ran.err);
    // A mesh of quite another name lacks what it lacks.
    let world = World::new(&[("mesh.yaml", &strayed.replace("orchart", "meadow"))]);
    let ran = world.run(&["validate", "mesh.yaml"]);
    assert!(!ran.err.contains("did you mean"), "{}", ran.err);
    assert_eq!(ran.err.matches("[MF02").count(), 2, "{}", ran.err);
}

#[test]
fn what_only_a_target_demands_is_said_for_it() {
    let mesh = r#"
- {meshName: yard, spec: {egressFilter: {type: ALLOW_ALL}}}
- meshName: yard
  virtualNodeName: shed
  spec:
    listeners:
      - portMapping: {port: 8443, protocol: http}
        tls: {mode: STRICT, certificate: {acm: {certificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/x"}}}
    serviceDiscovery: {dns: {hostname: shed.yard, responseType: ENDPOINTS}}
"#;
    let world = World::new(&[("mesh.yaml", mesh)]);
    let codes = |target: &[&str]| {
        let mut arguments = vec!["validate", "mesh.yaml", "--format", "json"];
        arguments.extend(target);
        let ran = world.run(&arguments);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let problems = report["problems"].as_array().unwrap().iter();
        let errors = problems.filter(|problem| problem["severity"] == "error");
        let codes: Vec<String> = errors
            .map(|problem| problem["code"].as_str().unwrap().to_owned())
            .collect();
        (ran.exit.code(), codes)
    };
    assert_eq!(codes(&[]), (0, vec![]));
    assert_eq!(codes(&["--target", "cloudformation"]), (0, vec![]));
    // A stock Envoy has no certificates of ACM.
    assert_eq!(codes(&["--target", "envoy"]), (1, vec!["MF0304".to_owned()]));
    let (exit, ecs) = codes(&["--target", "ecs"]);
    assert_eq!(exit, 1);
    assert!(!ecs.is_empty(), "{ecs:?}");
    let entries = std::fs::read_dir(world.path()).unwrap();
    assert_eq!(entries.count(), 1, "nothing is written");
}

#[test]
fn options_of_a_wrong_form_are_wrong_use() {
    let template = "Resources: {M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !If [A, m, !Ref AWS::NoValue]}}}\n\
                    Conditions: {A: !Equals [a, a]}\n";
    let world = World::new(&[("t.yaml", template), ("mesh.yaml", MESH)]);
    for (arguments, expected) in [
        (&["validate", "t.yaml", "--parameter", "nonsense"][..], "MF0804"),
        (&["validate", "t.yaml", "--parameter", "AWS::NoValue=x"], "MF0616"),
        (&["validate", "t.yaml", "--parameter", "AWS::Regoin=x"], "MF0616"),
        (
            &["apply", "mesh.yaml", "--store", "s", "--owner", ""],
            "it is empty",
        ),
        (
            &["apply", "mesh.yaml", "--store", "s", "--owner", "a\nb"],
            "it contains '\\n'",
        ),
        (
            &["adopt", "mesh.yaml", "--store", "s", "--owner", "a\u{202e}"],
            "it contains '\\u{202e}'",
        ),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.exit.code(), 2, "{arguments:?}: {}", ran.all());
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.all());
    }
    assert!(!world.path().join("s").exists());
    assert_eq!(
        world
            .run(&["validate", "t.yaml", "--parameter", "AWS::Region=x"])
            .exit
            .code(),
        0
    );
}

#[test]
fn what_is_wrong_in_a_template_is_told_once_whatever_it_becomes() {
    let template =
        "Resources: {M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !GetAtt Gone.MeshName}}}\n";
    let world = World::new(&[("t.yaml", template)]);
    let ran = world.run(&["convert", "t.yaml", "--to", "terraform"]);
    assert_eq!(ran.exit.code(), 1, "{}", ran.all());
    assert!(
        ran.err.contains("--attribute Gone.MeshName=VALUE"),
        "{}",
        ran.all()
    );
    assert!(!ran.err.contains("MF0902"), "{}", ran.all());
}
