//! `meshform compile --target ecs`: task definitions as teams really have them, and what is wrong with some.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::World;
use common::ecs::{AGENT, MESH, STATIC, compile, container, refused, task};
use meshform::Exit;
use serde_json::{Value, json};

/// What became of such a task definition.
fn translated(change: impl FnOnce(&mut Value)) -> (World, Value) {
    let world = World::new(&[("mesh.yaml", MESH), ("task.json", &task(change))]);
    let ran = compile(&world, &AGENT);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    let path = world
        .path()
        .join("out/shop/virtualNode/till/task-definition.json");
    let text = std::fs::read_to_string(path).unwrap();
    (world, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_log_router_starts_before_the_proxy_whose_logs_it_takes() {
    let (_, task) = translated(|task| {
        task["containerDefinitions"][0]["logConfiguration"] = json!({"logDriver": "awsfirelens"});
        let router = json!({"name": "log_router", "image": "aws-for-fluent-bit", "firelensConfiguration": {"type": "fluentbit"}});
        task["containerDefinitions"].as_array_mut().unwrap().push(router);
    });
    // ECS starts the router before both, and so it must wait for neither.
    assert_eq!(
        container(&task, "envoy")["logConfiguration"]["logDriver"],
        "awsfirelens"
    );
    assert!(
        container(&task, "log_router").get("dependsOn").is_none(),
        "{task:#}"
    );
    assert_eq!(container(&task, "app")["dependsOn"][0]["containerName"], "envoy");

    // One that somebody told to wait for the proxy gets none of its logs.
    let (_, task) = translated(|task| {
        task["containerDefinitions"][0]["logConfiguration"] = json!({"logDriver": "awsfirelens"});
        let router = json!({"name": "log_router", "image": "aws-for-fluent-bit", "firelensConfiguration": {"type": "fluentbit"},
            "dependsOn": [{"containerName": "envoy", "condition": "HEALTHY"}]});
        task["containerDefinitions"].as_array_mut().unwrap().push(router);
    });
    assert!(container(&task, "envoy").get("logConfiguration").is_none());
}

#[test]
fn who_waited_for_the_start_of_the_proxy_waits_until_it_is_healthy() {
    let (world, task) = translated(|task| {
        task["containerDefinitions"][0]["dependsOn"] = json!([{"containerName": "envoy", "condition": "START"}, {"containerName": "init", "condition": "SUCCESS"}]);
        let init = json!({"name": "init", "image": "init", "essential": false});
        task["containerDefinitions"].as_array_mut().unwrap().push(init);
    });
    assert_eq!(
        container(&task, "app")["dependsOn"],
        json!([{"containerName": "envoy", "condition": "HEALTHY"}, {"containerName": "init", "condition": "SUCCESS"}])
    );
    let report = std::fs::read_to_string(world.path().join("out/report.md")).unwrap();
    assert!(
        report.contains("`app.dependsOn`: `START` becomes `HEALTHY`"),
        "{report}"
    );
}

#[test]
fn what_is_null_is_not_set_and_tags_beside_a_definition_stay() {
    let (_, task) = translated(|task| {
        task["containerDefinitions"][0]["command"] = Value::Null;
        task["containerDefinitions"][1]["logConfiguration"] = Value::Null;
        task["volumes"] = Value::Null;
        let definition = task.clone();
        *task = json!({"taskDefinition": definition, "tags": [{"key": "team", "value": "shop"}]});
    });
    assert!(!task.to_string().contains("null"), "{task:#}");
    assert_eq!(task["tags"], json!([{"key": "team", "value": "shop"}]));
}

#[test]
fn the_state_of_terraform_gives_what_the_api_takes() {
    let containers: Value = serde_json::from_str(&task(|_| {})).unwrap();
    let containers = containers["containerDefinitions"].to_string();
    let volume = json!({"name": "data", "host_path": "", "configure_at_launch": false, "docker_volume_configuration": [],
        "efs_volume_configuration": [{"file_system_id": "fs-1", "root_directory": "/", "transit_encryption": "ENABLED",
            "transit_encryption_port": 0, "authorization_config": [{"access_point_id": "fsap-1", "iam": "ENABLED"}]}]});
    let attributes = json!({
        "family": "till", "network_mode": "awsvpc", "task_role_arn": "arn:aws:iam::111122223333:role/till",
        "container_definitions": containers, "ephemeral_storage": [{"size_in_gib": 30}], "enable_fault_injection": false,
        "placement_constraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
        "tags": {"team": "shop"}, "tags_all": {"stage": "production", "team": "shop"}, "volume": [volume],
        "proxy_configuration": [{"type": "APPMESH", "container_name": "envoy",
            "properties": {"IgnoredUID": "1337", "AppPorts": "8080"}}],
    });
    let state = json!({"version": 4, "terraform_version": "1.11.4", "resources": [{"mode": "managed", "type": "aws_ecs_task_definition", "name": "till",
        "instances": [{"attributes": attributes}]}]});
    let world = World::new(&[("mesh.yaml", MESH), ("task.json", &state.to_string())]);
    let ran = compile(&world, &AGENT);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    let path = world
        .path()
        .join("out/shop/virtualNode/till/task-definition.json");
    let task: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(task["ephemeralStorage"], json!({"sizeInGiB": 30}));
    assert_eq!(
        task["placementConstraints"],
        json!([{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}])
    );
    assert_eq!(
        task["tags"],
        json!([{"key": "stage", "value": "production"}, {"key": "team", "value": "shop"}])
    );
    assert_eq!(
        task["volumes"][0],
        json!({"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/",
            "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"}}})
    );
    assert!(task.get("enableFaultInjection").is_none());
}

#[test]
fn what_ecs_would_not_register_or_run_is_refused_with_the_way_out() {
    let first = |change: Value| {
        move |task: &mut Value| {
            for (name, value) in change.as_object().unwrap() {
                task["containerDefinitions"][0][name] = value.clone();
            }
        }
    };
    let all = [
        // A range of ports hides neither a collision nor a port that is missing.
        refused(
            &AGENT,
            first(
                json!({"portMappings": [{"containerPortRange": "8000-8100"}, {"containerPortRange": "9900-9910"}]}),
            ),
        ),
        refused(
            &AGENT,
            first(json!({"portMappings": [{"containerPortRange": "7000-7100"}]})),
        ),
        refused(
            &AGENT,
            first(json!({"portMappings": [{"containerPort": 8080, "protocol": "udp"}]})),
        ),
        refused(
            &AGENT,
            first(json!({"portMappings": [{"containerPort": "8080"}]})),
        ),
        refused(&AGENT, first(json!({"environment": {"STAGE": "production"}}))),
        refused(&AGENT, first(json!({"name": "envoy"}))),
        refused(&AGENT, |task| task["family"] = json!("till me")),
        refused(&AGENT, |task| {
            drop(task.as_object_mut().unwrap().remove("family"))
        }),
        refused(&AGENT, |task| task["networkMode"] = json!("host")),
        refused(&AGENT, |task| {
            task["runtimePlatform"] = json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"});
        }),
        refused(&AGENT, first(json!({"command": ["x".repeat(70_000)]}))),
        refused(&STATIC, first(json!({"command": ["x".repeat(70_000)]}))),
    ];
    insta::assert_snapshot!("refused_tasks", all.join("\n---\n"));
}

#[test]
fn a_definition_without_a_role_is_warned_of_where_the_agent_needs_it() {
    let without = task(|task| drop(task.as_object_mut().unwrap().remove("taskRoleArn")));
    let world = World::new(&[("mesh.yaml", MESH), ("task.json", &without)]);
    let ran = compile(&world, &AGENT);
    assert_eq!(ran.exit, Exit::Fine);
    assert!(
        ran.err.contains("warning[MF0580]") && ran.err.contains("task-role-policy.json"),
        "{}",
        ran.err
    );
    assert_eq!(compile(&world, &STATIC).err, "");
}

#[test]
fn an_image_without_a_shell_needs_the_agent() {
    let profile =
        "- {meshName: shop, proxyProfileName: all, spec: {image: 'envoyproxy/envoy:distroless-v1.40.0'}}\n";
    let mesh = format!("{MESH}{profile}");
    let world = World::new(&[("mesh.yaml", &mesh), ("task.json", &task(|_| {}))]);
    let ran = compile(&world, &STATIC);
    assert_eq!(ran.exit, Exit::Found);
    assert!(ran.err.contains("error[MF0581]"), "{}", ran.err);
    assert_eq!(compile(&world, &AGENT).exit, Exit::Fine);
}

#[test]
fn cloud_map_needs_somebody_who_looks_addresses_up() {
    let mesh = "\
- {meshName: shop, spec: {egressFilter: {type: ALLOW_ALL}}}
- {meshName: shop, proxyProfileName: all, spec: {interception: {transparent: {}}}}
- {meshName: shop, virtualServiceName: till.shop.svc, spec: {provider: {virtualNode: {virtualNodeName: till}}}}
- meshName: shop
  virtualNodeName: till
  spec:
    listeners: [{portMapping: {port: 8080, protocol: http}}]
    serviceDiscovery: {awsCloudMap: {namespaceName: shop.internal, serviceName: till}}
- meshName: shop
  virtualNodeName: web
  spec:
    listeners: [{portMapping: {port: 8080, protocol: http}}]
    serviceDiscovery: {dns: {hostname: web.shop.internal}}
    backends: [{virtualService: {virtualServiceName: till.shop.svc}}]
";
    let world = World::new(&[("mesh.yaml", mesh)]);
    let told = |more: &[&str]| {
        let ran = world.run(&[&["compile", "mesh.yaml", "--out", "out"], more].concat());
        (ran.exit, ran.err)
    };
    for target in ["ecs", "compose"] {
        let (exit, err) = told(&["--target", target, "--configuration", "static"]);
        assert_eq!(exit, Exit::Found, "{err}");
        assert!(
            err.contains("error[MF0302]") && err.contains("`--configuration agent`"),
            "{err}"
        );
    }
    // A proxy that does not call it is no concern of theirs.
    assert_eq!(
        told(&["--target", "ecs", "--configuration", "static", "--node", "till"]).0,
        Exit::Fine
    );
    let (exit, err) = told(&["--target", "ecs"]);
    assert_eq!(exit, Exit::Fine);
    assert!(
        err.contains("warning[MF0302]") && err.contains("deploy `shop/stack.json`"),
        "{err}"
    );
    let (_, err) = told(&["--target", "compose"]);
    assert!(
        err.contains("warning[MF0302]") && err.contains("`serviceDiscovery.dns`"),
        "{err}"
    );
}

#[test]
fn ports_that_are_roots_are_opened_to_the_proxy_where_ecs_can() {
    let gateway = "\
- {meshName: shop, spec: {egressFilter: {type: ALLOW_ALL}}}
- {meshName: shop, virtualGatewayName: public, spec: {listeners: [{portMapping: {port: 80, protocol: http}}]}}
";
    let of_gateway = |mode: &str| {
        let text = task(|task| {
            task["networkMode"] = json!(mode);
            task["containerDefinitions"].as_array_mut().unwrap().remove(0);
            task.as_object_mut().unwrap().remove("proxyConfiguration");
            task["containerDefinitions"][0]["environment"][0]["value"] =
                json!("mesh/shop/virtualGateway/public");
            // As `describe-task-definition` has what is not set.
            task["containerDefinitions"][0]["systemControls"] = json!([]);
        });
        let world = World::new(&[("mesh.yaml", gateway), ("task.json", &text)]);
        let ran = compile(&world, &AGENT);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
        let path = world
            .path()
            .join("out/shop/virtualGateway/public/task-definition.json");
        let made: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        (container(&made, "envoy")["systemControls"].clone(), ran.err)
    };
    let open = json!([{"namespace": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    assert_eq!(of_gateway("awsvpc"), (open, String::new()));
    let (controls, err) = of_gateway("host");
    assert_eq!(controls, Value::Null);
    assert!(
        err.contains("warning[MF0914]") && err.contains("cannot listen on 80"),
        "{err}"
    );
}

#[test]
fn proxies_that_are_not_meant_yet_can_be_left_out() {
    let mesh = format!("{MESH}- {{meshName: shop, virtualNodeName: web, spec: {{}}}}\n");
    let world = World::new(&[("mesh.yaml", &mesh), ("task.json", &task(|_| {}))]);
    let ran = compile(&world, &AGENT);
    assert_eq!(ran.exit, Exit::Found);
    assert!(
        ran.err.contains("error[MF0911]") && ran.err.contains("by `--node NAME`"),
        "{}",
        ran.err
    );
    let ran = compile(&world, &[&AGENT[..], &["--node", "till"]].concat());
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
}

const TEMPLATE: &str = "\
Parameters: {Image: {Type: String}}
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: shop, Spec: {EgressFilter: {Type: ALLOW_ALL}}}}
  Till:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: till
      Spec:
        Listeners: [{PortMapping: {Port: 8080, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: till.shop.internal}}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: till
      NetworkMode: awsvpc
      TaskRoleArn: arn:aws:iam::111122223333:role/till
      ProxyConfiguration: {Type: APPMESH, ContainerName: envoy, ProxyConfigurationProperties: [{Name: AppPorts, Value: '8080'}]}
      ContainerDefinitions:
        - Name: app
          Image: !Ref Image
          PortMappings: [{ContainerPort: 8080}]
          Environment:
            - {Name: SELF, Value: !Sub 'http://${Till.VirtualNodeName}:8080/${Image}'}
            - {Name: NODE, Value: !Ref Till}
        - Name: envoy
          Image: aws-appmesh-envoy:v1
          Environment: [{Name: APPMESH_RESOURCE_ARN, Value: !Ref Till}]
Outputs:
  Node: {Value: !GetAtt Till.Arn, Export: {Name: till-node}}
";

#[test]
fn what_others_had_of_app_mesh_is_written_out_wherever_it_stands() {
    let world = World::new(&[("shop.yaml", TEMPLATE)]);
    let compile = ["compile", "shop.yaml", "--target", "ecs", "--out", "out"];
    let ran = world.run(&compile);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let role = "`Task.TaskRoleArn`: the task's role is not in the template: give it the policy";
    assert!(
        ran.err.contains(role) && ran.err.matches("warning[").count() == 1,
        "{}",
        ran.err
    );
    let text = std::fs::read_to_string(world.path().join("out/templates/shop.json")).unwrap();
    let template: Value = serde_json::from_str(&text).unwrap();
    let app = &template["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0];
    assert_eq!(
        app["Environment"][0]["Value"],
        json!({"Fn::Sub": "http://till:8080/${Image}"})
    );
    let arn = app["Environment"][1]["Value"]["Fn::Sub"].to_string();
    assert!(arn.contains(":mesh/"), "{arn}");
    // Other stacks import it, and get what they had.
    assert_eq!(template["Outputs"]["Node"]["Export"]["Name"], "till-node");
    assert!(!text.contains("\"Till\"") && !text.contains("Till."), "{text}");

    // What only App Mesh knew is asked for by its name, at its place.
    world.write(
        "shop.yaml",
        &TEMPLATE.replace(
            "Value: !Ref Till}\n        -",
            "Value: !GetAtt Till.Uid}\n        -",
        ),
    );
    let ran = world.run(&compile);
    assert_eq!(ran.exit, Exit::Found);
    for part in ["error[MF0914]", "shop.yaml:12:3", "`--attribute Till.Uid=VALUE`"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let ran = world.run(&[&compile[..], &["--attribute", "Till.Uid=a1b2"]].concat());
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
}

#[test]
fn templates_of_ones_own_name_what_is_missing_and_are_used_for_ones_own_tasks() {
    let world = World::new(&[("mesh.yaml", MESH), ("task.json", &task(|_| {}))]);
    let own = |name: &str, text: &str| {
        let _ = std::fs::remove_dir_all(world.path().join("own"));
        world.write(&format!("own/{name}"), text);
        let more = ["--configuration", "static", "--templates", "own"];
        let ran = compile(&world, &more);
        (ran.exit, ran.err)
    };
    let (exit, err) = own("ecs/entrypoint.sh.hbs", "one\ntwo {{drainSecond}}\n");
    assert_eq!(exit, Exit::Found);
    for part in [
        "ecs/entrypoint.sh.hbs:2:",
        "uses the undefined value `drainSecond`",
        "`drainSeconds`",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let (_, err) = own("ecs/entrypoint.sh.hbs", "{{json drainSecond}}");
    assert!(
        err.contains("ecs/entrypoint.sh.hbs:1:") && err.contains("uses the undefined value `drainSecond`"),
        "{err}"
    );
    let (_, err) = own("ecs/entrypoint.sh.hbs", "{{jso drainSeconds}}");
    assert!(err.contains("the unknown helper `jso`"), "{err}");
    let (exit, err) = own("ecs/entrypoint.hbs", "");
    assert_eq!(exit, Exit::Found);
    assert!(
        err.contains("`ecs/entrypoint.hbs`, which replaces no template"),
        "{err}"
    );
    let (exit, err) = own("ecs/entrypoint.sh.hbs", "exec my-start {{drainSeconds}}");
    assert_eq!((exit, err.as_str()), (Exit::Fine, ""));
    let path = world
        .path()
        .join("out/shop/virtualNode/till/task-definition.json");
    assert!(
        std::fs::read_to_string(path)
            .unwrap()
            .contains("exec my-start 20")
    );
}
