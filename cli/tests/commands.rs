//! The command, told in process: what it prints, how it ends, what it writes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;

const MESH: &str = r#"
meshName: apps
---
meshName: apps
virtualNodeName: b
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {dns: {hostname: b.local}}
---
meshName: apps
virtualServiceName: b.local
spec: {provider: {virtualNode: {virtualNodeName: b}}}
---
meshName: apps
virtualNodeName: a
spec:
  backends: [{virtualService: {virtualServiceName: b.local}}]
---
meshName: apps
proxyProfileName: default
spec: {interception: {explicit: {}}}
"#;

const FAULTS: &str = r#"{
  "meshName": "apps",
  "virtualRouterName": "r",
  "routeName": "x",
  "spec": {
    "priority": 1001,
    "httpRoute": {
      "match": {"prefix": "/", "metod": "GET"},
      "action": {"weightedTargets": [{"virtualNode": "b", "weight": 101}]}
    },
    "priority": 5
  }
}
"#;

#[test]
fn help_and_wrong_use() {
    let world = World::new(&[]);
    insta::assert_snapshot!("help", world.run(&["--help"]).all());
    let wrong = [
        vec![],
        vec!["validate"],
        vec!["compile", "--target", "envoy", "--out", "o"],
        vec!["convert", "x", "--to", "nothing"],
        vec!["status"],
        vec!["status", "--store", "nowhere"],
    ];
    for arguments in wrong {
        let ran = world.run(&arguments);
        assert_eq!(ran.exit.code(), 2, "{arguments:?}\n{}", ran.all());
        assert!(!ran.err.is_empty());
    }
}

#[test]
fn a_mesh_that_is_fine() {
    let world = World::new(&[("mesh.yaml", MESH)]);
    insta::assert_snapshot!(world.run(&["validate", "mesh.yaml"]).all(), @r"
    exit 0
    --- out
    5 resources of the mesh `apps`: fine
    --- err
    ");
    // The same from a folder and from standard input.
    assert_eq!(
        world.run(&["validate", "."]).out,
        world.run(&["validate", "mesh.yaml"]).out
    );
    assert_eq!(world.run_with(&["validate", "-"], MESH).exit, Exit::Fine);
}

#[test]
fn every_problem_is_told_with_the_bytes_that_are_meant() {
    let world = World::new(&[("mesh.yaml", MESH), ("route.json", FAULTS)]);
    insta::assert_snapshot!(
        "faults",
        world
            .run(&["validate", "mesh.yaml", "route.json", "gone.json"])
            .all()
    );
    let ran = world.run(&["validate", "route.json", "--format", "json"]);
    assert_eq!(ran.exit, Exit::Found);
    insta::assert_snapshot!("faults_json", ran.out);
}

#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let world = World::new(&[(
        "x.json",
        "{\"meshName\": \"a\u{1b}[31m\u{202e}b\", \"spec\": {\"\u{9b}x\": 1}}",
    )]);
    let ran = world.run(&["validate", "x.json"]);
    assert_eq!(ran.exit, Exit::Found);
    for c in ['\u{1b}', '\u{202e}', '\u{9b}'] {
        assert!(!ran.err.contains(c), "{}", ran.err);
    }
}

#[test]
fn long_lines_are_cut_around_what_is_meant() {
    let padding = format!("\"description\": \"{}\"", "x".repeat(5000));
    let text = format!("{{\"meshName\": \"a\", \"spec\": {{\"oops\": 1}}, {padding}}}");
    let text = text.replacen(
        "\"spec\"",
        &format!("\"tags\": [{}], \"spec\"", "{\"key\": \"a\"}, ".repeat(0)),
        1,
    );
    let world = World::new(&[("x.json", &format!("{}{text}", " ".repeat(3000)))]);
    let ran = world.run(&["validate", "x.json"]);
    assert!(
        ran.err.lines().all(|line| line.chars().count() < 300),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("\"oops\""));
}

#[test]
fn a_part_of_a_mesh_is_validated_with_warnings_and_not_compiled() {
    let part = MESH.split("---").nth(2).unwrap();
    let world = World::new(&[("part.yaml", part)]);
    let ran = world.run(&["validate", "part.yaml"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    assert!(ran.err.contains("warning[MF0212]"), "{}", ran.err);
    assert_eq!(
        world.run(&["validate", "--strict", "part.yaml"]).exit,
        Exit::Found
    );
    let ran = world.run(&["compile", "part.yaml", "--target", "envoy", "--out", "out"]);
    assert_eq!(ran.exit, Exit::Found);
    assert!(!world.path().join("out").exists(), "nothing is written");
}

#[test]
fn quotas_hold_where_a_mesh_is_judged_and_nowhere_unasked() {
    let world = World::new(&[("mesh.yaml", MESH)]);
    let adopt = world.run(&["adopt", "mesh.yaml", "--store", "store"]);
    assert_eq!(adopt.exit, Exit::Fine, "{}", adopt.all());
    let compile = ["compile", "mesh.yaml", "--target", "envoy", "--out", "out"];
    let judges: [&[&str]; 4] = [
        &["validate", "mesh.yaml"],
        &compile,
        &["release", "--store", "store"],
        &["status", "--store", "store"],
    ];
    for judge in judges {
        let with = |quotas: &[&str]| world.run(&[judge, quotas].concat());
        for quotas in [
            &["--quota", "virtual_nodes=1"][..],
            // Of two the last holds.
            &["--quota", "aws", "--quota", "virtual_nodes=1"],
        ] {
            let ran = with(quotas);
            assert_eq!(ran.exit, Exit::Found, "{judge:?}\n{}", ran.all());
            let told = "error[MF0209]: mesh `apps` has 2 virtual nodes, and the quota `virtual_nodes` is 1";
            assert!(ran.err.contains(told), "{judge:?}\n{}", ran.err);
        }
        for quotas in [
            &[][..],
            &["--quota", "aws"],
            &["--quota", "virtual_nodes=1", "--quota", "virtual_nodes=2"],
        ] {
            let ran = with(quotas);
            assert_eq!(ran.exit, Exit::Fine, "{judge:?}\n{}", ran.all());
        }
        for (wrong, word) in [
            ("azure", "write `aws`"),
            ("meshes=1", "virtual_nodes, virtual_routers"),
            ("routes=-1", "not a whole number"),
            ("routes=", "not a whole number"),
        ] {
            let ran = with(&["--quota", wrong]);
            assert_eq!(ran.exit, Exit::WrongUse, "{judge:?} {wrong}");
            assert!(ran.err.contains(word), "{}", ran.err);
        }
    }
    // The place is what is counted, with its bytes.
    let ran = world.run(&["validate", "mesh.yaml", "--quota", "backends=0"]);
    assert!(ran.err.contains("--> mesh.yaml:17:13"), "{}", ran.err);
}

#[test]
fn compiling_writes_checks_and_cleans() {
    let world = World::new(&[("mesh.yaml", MESH)]);
    for target in ["envoy", "ecs", "cloudformation"] {
        let check = [
            "compile",
            "mesh.yaml",
            "--target",
            target,
            "--out",
            target,
            "--check",
        ];
        let write = check.split_last().unwrap().1;
        assert_eq!(world.run(&check).exit, Exit::Found);
        assert!(!world.path().join(target).exists(), "a check writes nothing");
        let ran = world.run(write);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
        assert_eq!(world.run(&check).exit, Exit::Fine);
    }
    let current = world.path().join("envoy/apps/virtualNode/a/current/cds.json");
    let before = std::fs::read_to_string(&current).unwrap();
    assert!(before.contains("b.local"));
    // A changed mesh is a difference, and a running Envoy sees all of it at once.
    world.write(
        "mesh.yaml",
        &MESH.replace("hostname: b.local", "hostname: c.local"),
    );
    let ran = world.run(&[
        "compile",
        "mesh.yaml",
        "--target",
        "envoy",
        "--out",
        "envoy",
        "--check",
    ]);
    assert!(
        ran.out.contains("different: envoy/apps/virtualNode/a/current"),
        "{}",
        ran.out
    );
    world.run(&["compile", "mesh.yaml", "--target", "envoy", "--out", "envoy"]);
    assert_ne!(std::fs::read_to_string(&current).unwrap(), before);
    let bootstrap = world.run(&["bootstrap", "a", "mesh.yaml", "--mode", "files", "--root", "/srv"]);
    assert!(
        bootstrap.out.contains("/srv/apps/virtualNode/a/current/lds.json"),
        "{}",
        bootstrap.out
    );
}

#[test]
fn own_templates_take_the_place_of_ours() {
    let world = World::new(&[
        ("mesh.yaml", MESH),
        (
            "own/ecs/task-definition.json.hbs",
            r#"{"Resources": {"Mine": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": {{json family}},
               "ContainerDefinitions": [{"Name": "envoy", "Image": {{json envoy.Image}}}]}}}}"#,
        ),
        ("bad/ecs/task-definition.json.hbs", "{{#each x}}"),
        (
            "endless/ecs/task-definition.json.hbs",
            r#"{{#*inline "a"}}{{> b}}{{/inline}}{{#*inline "b"}}{{> a}}{{/inline}}{{> a}}"#,
        ),
        ("none/readme", ""),
    ]);
    let run = |templates: &str| {
        world.run(&[
            "compile",
            "mesh.yaml",
            "--target",
            "ecs",
            "--out",
            templates,
            "--templates",
            templates,
            "--node",
            "a",
        ])
    };
    assert_eq!(run("own").exit, Exit::Fine);
    let path = world.path().join("own/apps/virtualNode/a/stack.json");
    assert!(std::fs::read_to_string(path).unwrap().contains("\"Mine\""));
    for (templates, code) in [
        ("bad", "MF0912"),
        ("endless", "MF0912"),
        ("none", "MF0804"),
        ("nowhere", "MF0804"),
    ] {
        let ran = run(templates);
        assert_eq!(ran.exit, Exit::Found);
        assert!(ran.err.contains(code), "{}", ran.err);
    }
}

#[test]
fn converting_asks_for_whole_input_and_gives_it_back() {
    let world = World::new(&[("mesh.yaml", MESH), ("route.json", FAULTS)]);
    for form in ["api", "cloudformation", "terraform"] {
        let ran = world.run(&["convert", "mesh.yaml", "--to", form]);
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""), "{form}");
        let ran = world.run(&["convert", "route.json", "--to", form]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Found, ""), "{form}");
    }
    let api = world.run(&["convert", "mesh.yaml", "--to", "api"]).out;
    let template = world
        .run_with(&["convert", "-", "--to", "cloudformation"], &api)
        .out;
    assert_eq!(
        world.run_with(&["convert", "-", "--to", "api"], &template).out,
        api
    );
}

#[test]
fn an_input_without_a_mesh_is_not_converted_into_nothing() {
    let world = World::new(&[(
        "other.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    )]);
    for form in ["api", "cloudformation", "terraform", "kubernetes"] {
        let ran = world.run(&["convert", "other.yaml", "--to", form]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Found, ""), "{form}");
        assert!(ran.err.contains("error[MF0612]"), "{}", ran.err);
    }
}

#[test]
fn the_way_of_a_request_and_every_value_are_told() {
    let world = World::new(&[("mesh.yaml", MESH)]);
    let ran = world.run(&[
        "route",
        "mesh.yaml",
        "--node",
        "a",
        "--host",
        "b.local",
        "--header",
        "x-a: b",
    ]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(ran.out.contains("100.0 % b"), "{}", ran.out);
    let ran = world.run(&[
        "route",
        "mesh.yaml",
        "--node",
        "a",
        "--host",
        "b.local",
        "--format",
        "json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["result"]["end"]["targets"][0]["virtualNode"], "b");
    let ran = world.run(&["explain", "a", "mesh.yaml"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(
        ran.out.lines().count() > 10 && ran.out.contains("App Mesh"),
        "{}",
        ran.out
    );
    let ran = world.run(&["explain", "c", "mesh.yaml"]);
    assert_eq!(ran.exit, Exit::WrongUse);
    assert!(ran.err.contains("there are `a`, `b`"), "{}", ran.err);
    assert_eq!(
        world
            .run(&[
                "route",
                "mesh.yaml",
                "--node",
                "a",
                "--host",
                "b",
                "--header",
                "x"
            ])
            .exit,
        Exit::WrongUse
    );
}

#[test]
fn the_same_resource_twice_is_a_copy_or_a_contradiction() {
    let world = World::new(&[
        ("a.yaml", MESH),
        ("b.yaml", MESH),
        ("c.yaml", &MESH.replace("port: 8080", "port: 9090")),
    ]);
    assert_eq!(world.run(&["validate", "a.yaml", "b.yaml"]).exit, Exit::Fine);
    let ran = world.run(&["validate", "a.yaml", "c.yaml"]);
    assert_eq!(ran.exit, Exit::Found);
    insta::assert_snapshot!(ran.err);
}

#[test]
fn the_provider_is_put_where_terraform_looks() {
    let mut world = World::new(&[("bin/terraform-provider-appmesh", "program")]);
    world
        .env
        .insert("HOME".into(), world.path().join("home").display().to_string());
    let ran = world.run(&["install-provider"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let version = env!("CARGO_PKG_VERSION");
    let base = world
        .path()
        .join("home/.terraform.d/plugins/registry.terraform.io/meshform/appmesh")
        .join(version);
    let platform = std::fs::read_dir(&base).unwrap().next().unwrap().unwrap();
    let name = platform.file_name().into_string().unwrap();
    assert!(name.contains('_') && !name.contains("x86_64"), "{name}");
    let installed: Vec<_> = std::fs::read_dir(platform.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(installed, [format!("terraform-provider-appmesh_v{version}")]);
    // OpenTofu means another registry by the same address.
    let tofu = platform.path().join(&installed[0]).display().to_string();
    let tofu = tofu.replace("registry.terraform.io", "registry.opentofu.org");
    assert_eq!(std::fs::read_to_string(&tofu).unwrap(), "program");
    assert_eq!(ran.out.matches("installed ").count(), 2, "{}", ran.out);

    // A configuration that hides the place is told, with what to write.
    world.write(
        "home/.terraformrc",
        "# mine\nprovider_installation {\n  direct {}\n}\n",
    );
    let ran = world.run(&["install-provider"]);
    assert_eq!(ran.exit, Exit::Found);
    insta::assert_snapshot!(ran.err);
    world.write("other.tfrc", "plugin_cache_dir = \"/tmp\"\n");
    world.env.insert(
        "TF_CLI_CONFIG_FILE".into(),
        world.path().join("other.tfrc").display().to_string(),
    );
    assert_eq!(world.run(&["install-provider"]).exit, Exit::Fine);
}

#[test]
fn without_a_provider_there_is_a_way_out() {
    let mut world = World::new(&[]);
    world
        .env
        .insert("HOME".into(), world.path().join("home").display().to_string());
    let ran = world.run(&["install-provider"]);
    assert_eq!(ran.exit, Exit::WrongUse);
    insta::assert_snapshot!(ran.err);
    assert!(!world.path().join("home").exists());
}

#[test]
fn the_files_of_proxies_are_looked_for_on_request() {
    let mesh = r#"{"mesh": {"meshName": "m", "spec": {}}}
---
{"meshName": "m", "virtualNodeName": "web", "spec": {
  "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}, "tls": {"mode": "STRICT",
    "certificate": {"file": {"certificateChain": "/etc/tls/tls.crt", "privateKey": "/etc/tls/tls.key"}},
    "validation": {"trust": {"file": {"certificateChain": "/etc/tls/ca.crt"}}}}}],
  "serviceDiscovery": {"dns": {"hostname": "web.local"}}}}
"#;
    let world = World::new(&[("mesh.yaml", mesh)]);
    let check = ["validate", "mesh.yaml", "--check-files", "image"];
    assert_eq!(world.run(&check[..2]).exit, Exit::Fine, "only on request");
    let ran = world.run(&check);
    assert_eq!(ran.exit, Exit::Found);
    assert_eq!(ran.err.matches("error[MF0808]").count(), 3, "{}", ran.err);
    assert!(ran.err.contains("tls.crt` below `"), "{}", ran.err);
    assert!(ran.err.contains("is not there"), "{}", ran.err);
    // Told on the field that wants it.
    assert!(ran.err.contains("mesh.yaml:4:"), "{}", ran.err);

    let pem = "-----BEGIN CERTIFICATE-----\n";
    world.write("image/etc/tls/tls.crt", pem);
    world.write("image/etc/tls/tls.key", "no key");
    std::fs::create_dir_all(world.path().join("image/etc/tls/ca.crt")).unwrap();
    let ran = world.run(&check);
    assert_eq!(ran.err.matches("error[MF0808]").count(), 2, "{}", ran.err);
    assert!(ran.err.contains("holds no PEM"), "{}", ran.err);
    assert!(ran.err.contains("is not a file"), "{}", ran.err);
    let compile = [
        "compile",
        "mesh.yaml",
        "--target",
        "envoy",
        "--out",
        "out",
        "--check-files",
        "image",
    ];
    assert_eq!(world.run(&compile).exit, Exit::Found);
    assert!(!world.path().join("out").exists(), "nothing is written");

    std::fs::remove_dir(world.path().join("image/etc/tls/ca.crt")).unwrap();
    world.write("image/etc/tls/ca.crt", pem);
    world.write("image/etc/tls/tls.key", "-----BEGIN PRIVATE KEY-----\n");
    let ran = world.run(&check);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    assert_eq!(world.run(&compile).exit, Exit::Fine);
    let other = [&compile[..], &["--node", "web"]].concat();
    assert_eq!(world.run(&other).exit, Exit::Fine);
}

#[test]
fn a_value_that_no_input_asks_for_is_wrong_use_and_expressions_stay() {
    let template = "Parameters: {Name: {Type: String}}\nResources:\n  Mesh: {Type: AWS::AppMesh::Mesh, Properties: \
                    {MeshName: !Ref Name}}\n";
    let world = World::new(&[
        ("t.yaml", template),
        ("values.yaml", "parameters: {Name: shop}\n"),
        ("wrong.json", "{\"parameter\": {}}"),
    ]);
    let ran = world.run(&["validate", "t.yaml", "--parameter", "Nam=x"]);
    assert_eq!(ran.exit, Exit::WrongUse);
    assert!(ran.err.contains("did you mean `Name`?"), "{}", ran.err);
    let ran = world.run(&["validate", "t.yaml", "--values", "values.yaml"]);
    assert_eq!(ran.out, "1 resource of the mesh `shop`: fine\n");
    let ran = world.run(&["validate", "t.yaml", "--values", "wrong.json"]);
    assert_eq!(ran.exit, Exit::Found);
    assert!(
        ran.err.contains("wrong.json:1:15: `parameter` is none of"),
        "{}",
        ran.err
    );
    // What stays symbolic stays so, and what cannot say it is refused.
    let ran = world.run(&["convert", "t.yaml", "--to", "cloudformation"]);
    assert!(
        ran.exit == Exit::Fine && ran.err.is_empty() && ran.out.contains("\"Ref\": \"Name\""),
        "{}",
        ran.all()
    );
    let ran = world.run(&["convert", "t.yaml", "--to", "terraform"]);
    assert!(ran.out.contains("name = var.name"), "{}", ran.all());
    let ran = world.run(&["convert", "t.yaml", "--to", "api"]);
    assert!(ran.exit == Exit::Found && ran.out.is_empty(), "{}", ran.all());
    assert!(
        ran.err.contains("give it with `--parameter Name=VALUE`"),
        "{}",
        ran.err
    );
}
