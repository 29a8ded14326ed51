//! Stacks deployed by moto's CloudFormation: what its ECS then describes is what was meant.

use meshform_acceptance::tools;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A gateway, and a node that shares its service of Cloud Map with another. (moto has no Cloud Map in its
/// CloudFormation: stacks that make services in it cannot be deployed there.)
fn mesh() -> Value {
    let listener = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    let version = |name: &str, family: &str| {
        json!({"meshName": "shop", "virtualNodeName": name, "spec": {
            "listeners": listener,
            "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.internal", "serviceName": "prices",
                "attributes": [{"key": "ECS_TASK_DEFINITION_FAMILY", "value": family}]}}}})
    };
    let service = json!({"virtualService": {"virtualServiceName": "prices.shop.svc"}});
    json!([
        {"meshName": "shop", "spec": {}},
        {"meshName": "shop", "virtualGatewayName": "public", "spec": {"listeners": listener}},
        {"meshName": "shop", "virtualGatewayName": "public", "gatewayRouteName": "all", "spec": {
            "httpRoute": {"match": {"prefix": "/"}, "action": {"target": service}}}},
        {"meshName": "shop", "virtualServiceName": "prices.shop.svc", "spec": {
            "provider": {"virtualNode": {"virtualNodeName": "blue"}}}},
        version("blue", "prices-blue"),
        version("green", "prices-green"),
        {"meshName": "shop", "proxyProfileName": "all", "spec": {
            "interception": {"transparent": {}},
            "endpoints": [
                {"virtualNode": "blue", "addresses": [{"address": "10.0.0.1"}]},
                {"virtualNode": "green", "addresses": [{"address": "10.0.0.2"}]},
            ]}},
    ])
}

#[test]
fn what_a_deployment_describes_is_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mesh.json"), mesh().to_string()).unwrap();
    let secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:key-AbCdEf";
    let workloads = json!({"workloads": [
        {"virtualNode": "blue", "image": "prices:7", "cpu": 256, "memory": 512, "count": 3,
         "environment": {"STAGE": "production"}, "secrets": {"KEY": secret}}]});
    fs::write(folder.path().join("workloads.json"), workloads.to_string()).unwrap();
    let output = Command::new(tools::meshform())
        .current_dir(folder.path())
        .args([
            "compile",
            "mesh.json",
            "workloads.json",
            "--target",
            "ecs",
            "--out",
            "out",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ecs/cloudformation.py");
    let output = Command::new(tools::moto_python())
        .arg(script)
        .args(
            ["virtualGateway/public", "virtualNode/blue"]
                .map(|name| folder.path().join("out/shop").join(name).join("stack.json")),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["stacks"], json!(["CREATE_COMPLETE", "CREATE_COMPLETE"]));

    let blue = &told["tasks"]["prices-blue"];
    let [app, envoy] = blue["containerDefinitions"].as_array().unwrap().as_slice() else {
        panic!("{blue:#}");
    };
    assert_eq!((&app["name"], &app["image"]), (&json!("app"), &json!("prices:7")));
    assert_eq!(
        app["dependsOn"],
        json!([{"containerName": "envoy", "condition": "HEALTHY"}])
    );
    assert_eq!(
        app["environment"],
        json!([{"name": "STAGE", "value": "production"}])
    );
    assert_eq!(app["secrets"], json!([{"name": "KEY", "valueFrom": secret}]));
    assert_eq!(
        envoy["healthCheck"]["command"],
        json!(["CMD", "meshform-agent", "health"])
    );
    assert_eq!(
        (&envoy["essential"], &envoy["readonlyRootFilesystem"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        envoy["mountPoints"][0]["sourceVolume"],
        blue["volumes"][0]["name"]
    );
    assert!(envoy["stopTimeout"].as_u64() > app["stopTimeout"].as_u64());
    let store = json!({"name": "MESHFORM_STORE", "value": "s3://meshes/prod"});
    assert!(
        envoy["environment"].as_array().unwrap().contains(&store),
        "{envoy:#}"
    );

    // The role of a task names its own proxy, and no other.
    let policy = told["policies"]["prices-blue"].to_string();
    assert!(
        policy.contains("meshes/prod/m/shop/proxies/virtualNode/blue/*"),
        "{policy}"
    );
    assert!(
        !policy.contains("green") && !policy.contains("public"),
        "{policy}"
    );
    for (family, port) in [("prices-blue", 8080), ("shop-public", 8080)] {
        let open = &told["groups"][family];
        assert_eq!(
            (open.as_array().unwrap().len(), &open[0]["FromPort"]),
            (1, &json!(port)),
            "{open}"
        );
        assert_eq!(open[0]["IpRanges"], json!([]), "only a group may call");
    }
    let counts: Vec<&Value> = told["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["desiredCount"])
        .collect();
    assert!(counts.contains(&&json!(3)), "{counts:?}");
}

/// What the schema of rendered templates names is what ECS's API has, as botocore knows it.
#[test]
fn the_schema_of_templates_agrees_with_the_model_of_the_api() {
    let script = r#"
import json, sys, botocore.session
model = botocore.session.get_session().get_service_model("ecs")
schema = json.load(open(sys.argv[1]))["$defs"]
first = lambda name: name[0].lower() + name[1:]
told, seen = [], 0
def walk(rules, shape, at):
    global seen
    rules = schema[rules["$ref"].rsplit("/", 1)[1]] if "$ref" in rules and "items" not in rules else rules
    if shape.type_name == "list" and "items" in rules:
        walk(rules["items"], shape.member, at + "[]")
    if shape.type_name != "structure":
        return
    for name, below in rules.get("properties", {}).items():
        own = {"ProxyConfigurationProperties": "properties"}.get(name, first(name))
        seen += 1
        if own not in shape.members:
            told.append(f"{at}/{name} is no member of {shape.name}")
            continue
        member = shape.members[own]
        choices = below.get("enum")
        if choices and member.type_name == "string" and getattr(member, "enum", None):
            told.extend(f"{at}/{name}: {one}" for one in choices if one not in member.enum)
        walk(below, member, f"{at}/{name}")
walk(schema["task"], model.operation_model("RegisterTaskDefinition").input_shape, "")
print(json.dumps({"told": told, "seen": seen}))
"#;
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/ecs/task-definition.schema.json");
    let output = Command::new(tools::python())
        .args(["-c", script])
        .arg(schema)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["told"], json!([]));
    assert!(told["seen"].as_u64() > Some(30), "{told}");
}

/// What a state of Terraform, and a definition with nulls as some tools print it, become is what `register-task-definition`
/// takes, by botocore's rules.
#[test]
fn translated_task_definitions_can_be_registered() {
    let containers = json!([
        {"name": "app", "image": "till:7", "command": null, "portMappings": [{"containerPort": 8080, "hostPort": 8080}]},
        {"name": "envoy", "image": "aws-appmesh-envoy:v1", "logConfiguration": null,
         "environment": [{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualNode/blue"}]},
    ]);
    let role = "arn:aws:iam::111122223333:role/blue";
    let properties = json!({"IgnoredUID": "1337", "AppPorts": "8080"});
    let pairs: Vec<Value> = properties
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let described = json!({"tags": [{"key": "team", "value": "shop"}], "taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/blue:7", "revision": 7, "family": "blue",
        "networkMode": "awsvpc", "taskRoleArn": role, "containerDefinitions": containers, "volumes": null,
        "proxyConfiguration": {"type": "APPMESH", "containerName": "envoy", "properties": pairs}}});
    let efs = json!([{"file_system_id": "fs-1", "root_directory": "/", "transit_encryption": "ENABLED",
        "transit_encryption_port": 0, "authorization_config": [{"access_point_id": "a", "iam": "ENABLED"}]}]);
    let docker = json!([{"scope": "task", "autoprovision": false, "driver": "local", "driver_opts": {"type": "tmpfs"},
        "labels": {}}]);
    let volumes = json!([
        {"name": "data", "host_path": "", "configure_at_launch": true, "efs_volume_configuration": efs},
        {"name": "disk", "host_path": "/srv", "configure_at_launch": false, "docker_volume_configuration": []},
        {"name": "docker", "docker_volume_configuration": docker},
    ]);
    let attributes = json!({
        "family": "blue", "network_mode": "awsvpc", "task_role_arn": role, "container_definitions": containers.to_string(),
        "cpu": "256", "memory": "512", "requires_compatibilities": ["EC2", "FARGATE"], "enable_fault_injection": false,
        "ephemeral_storage": [{"size_in_gib": 30}], "ipc_mode": "", "pid_mode": "", "tags_all": {"team": "shop"},
        "runtime_platform": [{"cpu_architecture": "ARM64", "operating_system_family": "LINUX"}],
        "inference_accelerator": [{"device_name": "d", "device_type": "eia2.medium"}],
        "placement_constraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
        "proxy_configuration": [{"type": "APPMESH", "container_name": "envoy", "properties": properties}],
        "volume": volumes,
    });
    let state = json!({"version": 4, "terraform_version": "1.11.4", "resources": [
        {"mode": "managed", "type": "aws_ecs_task_definition", "name": "blue", "instances": [{"attributes": attributes}]}]});
    let script = r#"
import json, sys, botocore.session, botocore.validate
model = botocore.session.get_session().get_service_model("ecs")
shape = model.operation_model("RegisterTaskDefinition").input_shape
print(botocore.validate.ParamValidator().validate(json.load(open(sys.argv[1])), shape).generate_report())
"#;
    for input in [described, state] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mesh.json"), mesh().to_string()).unwrap();
        fs::write(folder.path().join("task.json"), input.to_string()).unwrap();
        let output = Command::new(tools::meshform())
            .current_dir(folder.path())
            .args([
                "compile",
                "mesh.json",
                "task.json",
                "--node",
                "blue",
                "--target",
                "ecs",
            ])
            .args([
                "--out",
                "out",
                "--proxy-image",
                "proxy:1",
                "--proxy-store",
                "s3://meshes/prod",
            ])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let task = folder
            .path()
            .join("out/shop/virtualNode/blue/task-definition.json");
        let output = Command::new(tools::python())
            .args(["-c", script])
            .arg(&task)
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        let task = fs::read_to_string(task).unwrap();
        assert!(
            output.status.success() && report.trim().is_empty(),
            "{report}: {task}"
        );
        assert!(task.contains("\"team\""), "tags stay: {task}");
    }
}
