//! `meshform compile --target ecs`: what it says of task definitions, in its report, as warnings and as
//! errors.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::World;
use common::ecs::{AGENT, MESH, compile, container, refused, task};
use meshform::Exit;
use serde_json::{Value, json};

#[test]
fn what_the_api_coerces_not_is_refused_and_what_cloudformation_coerces_stays() {
    let told = refused(&AGENT, |task| {
        task["cpu"] = json!(256);
        task["containerDefinitions"][0]["memory"] = json!("256");
        task["containerDefinitions"][0]["essential"] = json!("true");
        task["containerDefinitions"][0]["portMappings"][0]["containerPort"] = json!("8080");
        task["containerDefinitions"][0]["environment"] = json!([{"name": "PORT", "value": 8080}]);
    });
    for line in [
        "/cpu: 256 is not a text",
        "/containerDefinitions/0/memory: \"256\" is not a number: it is in quotes",
        "/containerDefinitions/0/essential: \"true\" is neither true nor false",
        "/containerDefinitions/0/environment/0/value: 8080 is not a text",
        "/containerDefinitions/0/portMappings/0/containerPort: \"8080\" is not a number",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert_eq!(told.matches("containerPort").count(), 1, "told once: {told}");

    let template = "\
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: till
      NetworkMode: awsvpc
      Cpu: 256
      TaskRoleArn: arn:aws:iam::111122223333:role/till
      ContainerDefinitions:
        - {Name: app, Image: app, Memory: '256', Essential: 'true', PortMappings: [{ContainerPort: '8080'}]}
        - {Name: envoy, Image: aws-appmesh-envoy, Memory: '32', Environment: [{Name: APPMESH_RESOURCE_ARN, Value: mesh/shop/virtualNode/till}]}
      ProxyConfiguration: {Type: APPMESH, ContainerName: envoy, ProxyConfigurationProperties: [{Name: AppPorts, Value: 8080}]}
";
    let world = World::new(&[("mesh.yaml", MESH), ("task.yaml", template)]);
    let ran = world.run(&[
        "compile",
        "mesh.yaml",
        "task.yaml",
        "--target",
        "ecs",
        "--out",
        "out",
    ]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let written = std::fs::read_to_string(world.path().join("out/templates/task.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    let containers = &written["Resources"]["Task"]["Properties"]["ContainerDefinitions"];
    assert_eq!(
        (&containers[0]["Memory"], &containers[0]["Essential"]),
        (&json!("256"), &json!("true"))
    );
    // More is not reserved than there is.
    assert_eq!(containers[1].get("MemoryReservation"), None);
}

#[test]
fn a_proxy_named_in_a_secret_is_told_from_one_that_is_not_named() {
    let told = refused(&AGENT, |task| {
        let envoy = &mut task["containerDefinitions"][1];
        envoy["environment"] = json!([]);
        envoy["secrets"] = json!([{"name": "APPMESH_RESOURCE_ARN", "valueFrom": "arn:aws:ssm:eu-central-1:1:parameter/arn"}]);
    });
    assert!(
        told.contains("`APPMESH_RESOURCE_ARN` is in `secrets`") && told.contains("into `environment`"),
        "{told}"
    );
    let told = refused(&AGENT, |task| {
        task["containerDefinitions"][1]["environment"] =
            json!({"APPMESH_RESOURCE_ARN": "mesh/shop/virtualNode/till"});
    });
    assert!(told.contains("its `environment` is not a list"), "{told}");
    let told = refused(&AGENT, |task| {
        task["containerDefinitions"][1]["environment"] = json!([])
    });
    assert!(told.contains("`APPMESH_RESOURCE_ARN` is not set"), "{told}");
}

/// What a compile that goes well warns of, and its report.
fn reported(mesh: &str, change: impl FnOnce(&mut Value)) -> (String, String, Value) {
    let world = World::new(&[("mesh.yaml", mesh), ("task.json", &task(change))]);
    let ran = compile(&world, &AGENT);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let read = |path: &str| std::fs::read_to_string(world.path().join("out").join(path)).unwrap();
    let definition = read("shop/virtualNode/till/task-definition.json");
    (
        ran.err,
        read("report.md"),
        serde_json::from_str(&definition).unwrap(),
    )
}

#[test]
fn a_secret_of_app_meshs_image_goes_and_is_reported() {
    let (err, report, task) = reported(MESH, |task| {
        task["containerDefinitions"][1]["secrets"] = json!([
            {"name": "ENVOY_LOG_LEVEL", "valueFrom": "arn:aws:ssm:eu-central-1:1:parameter/level"},
            {"name": "TOKEN", "valueFrom": "arn:aws:ssm:eu-central-1:1:parameter/token"}]);
    });
    assert!(
        report.contains("**lost** `ENVOY_LOG_LEVEL`: its value is a secret"),
        "{report}"
    );
    assert!(report.contains("**kept** `TOKEN`"), "{report}");
    assert!(
        err.contains("warning[MF0582]") && err.contains("`ENVOY_LOG_LEVEL`") && err.contains("task.json:1:1"),
        "{err}"
    );
    let names = &container(&task, "envoy")["secrets"];
    assert_eq!(
        (names.as_array().unwrap().len(), &names[0]["name"]),
        (1, &json!("TOKEN"))
    );
}

#[test]
fn what_interception_cannot_leave_out_is_told_to_whom_it_is_news() {
    const LINE: &str = "**not possible** `interception`: ECS can exclude ports, addresses and the proxy's own user, but no names";
    // App Mesh could not either: nothing has changed.
    let (_, report, _) = reported(MESH, |_| {});
    assert!(!report.contains("not possible"), "{report}");

    let transparent = format!(
        "{MESH}- {{meshName: shop, proxyProfileName: till, spec: {{virtualNode: till, interception: {{transparent: {{}}}}}}}}\n"
    );
    let (_, report, _) = reported(&transparent, |task| {
        drop(task.as_object_mut().unwrap().remove("proxyConfiguration"))
    });
    assert_eq!(report.matches(LINE).count(), 1, "{report}");
    assert!(
        report.contains("`ALLOW_ALL`")
            && report.contains("**moved** `proxyConfiguration`: the proxy profile says `transparent`")
    );

    let world = World::new(&[("mesh.yaml", &transparent.replace("ALLOW_ALL", "DROP_ALL"))]);
    assert_eq!(
        world
            .run(&["compile", "mesh.yaml", "--target", "ecs", "--out", "out"])
            .exit,
        Exit::Fine
    );
    let report = std::fs::read_to_string(world.path().join("out/report.md")).unwrap();
    assert!(
        report.contains("## shop/virtualNode/till/stack.json: virtual node `till` in mesh `shop`")
            && report.contains("`DROP_ALL`"),
        "{report}"
    );
    assert_eq!(report.matches(LINE).count(), 1, "{report}");

    let explicit = transparent.replace("transparent: {}", "explicit: {}");
    let world = World::new(&[("mesh.yaml", &explicit)]);
    assert_eq!(
        world
            .run(&["compile", "mesh.yaml", "--target", "ecs", "--out", "out"])
            .exit,
        Exit::Fine
    );
    assert!(!world.path().join("out/report.md").exists());
}

#[test]
fn what_a_proxy_configuration_says_wrong_or_no_more_is_reported() {
    let property = |name: &str, value: &str| json!({"name": name, "value": value});
    let (err, report, task) = reported(MESH, |task| {
        task["proxyConfiguration"]["properties"] = json!([
            property("IgnoredUID", "1337"),
            property("AppPorts", "8080, 9090"),
            property("ProxyEgressPort", "70000"),
            property("EgressIgnoredPorts", "22,ssh"),
            property("EgressIgnoredIPs", "10.0.0.0/8,s3.amazonaws.com")
        ]);
    });
    for line in [
        "**lost** `proxyConfiguration.EgressIgnoredIPs`: `s3.amazonaws.com` is neither",
        "**lost** `proxyConfiguration.EgressIgnoredPorts`: `ssh` is not a port",
        "**lost** `proxyConfiguration.ProxyEgressPort`: `70000` is not a port",
        "**moved** `proxyConfiguration.AppPorts`: `8080,9090` becomes `8080`, the ports of the listeners",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    assert!(err.contains("MF0582"), "{err}");
    let of = |name: &str| {
        let mut all = task["proxyConfiguration"]["properties"]
            .as_array()
            .unwrap()
            .iter();
        all.find(|one| one["name"] == name)
            .map(|one| one["value"].clone())
    };
    assert_eq!(of("EgressIgnoredPorts"), Some(json!("22")));
    assert_eq!(
        of("EgressIgnoredIPs"),
        Some(json!("10.0.0.0/8,169.254.169.254,169.254.170.2"))
    );

    let explicit = format!(
        "{MESH}- {{meshName: shop, proxyProfileName: till, spec: {{virtualNode: till, interception: {{explicit: {{}}}}, inbound: {{appPorts: [{{listenerPort: 8080, appPort: 9080}}]}}}}}}\n"
    );
    let (_, report, task) = reported(&explicit, |task| {
        task["containerDefinitions"][0]["portMappings"][0]["containerPort"] = json!(9080);
    });
    assert!(
        report.contains("**dropped** `proxyConfiguration`: the proxy profile says `explicit`"),
        "{report}"
    );
    assert!(task.get("proxyConfiguration").is_none());
}

#[test]
fn variables_that_were_no_use_are_told_by_their_names() {
    let (err, report, _) = reported(MESH, |task| {
        let variables = task["containerDefinitions"][1]["environment"]
            .as_array_mut()
            .unwrap();
        variables.push(json!({"name": "ENVOY_ADMIN_ACCESS_PORT", "value": "99999"}));
        variables.push(json!({"name": "ENVOY_LOG_LEVEL", "value": "verbose"}));
    });
    for why in [
        "`ENVOY_ADMIN_ACCESS_PORT`: `99999` is not a port",
        "`ENVOY_LOG_LEVEL`: `verbose` is not a level of Envoy's log",
    ] {
        assert!(report.contains(&format!("**lost** {why}")), "{report}");
        assert!(err.contains(why), "{err}");
    }
}

#[test]
fn a_task_definition_of_which_nothing_is_made_is_told() {
    let with = |change: fn(&mut Value)| {
        let world = World::new(&[("mesh.yaml", MESH), ("task.json", &task(change))]);
        let ran = compile(&world, &["--check", "--node", "till"]);
        ran.err
    };
    let told = with(|task| {
        task["containerDefinitions"].as_array_mut().unwrap().pop();
        task.as_object_mut().unwrap().remove("proxyConfiguration");
    });
    assert!(
        told.contains("warning[MF0585]") && told.contains("task.json:1:1"),
        "{told}"
    );
    let told = with(|task| drop(task["containerDefinitions"].as_array_mut().unwrap().pop()));
    assert!(
        told.contains("error[MF0918]") && told.contains("names the container `envoy`, which is not there"),
        "{told}"
    );
    let told = with(|task| task["containerDefinitions"][1] = json!("$ENVOY_CONTAINER_JSON"));
    assert!(
        told.contains("error[MF0916]")
            && told.contains("container 1 of the task definition `till` is not an object"),
        "{told}"
    );
    let told = with(|task| {
        task["containerDefinitions"][1]["environment"][0]["value"] = json!("mesh/store/virtualNode/till");
    });
    assert!(
        told.contains("error[MF0803]") && told.contains("mesh `shop` has one of that name"),
        "{told}"
    );
}

#[test]
fn rules_of_iptables_hold_no_addresses_of_ipv6() {
    let profile = "- {meshName: shop, proxyProfileName: till, spec: {virtualNode: till, interception: {transparent: {ignoredAddresses: [10.0.0.0/8, '2001:db8::/32']}}}}\n";
    let world = World::new(&[("mesh.yaml", &format!("{MESH}{profile}"))]);
    let ran = world.run(&["compile", "mesh.yaml", "--target", "compose", "--out", "out"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let compose = std::fs::read_to_string(world.path().join("out/shop/compose.yaml")).unwrap();
    assert!(
        compose.contains("-d 10.0.0.0/8 -j RETURN") && !compose.contains("2001:db8"),
        "{compose}"
    );
}
