//! Functions that put a proxy into a task definition: known while Terraform plans, and unmoved by what is none of
//! the proxy's business.

use crate::small_mesh::split;
use crate::world::World;
use meshform_acceptance::tools;
use serde_json::{Value, json};

/// A mesh whose router sends `weight` of 100 to `b2`; the task of `a`, as `terraform_data` instead of a task
/// definition.
fn mesh(weight: u32, image: &str, interception: &str) -> String {
    let targets = [
        ("appmesh_virtual_node.b1.name", 100 - weight),
        ("appmesh_virtual_node.b2.name", weight),
    ];
    // What the node calls is not known before the apply, and not needed.
    let mesh = split("terraform_data.service.output", targets);
    format!(
        r#"{mesh}
resource "terraform_data" "service" {{
  input = "b.local"
}}

resource "appmesh_proxy_profile" "a" {{
  name      = "a"
  mesh_name = appmesh_mesh.m.name
  spec {{
    virtual_node = appmesh_virtual_node.a.name
    image        = "{image}"
    interception {{
      {interception} {{}}
    }}
  }}
}}

resource "terraform_data" "task" {{
  input = {{
    containers = provider::appmesh::ecs_sidecar(
      jsonencode([{{ name = "app", image = "app:1" }}]),
      appmesh_virtual_node.a,
      appmesh_proxy_profile.a,
    )
    proxy = provider::appmesh::ecs_proxy_configuration(appmesh_virtual_node.a, appmesh_proxy_profile.a)
    bootstrap = provider::appmesh::envoy_bootstrap(appmesh_virtual_node.a, appmesh_proxy_profile.a, "/etc/meshform")
  }}
}}
"#
    )
}

fn containers(input: &Value) -> Vec<Value> {
    serde_json::from_str(input["containers"].as_str().unwrap()).unwrap()
}

#[test]
fn a_shift_of_weights_leaves_the_task_definition_alone() {
    for terraform in tools::terraform_matrix() {
        let world = World::on(&terraform, "", &mesh(0, "envoyproxy/envoy:v1.39.0", "explicit"));
        // Known in the first plan, although the node is not there yet and what it calls is not known.
        let (_, after) = world.plan().before_and_after("terraform_data.task");
        let planned = after["input"].clone();
        let [app, envoy] = containers(&planned).try_into().unwrap();
        assert_eq!(
            app["dependsOn"],
            json!([{"containerName": "envoy", "condition": "HEALTHY"}])
        );
        assert_eq!(envoy["image"], "envoyproxy/envoy:v1.39.0");
        assert_eq!(planned["proxy"], Value::Null);
        world.apply();
        assert_eq!(world.state()["terraform_data.task"]["output"], planned);
        world.plan_is_empty();

        world.write("", &mesh(50, "envoyproxy/envoy:v1.39.0", "explicit"));
        world.plan().is(&[("appmesh_route.split", "update")]);
        world.apply();
        assert_eq!(world.state()["terraform_data.task"]["output"], planned);

        // Another way to run the proxy is another task definition.
        world.write("", &mesh(50, "envoyproxy/envoy:v1.40.0", "explicit"));
        let plan = world.plan();
        plan.is(&[
            ("appmesh_proxy_profile.a", "update"),
            ("terraform_data.task", "update"),
        ]);
        world.write("", &mesh(50, "envoyproxy/envoy:v1.40.0", "transparent"));
        world.apply();
        let output = &world.state()["terraform_data.task"]["output"];
        assert_eq!(output["proxy"]["type"], "APPMESH");
        assert_eq!(output["proxy"]["properties"]["AppPorts"], "8080");
        world.plan_is_empty();
        world.destroy();
    }
}

#[test]
fn what_cannot_be_a_task_is_refused_with_the_reason() {
    let text = mesh(0, "envoyproxy/envoy:v1.40.0", "explicit");
    let world = World::new(&text.replace(
        "jsonencode([{ name = \"app\", image = \"app:1\" }])",
        "\"no json\"",
    ));
    assert!(world.plan_fails().contains("This is not JSON"));
    world.write("", &text.replace("name = \"app\", image", "image"));
    assert!(world.plan_fails().contains("MF0916"));
    world.write("", &text.replace("interception {\n      explicit {}\n    }", ""));
    assert!(world.plan_fails().contains("MF0911"));

    // A log that the task has no place for: Envoy's own image would not take it.
    let logging = "logging {\n      access_log {\n        file {\n          path = \"/logs/access.log\"\n        }\n      }\n    }";
    let logged = text.replacen(
        "service_discovery {",
        &format!("{logging}\n    service_discovery {{"),
        1,
    );
    assert_ne!(logged, text);
    world.write("", &logged);
    let refused = world.plan_fails();
    assert!(
        refused.contains("MF0917") && refused.contains("/logs/access.log"),
        "{refused}"
    );
    let app = "jsonencode([{ name = \"app\", image = \"app:1\" }";
    let mounted =
        "{ name = \"envoy\", mountPoints = [{ sourceVolume = \"logs\", containerPath = \"/logs\" }] }";
    world.write("", &logged.replace(app, &format!("{app}, {mounted}")));
    world.plan();
    // What an image of one's own holds, nobody else knows.
    world.write("", &logged.replace("envoyproxy/envoy:v1.40.0", "shop/envoy:1"));
    world.plan();
}

#[test]
fn the_data_source_gives_containers_that_an_ecs_takes() {
    let data = |more: &str| {
        format!(
            r#"{}
data "appmesh_ecs_task_definition" "a" {{
  mesh_name    = appmesh_mesh.m.name
  virtual_node = appmesh_virtual_node.a.name
  app_container_definitions = jsonencode([{{ name = "app", image = "app:1" }}])
  {more}
  depends_on = [appmesh_proxy_profile.a, appmesh_route.split, appmesh_virtual_service.b]
}}
"#,
            mesh(0, "envoyproxy/envoy:v1.40.0", "transparent")
        )
    };
    let world = World::new(&data(""));
    world.apply();
    let found = world
        .state()
        .remove("data.appmesh_ecs_task_definition.a")
        .unwrap();
    let containers = found["container_definitions"].as_str().unwrap();
    assert!(
        !containers.contains("\"Ref\"") && !containers.contains("Fn::"),
        "{containers}"
    );
    let [app, envoy]: [Value; 2] = serde_json::from_str(containers).unwrap();
    assert_eq!((&app["name"], &app["image"]), (&json!("app"), &json!("app:1")));
    assert_eq!(envoy["environment"][0]["name"], "MESHFORM_BOOTSTRAP");
    assert_eq!(found["proxy_configuration"]["properties"]["AppPorts"], "8080");
    assert_eq!(found["unmounted_files"], json!([]));
    assert_eq!(found["task_role_policy_json"], Value::Null);

    // From a control plane: that of the profile, which has none yet.
    let by_ads = data("control_plane = true");
    world.write("", &by_ads);
    assert!(world.plan_fails().contains("control plane is known"));
    let plane = "control_plane {\n      address = \"mesh.internal\"\n      port    = 18000\n    }\n    image        =";
    world.write("", &by_ads.replace("image        =", plane));
    world.apply();
    let found = world
        .state()
        .remove("data.appmesh_ecs_task_definition.a")
        .unwrap();
    let containers = found["container_definitions"].as_str().unwrap();
    let [_, by_ads]: [Value; 2] = serde_json::from_str(containers).unwrap();
    let packed = by_ads["environment"][0]["value"].as_str().unwrap();
    assert!(packed != envoy["environment"][0]["value"].as_str().unwrap() && packed.len() < 2_000);

    // The profile as it was: a source whose resources change is read only by the apply.
    world.write("", &data(""));
    world.apply();
    // Tasks elsewhere do not reach this machine's disk.
    world.write("", &data("proxy_image = \"registry/proxy:1\""));
    assert!(world.plan_fails().contains("follow a bucket of S3"));
    world.write(
        "",
        &data("").replace(
            "jsonencode([{ name = \"app\", image = \"app:1\" }])\n  \n",
            "\"[\"\n",
        ),
    );
    assert!(world.plan_fails().contains("MF0916"));
    world.write("", &mesh(0, "envoyproxy/envoy:v1.40.0", "transparent"));
    world.destroy();
}
