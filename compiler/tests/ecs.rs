//! ECS task definitions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{cfn_lint, resources};
use meshform_compiler::ecs::{self, Delivery, NeededFile, Task, Templates, codes};
use meshform_model::diag::ProblemLocation;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use serde_json::{Value as Json, json};

fn mesh() -> Mesh {
    Mesh::new(resources("apps.yaml")).unwrap()
}

fn build(
    node: &str,
    templates: &Templates,
) -> Result<ecs::Definition, Vec<meshform_model::diag::Diagnostic>> {
    let mesh = mesh();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, node);
    let task = Task {
        mesh: &mesh,
        key: &key,
        delivery: Delivery::Static(br#"{"node": {"id": "mesh/apps/virtualNode/servicea"}}"#),
        files: &[],
        workload: None,
        collector: None,
        ads: None,
    };
    ecs::build(&task, templates)
}

fn container<'j>(json: &'j Json, name: &str) -> &'j Json {
    let all = json["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
        .as_array()
        .unwrap();
    all.iter().find(|c| c["Name"] == name).unwrap()
}

#[test]
fn both_interceptions_are_clean() {
    for node in ["servicea", "serviceb"] {
        let definition = build(node, &Templates::default()).unwrap();
        assert_eq!(cfn_lint(&definition.json), [""; 0]);
        assert_eq!(definition.warnings, []);
        let service = &definition.json["Resources"]["CloudMapService"]["Properties"];
        assert_eq!(service["Name"], node);
        insta::assert_snapshot!(node, format!("{:#}", definition.json));
    }
}

#[test]
fn cfn_lint_would_tell() {
    let mut json = build("servicea", &Templates::default()).unwrap().json;
    json["Resources"]["TaskDefinition"]["Properties"]["Nonsense"] = true.into();
    let told = cfn_lint(&json);
    assert!(told.iter().any(|line| line.starts_with("E3002")), "{told:?}");
}

#[test]
fn the_application_waits_for_the_proxy_and_the_proxy_outlives_it() {
    let json = build("serviceb", &Templates::default()).unwrap().json;
    let app = container(&json, "app");
    assert_eq!(app["DependsOn"][0]["Condition"], "HEALTHY");
    let envoy = container(&json, "envoy");
    assert_eq!(envoy["Essential"], true);
    assert_eq!(
        envoy["StopTimeout"], 40,
        "longer than the application has by ECS's default"
    );
    let proxy = &json["Resources"]["TaskDefinition"]["Properties"]["ProxyConfiguration"];
    assert_eq!(proxy["ContainerName"], "envoy");
    assert_eq!(envoy["User"], "1337");
}

#[test]
fn interception_has_to_be_chosen() {
    let problems = build("servicebv2", &Templates::default()).unwrap_err();
    assert_eq!(problems[0].code, codes::NO_INTERCEPTION);
    insta::assert_snapshot!(problems[0].to_string());
}

#[test]
fn a_template_of_the_users_own_is_held_to_the_same_rules() {
    let name = "ecs/task-definition.json.hbs";
    let problem = |text: &str| {
        let problems = build("servicea", &Templates::default().with(name, text)).unwrap_err();
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let told = [
        problem("{{#if}}"),
        problem("{{nothing.of.that}}"),
        problem("{ \"Resources\": { \"T\": {{family}} } }"),
        problem("{}"),
        problem(
            r#"{"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [
                {"Name": "a b", "Image": "x"}, {"Name": "e", "Image": 7, "Essential": "yes"}]}}}}"#,
        ),
        problem(
            r#"{"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
                "ProxyConfiguration": {"ContainerName": "envoy"}, "ContainerDefinitions": [
                {"Name": "a", "Image": "x", "Essential": false, "Environment": [{"Name": "A", "Value": ""},
                 {"Name": "A", "Value": "1"}], "DependsOn": [{"ContainerName": "b", "Condition": "HEALTHY"}]},
                {"Name": "a", "Image": "x", "Essential": false}]}}}}"#,
        ),
    ];
    insta::assert_snapshot!(told.join("\n---\n"));
}

#[test]
fn a_value_cannot_leave_its_place_in_the_template() {
    let mut all = resources("apps.yaml");
    for resource in &mut all {
        if resource.key.name == "servicea"
            && let meshform_model::spec::Spec::ProxyProfile(profile) = &mut resource.spec
        {
            profile.image = Some("x\", \"Privileged\": true, \"y\": \"{{json mesh}}".to_owned());
        }
    }
    let mesh = Mesh::new(all).unwrap();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicea");
    let task = Task {
        mesh: &mesh,
        key: &key,
        delivery: Delivery::Static(b"{}"),
        files: &[],
        workload: None,
        collector: None,
        ads: None,
    };
    let json = ecs::build(&task, &Templates::default()).unwrap().json;
    let envoy = container(&json, "envoy");
    assert!(envoy.get("Privileged").is_none());
    assert!(envoy["Image"].as_str().unwrap().contains("{{json mesh}}"));
}

/// The containers of somebody's task with the proxy of a node beside them.
fn beside(node: &str, containers: &Json) -> Result<Json, Vec<meshform_model::diag::Diagnostic>> {
    let mesh = mesh();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, node);
    let task = Task {
        mesh: &mesh,
        key: &key,
        delivery: Delivery::Volume {
            bootstrap: b"{}",
            directory: "/etc/meshform",
        },
        files: &[],
        workload: None,
        collector: None,
        ads: None,
    };
    ecs::sidecar(&task, containers).map(|made| made.containers)
}

fn somebodys() -> Json {
    json!([
        {"name": "init", "image": "init:1", "essential": false},
        {"name": "app", "image": "app:7", "cpu": 64, "portMappings": [{"containerPort": 8080}],
         "environment": [{"name": "STAGE", "value": "prod"}, {"name": "HTTP_PROXY", "value": "http://own:1"}],
         "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}], "dockerLabels": {"Team": "Shop"}},
        {"name": "envoy", "image": "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29", "user": "1",
         "environment": [{"name": "APPMESH_RESOURCE_ARN", "value": "arn"}, {"name": "MESHFORM_BOOTSTRAP", "value": "old"}],
         "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}, "memory": 99,
         "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}]},
    ])
}

/// What Terraform's data source and functions put the proxy beside shares its network too.
#[test]
fn containers_with_a_port_of_the_proxy_are_refused() {
    let app = json!([{"name": "app", "image": "app:7", "portMappings": [{"containerPort": 9901}]}]);
    let problems = beside("servicea", &app).unwrap_err();
    assert!(
        problems.iter().any(|problem| problem.code == ecs::codes::PORT
            && problem.message
                == "the container `app` has the port 9901, which is the proxy's admin interface"),
        "{problems:?}"
    );
}

#[test]
fn the_proxy_is_put_beside_what_somebody_has_and_that_is_kept() {
    for node in ["servicea", "serviceb"] {
        let once = beside(node, &somebodys()).unwrap();
        let all = once.as_array().unwrap();
        let names: Vec<&str> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["init", "app", "envoy"]);
        // The proxy waits for it, so it cannot wait for the proxy.
        assert_eq!((all[0].get("dependsOn"), all[0].get("environment")), (None, None));
        let [_, app, envoy] = all.as_slice() else {
            unreachable!()
        };
        assert_eq!(app["cpu"], 64);
        assert_eq!(app["dockerLabels"], json!({"Team": "Shop"}));
        assert_eq!(
            app["dependsOn"],
            json!([{"containerName": "init", "condition": "SUCCESS"}, {"containerName": "envoy", "condition": "HEALTHY"}])
        );
        assert!(
            app["environment"]
                .as_array()
                .unwrap()
                .contains(&json!({"name": "HTTP_PROXY", "value": "http://own:1"}))
        );
        assert_eq!(
            (&envoy["memory"], &envoy["logConfiguration"]["logDriver"]),
            (&json!(99), &json!("awslogs"))
        );
        assert_ne!(envoy["image"], somebodys()[2]["image"]);
        let variables: Vec<&str> = envoy["environment"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(variables, ["APPMESH_RESOURCE_ARN", "MESHFORM_BOOTSTRAP"]);
        assert!(!envoy.to_string().contains("\"old\""));
        assert_eq!(envoy["mountPoints"][0]["sourceVolume"], ecs::VOLUME);
        // Applied again it changes nothing.
        assert_eq!(beside(node, &once).unwrap(), once);
        insta::assert_snapshot!(format!("beside_{node}"), format!("{once:#}"));
    }
}

#[test]
fn containers_that_are_none_are_refused() {
    for wrong in [
        json!({}),
        json!([1]),
        json!([{"image": "x"}]),
        json!([{"name": "a"}, {"name": "a"}]),
    ] {
        let problems = beside("servicea", &wrong).unwrap_err();
        assert_eq!(problems[0].code, codes::CONTAINERS, "{wrong}");
    }
    assert_eq!(
        beside("servicebv2", &json!([])).unwrap_err()[0].code,
        codes::NO_INTERCEPTION
    );
}

#[test]
fn the_proxy_configuration_is_for_transparent_interception_alone() {
    let mesh = mesh();
    let configured = |node: &str| {
        let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, node);
        let task = Task {
            mesh: &mesh,
            key: &key,
            delivery: Delivery::Static(b"{}"),
            files: &[],
            workload: None,
            collector: None,
            ads: None,
        };
        ecs::sidecar(&task, &json!([])).unwrap().proxy_configuration
    };
    let found: Vec<_> = ["servicea", "serviceb"]
        .into_iter()
        .filter_map(configured)
        .collect();
    let [made] = found.as_slice() else {
        unreachable!("{found:?}")
    };
    assert_eq!(
        (made.kind.as_str(), made.container.as_str()),
        ("APPMESH", "envoy")
    );
    assert_eq!(made.properties["ProxyEgressPort"], "15001");
    assert_eq!(made.properties["AppPorts"], "8080");
}

/// A file that a configuration names.
fn file(path: &str, written: bool) -> NeededFile {
    NeededFile {
        path: path.to_owned(),
        what: if written { "log file" } else { "certificate file" },
        written,
        place: ProblemLocation::default(),
    }
}

#[test]
fn a_file_that_nothing_mounts_is_told() {
    let mesh = mesh();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "serviceb");
    let told = |files: &[NeededFile], envoy: Json| {
        let task = Task {
            mesh: &mesh,
            key: &key,
            delivery: Delivery::Static(b"{}"),
            files,
            workload: None,
            collector: None,
            ads: None,
        };
        let (problems, containers) = match ecs::sidecar(&task, &json!([envoy])) {
            Ok(made) => (made.warnings, made.containers),
            Err(problems) => (problems, json!([])),
        };
        // Envoy's own image holds no file of a user's: such a task would not run.
        assert!(problems.iter().all(meshform_model::diag::Diagnostic::is_error));
        let all = problems.iter().map(|w| (w.code, w.message.clone()));
        (
            all.collect::<Vec<_>>(),
            containers[0]["readonlyRootFilesystem"].clone(),
        )
    };
    let files = [
        file("/certs/tls.crt", false),
        file("/certs/tls.key", false),
        file("/certsother/ca.pem", false),
        file("/dev/stdout", true),
        file("/certs/tls.crt", false),
    ];
    let (all, _) = told(&files, json!({"name": "envoy"}));
    let missing = |what: &str| {
        (
            codes::NOT_MOUNTED,
            format!("no volume mounts the certificate file `{what}` into the proxy's container"),
        )
    };
    assert_eq!(
        all,
        ["/certs/tls.crt", "/certs/tls.key", "/certsother/ca.pem"].map(missing)
    );
    let (_, read_only) = told(&[file("/dev/stdout", true)], json!({"name": "envoy"}));
    assert_eq!(read_only, true);
    let (all, _) = told(
        &files,
        json!({"name": "envoy", "mountPoints": [{"sourceVolume": "efs", "containerPath": "/certs"}]}),
    );
    assert_eq!(all, [missing("/certsother/ca.pem")]);
    // Everybody may write to /tmp of an image, unless its root is read-only.
    let logs = [file("/tmp/access.log", true)];
    assert_eq!(told(&logs, json!({"name": "envoy"})), (vec![], Json::Null));
    let (all, _) = told(&logs, json!({"name": "envoy", "readonlyRootFilesystem": true}));
    assert_eq!(all.len(), 1);

    // The template's own output is held to it too, whoever wrote it.
    let task = Task {
        mesh: &mesh,
        key: &key,
        delivery: Delivery::Static(b"{}"),
        files: &files,
        workload: None,
        collector: None,
        ads: None,
    };
    let text = r#"{"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [
        {"Name": "envoy", "Image": "x", "MountPoints": [{"SourceVolume": "v", "ContainerPath": "/certs/"}]}]}}}}"#;
    let own = Templates::default().with("ecs/task-definition.json.hbs", text);
    assert_eq!(ecs::build(&task, &Templates::default()).unwrap_err().len(), 3);
    // Of an image of the user's own nobody knows what it holds.
    assert_eq!(ecs::build(&task, &own).unwrap().warnings.len(), 1);
}

#[test]
fn with_the_agent_a_changed_mesh_is_no_changed_task() {
    let mesh = mesh();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicea");
    let (image, store) = (ecs::image(), ecs::store());
    let task = Task {
        mesh: &mesh,
        key: &key,
        delivery: Delivery::Agent {
            image: &image,
            store: &store,
        },
        files: &[],
        workload: None,
        collector: None,
        ads: None,
    };
    let definition = ecs::build(&task, &Templates::default()).unwrap();
    assert_eq!(cfn_lint(&definition.json), [""; 0]);
    let resources = &definition.json["Resources"];
    let policy = &resources["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let allowed = policy.to_string();
    assert!(
        allowed.contains("${MeshformStore}/m/apps/proxies/virtualNode/servicea/*"),
        "{allowed}"
    );
    assert!(!allowed.contains("serviceb"), "{allowed}");
    let (image, store) = (json!("registry/meshform-envoy:1"), json!("s3://bucket/apps"));
    let task = Task {
        delivery: Delivery::Agent {
            image: &image,
            store: &store,
        },
        ..task
    };
    let made = ecs::sidecar(&task, &json!([])).unwrap();
    assert_eq!(made.volumes, [ecs::VOLUME]);
    insta::assert_snapshot!("agent", format!("{:#}", made.containers));
}

#[test]
fn terraform_is_told_of_numbers_that_are_texts() {
    let mesh = mesh();
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicea");
    let task = Task::new(&mesh, &key, Delivery::Static(b"{}"));
    let problems = |containers: Json| ecs::sidecar(&task, &containers).err().unwrap_or_default();
    let right = json!([{"name": "app", "image": "a", "memory": 256, "environment": [{"name": "PORT", "value": "80"}]}]);
    assert_eq!(problems(right), []);
    let wrong = json!([{"name": "app", "image": "a", "memory": "256", "environment": [{"name": "PORT", "value": 80}]}]);
    let told = problems(wrong);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0]
            .to_string()
            .contains("/0/environment/0/value: 80 is not a text"),
        "{}",
        told[0]
    );
    assert!(
        told[1].to_string().contains("/0/memory: \"256\" is not a number")
            && told[1].to_string().contains("tonumber"),
        "{}",
        told[1]
    );
}

#[test]
fn a_node_behind_a_load_balancer_is_in_its_target_group_and_not_in_cloud_map() {
    use meshform_model::spec::{DnsResponseType, ServiceDiscovery, Spec};
    let built = |node: &str, hostname: &str, response_type: Option<DnsResponseType>| {
        let mut all = resources("apps.yaml");
        for resource in &mut all {
            if resource.key.name == node
                && let Spec::VirtualNode(spec) = &mut resource.spec
                && let Some(ServiceDiscovery::Dns(dns)) = &mut spec.service_discovery
            {
                dns.hostname = hostname.to_owned();
                dns.response_type = response_type;
            }
        }
        let mesh = Mesh::new(all).unwrap();
        let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, node);
        let task = Task {
            mesh: &mesh,
            key: &key,
            delivery: Delivery::Static(b"{}"),
            files: &[],
            workload: None,
            collector: None,
            ads: None,
        };
        ecs::build(&task, &Templates::default()).unwrap().json
    };
    for name in [
        "lb-1.eu-west-1.elb.amazonaws.com.",
        "LB-1.elb.eu-west-1.AMAZONAWS.com",
        "lb.elb.cn-north-1.amazonaws.com.cn",
        "a1.awsglobalaccelerator.com",
    ] {
        let json = built("servicea", name, None);
        assert_eq!(json["Resources"].get("CloudMapService"), None, "{name}");
        assert_eq!(json["Parameters"].get("Namespace"), None, "{name}");
        assert_eq!(
            json["Parameters"]["TargetGroup"].get("Default"),
            None,
            "it has to be said"
        );
    }
    let said = Some(DnsResponseType::Loadbalancer);
    for (node, container_name) in [("servicea", "envoy"), ("serviceb", "app")] {
        let json = built(node, "front.apps.local", said);
        assert_eq!(cfn_lint(&json), [""; 0]);
        let service = &json["Resources"]["Service"]["Properties"];
        let balanced = &service["LoadBalancers"]["Fn::If"][1][0];
        assert_eq!(balanced["ContainerName"], container_name);
        let mappings = container(&json, container_name)["PortMappings"]
            .as_array()
            .unwrap();
        assert!(
            mappings
                .iter()
                .any(|one| one["ContainerPort"] == balanced["ContainerPort"]),
            "{mappings:?}"
        );
        assert_eq!(service.get("ServiceRegistries"), None);
    }
    let address = built("servicea", "10.0.0.1", None);
    assert_eq!(
        address["Parameters"].get("Namespace"),
        None,
        "an address has no name"
    );
    let own = built("servicea", "xamazonaws.com", None);
    assert!(own["Resources"].get("CloudMapService").is_some());
}
