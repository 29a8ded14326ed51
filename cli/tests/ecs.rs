//! `meshform compile --target ecs`: task definitions that somebody has, with our proxy instead of App Mesh's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;
#[path = "../../compiler/tests/common/mod.rs"]
mod linted;

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

/// The template has a variable that nobody takes over, which is told.
fn fine_but_for_what_is_lost(ran: &Ran) {
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    assert_eq!(ran.err.matches("warning[").count(), 1, "{}", ran.err);
    assert!(
        ran.err.contains("warning[MF0582]") && ran.err.contains("not taken over: `ENVOY_TRACING_CFG_FILE`"),
        "{}",
        ran.err
    );
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
    fine_but_for_what_is_lost(&ran);
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
        with("mesh/shop/virtualNode/till", "mesh/shop/virtualNode/tlil"),
        with("APPMESH_VIRTUAL_NODE_NAME", "NOTHING"),
        with("till:7", &"x".repeat(70_000)),
        told(&[mesh, ("task.json", DESCRIBED)], &[]),
        told(&[("shop.yaml", &SHOP.replace(", Default: shop", ""))], &[]),
    ];
    let refers = SHOP
        .replace("Family: till", "Family: !GetAtt Till.Uid")
        .replace("DependsOn: [Till, TaskRole]", "DependsOn: TaskRole");
    all.push(told(&[("shop.yaml", &refers)], &[]));
    insta::assert_snapshot!("refused", all.join("\n---\n"));
}

#[test]
fn names_and_arns_of_app_mesh_in_a_template_are_known_from_it() {
    let shop = SHOP.replace("Family: till", "Family: !GetAtt Till.VirtualNodeName");
    let by_ref: Vec<String> = shop
        .lines()
        .map(|line| match line.split_once("Value: ") {
            Some((before, _)) if line.contains("APPMESH_RESOURCE_ARN") => {
                format!("{before}Value: !Ref Till}}")
            }
            _ => line.to_owned(),
        })
        .collect();
    assert_ne!(by_ref.join("\n"), shop);
    let world = World::new(&[("shop.yaml", &by_ref.join("\n"))]);
    let ran = compile(&world, &["shop.yaml"], &[]);
    fine_but_for_what_is_lost(&ran);
    let template = json(&world, "templates/shop.json");
    assert_eq!(template["Resources"]["TillTask"]["Properties"]["Family"], "till");
}

const SYSTEM: &str = include_str!("ecs/system.yaml");
const WORKLOADS: &str = include_str!("ecs/workloads.yaml");

#[test]
fn a_system_becomes_stacks_from_the_short_form_of_its_workloads() {
    let world = World::new(&[("system.yaml", SYSTEM), ("workloads.yaml", WORKLOADS)]);
    let ran = compile(&world, &["system.yaml", "workloads.yaml"], &[]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let paths = [
        "shop/stack.json",
        "shop/virtualGateway/public/stack.json",
        "shop/virtualNode/prices-v1/stack.json",
        "shop/virtualNode/prices-v2/stack.json",
        "shop/virtualNode/web/stack.json",
    ];
    let mut golden = format!("{}\n", ran.err);
    for path in paths {
        let file = world.path().join("out").join(path);
        assert_eq!(linted::cfn_lint_file(&file), [""; 0], "{path}");
        golden.push_str(&format!("=== {path}\n{}\n", read(&world, path)));
    }
    insta::assert_snapshot!("system", golden);
    // The names by which others find a node are those that its tasks have.
    let stack = json(&world, "shop/virtualNode/prices-v1/stack.json");
    let task = &stack["Resources"]["TaskDefinition"]["Properties"];
    assert_eq!(task["Family"], "prices-one");
    assert!(
        ran.err.contains("MF0943") && ran.err.contains("`stage` = `canary`"),
        "{}",
        ran.err
    );
    // Nobody asks Cloud Map for what has addresses; the poller is there all the same, because the mesh says Cloud Map.
    let shared = json(&world, "shop/stack.json");
    assert!(shared["Resources"].get("PollerService").is_some());
    assert!(shared["Resources"].get("RecordPricesShopSvc").is_some());
}

#[test]
fn companions_are_kept_or_replaced() {
    let world = World::new(&[("shop.yaml", SHOP)]);
    let ran = compile(&world, &["shop.yaml"], &["--companions", "collector"]);
    fine_but_for_what_is_lost(&ran);
    let template = json(&world, "templates/shop.json");
    let containers = template["Resources"]["TillTask"]["Properties"]["ContainerDefinitions"].clone();
    let names: Vec<&str> = containers
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["app", "collector", "proxy"]);
    assert!(
        containers[1]["Image"]
            .as_str()
            .unwrap()
            .contains("aws-otel-collector")
    );
    assert!(read(&world, "report.md").contains("the container `collector` listens where it did"));
    assert!(read(&world, "shop/virtualNode/till/collector-policy.json").contains("xray:PutTraceSegments"));
}

#[test]
fn workloads_that_cannot_be_are_refused_at_their_place() {
    let told = |workloads: &str| {
        let world = World::new(&[("system.yaml", SYSTEM), ("workloads.yaml", workloads)]);
        let ran = compile(&world, &["system.yaml", "workloads.yaml"], &[]);
        assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
        assert!(!world.path().join("out").exists(), "nothing is written");
        // What is wrong with the mesh's other proxies is not of interest here.
        let parts: Vec<&str> = ran
            .err
            .split("\n\n")
            .filter(|part| part.contains("workloads.yaml"))
            .collect();
        parts.join("\n\n")
    };
    let with = |from: &str, to: &str| {
        assert!(WORKLOADS.contains(from), "{from}");
        told(&WORKLOADS.replacen(from, to, 1))
    };
    let all = [
        with("virtualNode: web", "virtualNode: nobody"),
        with("virtualNode: web", "virtualNode: web\n    virtualGateway: public"),
        with("virtualNode: prices-v1", "virtualNode: web"),
        with("port: 9080", "port: 8080"),
        with("port: 9080", "port: 9081"),
        with("port: 9080", "port: 9901"),
        with(
            "image: registry/prices:1",
            "image: registry/prices:1\n    port: 9090",
        ),
        with("virtualGateway: public", "virtualGateway: public, image: x"),
        with(
            "arn:aws:ssm:eu-central-1:111122223333:parameter/web/flags",
            "web-flags",
        ),
        with("STAGE: production", "FLAGS: production"),
        with("STAGE: production", "STAGE: [a]"),
        with("cpu: 256", "cpus: 256"),
        with("port: 9080", "port: '9080'"),
        with("interception: transparent", "interception: none"),
        with("meshName: shop", "meshName: shops"),
        told("workloads: []"),
    ];
    insta::assert_snapshot!("workloads", all.join("\n---\n"));
}

#[test]
fn a_laptop_gets_a_file_for_compose() {
    let world = World::new(&[("system.yaml", SYSTEM), ("workloads.yaml", WORKLOADS)]);
    let inputs = ["system.yaml", "workloads.yaml"];
    let fixed = ["compile", "--target", "compose", "--out", "out"];
    let ran = world.run(&[&fixed, &inputs[..]].concat());
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    insta::assert_snapshot!("compose", read(&world, "shop/compose.yaml"));
    // The bootstrap and its script are full of dollar signs, which Compose would take for its own.
    let ran = world.run(
        &[
            &fixed,
            &inputs[..],
            &["--configuration", "static", "--node", "prices-v1"],
        ]
        .concat(),
    );
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let text = read(&world, "shop/compose.yaml");
    assert!(
        text.contains("$$MESHFORM_BOOTSTRAP") && text.contains("envoyproxy/envoy"),
        "{text}"
    );
    // A template of one's own is held to what Compose takes.
    for (template, said) in [
        ("services: {}", "no `services`"),
        ("services: {a: {}}", "has no image"),
        (
            "services: {a: {image: x, network_mode: 'service:b'}}",
            "`b`, which is not there",
        ),
        ("services: [", "is not YAML"),
        ("{{nothing}}", "MF0912"),
    ] {
        world.write("own/compose/compose.yaml.hbs", template);
        let ran = world.run(&[&fixed, &inputs[..], &["--templates", "own"]].concat());
        assert_eq!(ran.exit, Exit::Found);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}

/// What only CloudFormation knows can be given, and the message says by which options.
#[test]
fn the_options_for_a_proxy_that_only_cloudformation_knows_are_told() {
    let template = "Parameters:\n  Shop: {Type: String}\nResources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      \
                    NetworkMode: awsvpc\n      ContainerDefinitions:\n        - {Name: app, Image: app, PortMappings: [{ContainerPort: 8080}]}\n        \
                    - Name: envoy\n          Image: aws-appmesh-envoy:v1\n          Environment:\n            - Name: APPMESH_RESOURCE_ARN\n              \
                    Value: !Sub 'mesh/${Shop}/virtualNode/${AWS::StackName}-${Box.Name}'\n";
    let mesh = "- {meshName: m, spec: {}}\n- {meshName: m, virtualNodeName: n, spec: {}}\n";
    let world = World::new(&[("task.yaml", template), ("mesh.yaml", mesh)]);
    let ran = world.run(&[
        "compile",
        "mesh.yaml",
        "task.yaml",
        "--target",
        "ecs",
        "--out",
        "out",
    ]);
    assert!(ran.err.contains("error[MF0918]"), "{}", ran.all());
    for option in [
        "`--parameter Shop=VALUE`",
        "`--parameter AWS::StackName=VALUE`",
        "`--attribute Box.Name=VALUE`",
    ] {
        assert!(ran.err.contains(option), "{option}: {}", ran.all());
    }
}

/// Several task definitions may stand in one file, as a list.
#[test]
fn a_list_of_task_definitions_is_read() {
    let task = |name: &str| {
        format!(
            "{{\"family\": \"{name}\", \"networkMode\": \"awsvpc\", \"containerDefinitions\": [{{\"name\": \"app\", \"image\": \"app\", \
             \"portMappings\": [{{\"containerPort\": 8080}}]}}, {{\"name\": \"envoy\", \"image\": \"aws-appmesh-envoy:v1\", \"environment\": \
             [{{\"name\": \"APPMESH_RESOURCE_ARN\", \"value\": \"mesh/m/virtualNode/{name}\"}}]}}], \"proxyConfiguration\": {{\"type\": \
             \"APPMESH\", \"containerName\": \"envoy\", \"properties\": [{{\"name\": \"AppPorts\", \"value\": \"8080\"}}]}}}}"
        )
    };
    let node = |name: &str| {
        format!(
            "- {{meshName: m, virtualNodeName: {name}, spec: {{listeners: [{{portMapping: {{port: 8080, protocol: http}}}}], \
             serviceDiscovery: {{dns: {{hostname: {name}.local}}}}}}}}\n"
        )
    };
    let mesh = format!("- {{meshName: m, spec: {{}}}}\n{}{}", node("a"), node("b"));
    let tasks = format!("[{}, {}]", task("a"), task("b"));
    let world = World::new(&[("tasks.json", &tasks), ("mesh.yaml", &mesh)]);
    let ran = world.run(&[
        "compile",
        "mesh.yaml",
        "tasks.json",
        "--target",
        "ecs",
        "--configuration",
        "static",
        "--out",
        "out",
    ]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    for name in ["a", "b"] {
        let file = world
            .path()
            .join(format!("out/m/virtualNode/{name}/task-definition.json"));
        assert!(file.is_file(), "{}", ran.all());
    }
}

#[test]
fn a_certificate_that_only_an_agent_brings_is_refused_without_one_and_not_missed_with_one() {
    let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b";
    let mesh = format!(
        "meshName: apps\n---\nmeshName: apps\nvirtualNodeName: web\nspec:\n  listeners:\n    - portMapping: {{port: 8080, protocol: \
         http}}\n      tls: {{mode: STRICT, certificate: {{acm: {{certificateArn: '{arn}'}}}}}}\n  serviceDiscovery: {{dns: \
         {{hostname: web.apps.local}}}}\n---\nmeshName: apps\nproxyProfileName: all\nspec:\n  interception: {{explicit: {{}}}}\n  \
         inbound: {{appPorts: [{{listenerPort: 8080, appPort: 3000}}]}}\n  certificates:\n    - {{reference: '{arn}', source: \
         {{acm: {{}}}}}}\n"
    );
    let world = World::new(&[("acm.yaml", &mesh)]);
    let compile = ["compile", "acm.yaml", "--out", "out", "--target"];
    for rest in [
        &["ecs", "--configuration", "static"][..],
        &["compose", "--configuration", "static"],
    ] {
        let ran = world.run(&[&compile[..], rest].concat());
        assert_eq!(ran.exit, Exit::Found, "{rest:?}");
        assert!(
            ran.err.contains("error[MF0312]") && ran.err.contains(arn),
            "{}",
            ran.err
        );
    }
    let plain = world.run(&[&compile[..], &["envoy"]].concat());
    assert!(plain.err.contains("warning[MF0312]"), "{}", plain.err);
    assert_eq!(plain.exit, Exit::Fine);
    let agent = world.run(&[&compile[..], &["ecs"]].concat());
    assert_eq!(agent.exit, Exit::Fine);
    assert!(
        !agent.err.contains("MF0312") && !agent.err.contains("MF0917"),
        "{}",
        agent.err
    );
}

/// A mesh whose node has its configuration from a control plane.
fn with_control_plane(more: &str) -> World {
    let mesh = format!(
        "meshName: apps\n---\nmeshName: apps\nvirtualNodeName: web\nspec:\n  listeners:\n    - portMapping: {{port: 8080, protocol: \
         http}}\n  serviceDiscovery: {{dns: {{hostname: web.apps.local}}}}\n---\nmeshName: apps\nproxyProfileName: all\nspec:\n  \
         interception: {{explicit: {{}}}}\n  inbound: {{appPorts: [{{listenerPort: 8080, appPort: 3000}}]}}\n  controlPlane: \
         {{address: mesh.internal, port: 18000{more}}}\n"
    );
    World::new(&[("mesh.yaml", &mesh)])
}

/// The variables of the proxy's container in the stack of `web`.
fn variables(world: &World) -> Value {
    let stack = json(world, "apps/virtualNode/web/stack.json");
    let resources = stack["Resources"].as_object().unwrap();
    let containers = resources
        .values()
        .find_map(|resource| resource["Properties"]["ContainerDefinitions"].as_array())
        .unwrap();
    let envoy = containers.iter().find(|one| one["Name"] == "envoy").unwrap();
    envoy["Environment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["Name"].as_str().unwrap().to_owned(), pair["Value"].clone()))
        .collect()
}

const ADS: [&str; 2] = ["--configuration", "ads"];

#[test]
fn a_task_whose_envoy_asks_a_control_plane_is_started_by_the_agent_where_that_can_ask_too() {
    let world = with_control_plane(", tokenFile: /etc/mesh/token.json, apiUrl: 'http://mesh.internal:8080'");
    let ran = compile(&world, &["mesh.yaml"], &ADS);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let told = "no volume mounts the file with the token for the control plane `/etc/mesh/token.json`";
    assert!(
        ran.err.contains("warning[MF0917]") && ran.err.contains(told),
        "{}",
        ran.err
    );
    let variables = variables(&world);
    assert_eq!(variables["MESHFORM_CONTROL_PLANE"], "http://mesh.internal:8080");
    let bootstrap: Value =
        serde_json::from_str(variables["MESHFORM_ADS_BOOTSTRAP"].as_str().unwrap()).unwrap();
    assert!(
        bootstrap["dynamic_resources"]["ads_config"].is_object(),
        "{bootstrap}"
    );
    let text = bootstrap.to_string();
    assert!(
        text.contains("/etc/mesh/token.json") && text.contains("mesh.internal"),
        "{text}"
    );
    // The same by the command that writes a bootstrap.
    let own = world.run(&["bootstrap", "web", "mesh.yaml", "--mode", "ads"]);
    assert_eq!(serde_json::from_str::<Value>(&own.out).unwrap(), bootstrap);
    let other = [
        "bootstrap",
        "web",
        "mesh.yaml",
        "--mode",
        "ads",
        "--token-file",
        "/other",
    ];
    let other = world.run(&other).out;
    assert!(
        other.contains("\"/other\"") && !other.contains("token.json"),
        "{other}"
    );
}

#[test]
fn a_task_whose_envoy_asks_a_control_plane_needs_no_agent_but_its_token() {
    let world = with_control_plane("");
    let ran = compile(&world, &["mesh.yaml"], &ADS);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    let variables = variables(&world);
    assert!(variables["MESHFORM_BOOTSTRAP"].is_string(), "{variables}");
    assert!(variables.get("MESHFORM_STORE").is_none(), "{variables}");
    // The agent would not know whom to ask; Envoy's own image holds no token.
    let ran = compile(&world, &["mesh.yaml"], &[&ADS[..], &AGENT].concat());
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(ran.err.contains("apiUrl"), "{}", ran.err);
    let world = with_control_plane(", tokenFile: /etc/mesh/token.json");
    let ran = compile(&world, &["mesh.yaml"], &ADS);
    assert!(
        ran.exit == Exit::Found && ran.err.contains("error[MF0917]"),
        "{}",
        ran.err
    );
    let none = World::new(&[(
        "mesh.yaml",
        "meshName: apps\n---\nmeshName: apps\nvirtualNodeName: web\nspec: {}\n",
    )]);
    let ran = compile(&none, &["mesh.yaml"], &ADS);
    assert!(
        ran.exit == Exit::Found && ran.err.contains("controlPlane"),
        "{}",
        ran.err
    );
    let ran = none.run(
        &[
            &["compile", "--target", "kubernetes", "--out", "out", "mesh.yaml"][..],
            &ADS,
        ]
        .concat(),
    );
    assert!(
        ran.exit == Exit::Found && ran.err.contains("`--configuration ads`"),
        "{}",
        ran.err
    );
}
