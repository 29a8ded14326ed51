//! What hashicorp/aws 5.100 gets wrong and its users meet, each shown gone.
//!
//! | there | shown here by |
//! | --- | --- |
//! | zeros of ranges, ejection, durations and priority are dropped | [`crate::zero_and_empty`], `a_zero_is_written_kept_and_plans_empty` |
//! | empty blocks differ for ever | [`crate::zero_and_empty`], `an_empty_block_is_kept_and_plans_empty`; [`crate::arguments`] |
//! | ports stay although they are taken away | [`crate::zero_and_empty`], `a_port_that_is_taken_away_goes_away` |
//! | arguments that the API has are missing; `service_name` is required | [`crate::zero_and_empty`], `the_fields_that_hashicorp_aws_never_had_can_be_written` |
//! | unions and limits are not checked; second blocks are dropped | [`crate::constraints`] |
//! | a set element that changes reads as two | [`crate::order`] |
//! | a virtual gateway cannot be looked up by owner | [`crate::lookups`] |
//! | a canary cannot leave in one apply | [`crate::releases`] with traffic, and here |
//! | a renamed argument replaces more than it must | [`crate::arguments`] |
//! | the rest | this module |

use crate::world::{World, says};
use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use serde_json::json;

fn key(path: &str) -> ResourceKey {
    ResourceKey::from_path(path).unwrap()
}

#[test]
fn the_dead_prefix_of_a_grpc_route_says_that_it_is_dead_and_plans_empty() {
    let route = r#"
resource "appmesh_route" "it" {
  name                = "rt"
  mesh_name           = "m"
  virtual_router_name = "r"
  spec {
    grpc_route {
      match {
        prefix       = "/dead"
        service_name = "a.B"
      }
      action {
        weighted_target {
          virtual_node = "n"
          weight       = 1
        }
      }
    }
  }
}
"#;
    let world = World::new(route);
    says(
        &world.plan().text,
        &[
            "Attribute is deprecated",
            "prefix = \"/dead\"",
            "`prefix` never had an effect on gRPC routes",
        ],
    );
    world.apply();
    world.plan_is_empty();
    // Taken out as advised, and nothing else is.
    world.write("", &route.replace("        prefix       = \"/dead\"\n", ""));
    let plan = world.plan();
    assert_eq!(
        plan.differences("appmesh_route.it"),
        ["spec[0].grpc_route[0].match[0].prefix: \"/dead\" -> null"]
    );
    world.apply();
    world.plan_is_empty();
    let record = world.record(&key("mesh/m/virtualRouter/r/route/rt")).unwrap();
    assert_eq!(
        record.body["spec"]["grpcRoute"]["match"],
        json!({"serviceName": "a.B"})
    );
}

#[test]
fn an_empty_backend_is_told_and_more_than_fifty_are_taken() {
    let node = |backends: &str| {
        format!(
            "resource \"appmesh_virtual_node\" \"it\" {{\n  name = \"n\"\n  mesh_name = \"m\"\n  spec {{\n{backends}\n  }}\n}}\n"
        )
    };
    let world = World::new(&node("    backend {}"));
    says(
        &world.plan_fails(),
        &["Insufficient virtual_service blocks", "backend {}"],
    );
    let many = |count: usize| {
        node(&format!(
            "    dynamic \"backend\" {{\n      for_each = range({count})\n      content {{\n        virtual_service {{\n          \
             virtual_service_name = \"s${{backend.value}}.local\"\n        }}\n      }}\n    }}"
        ))
    };
    world.write("", &many(60));
    world.apply();
    world.plan_is_empty();
    let backends = |world: &World| {
        let record = world.record(&key("mesh/m/virtualNode/n")).unwrap();
        record.body["spec"]["backends"].as_array().unwrap().len()
    };
    assert_eq!(backends(&world), 60);
    world.write("", &many(61));
    let plan = world.plan();
    plan.is(&[("appmesh_virtual_node.it", "update")]);
    assert_eq!(
        plan.differences("appmesh_virtual_node.it").len(),
        1,
        "{}",
        plan.text
    );
    world.apply();
    assert_eq!(backends(&world), 61);
}

/// A router with these listeners, and routes that match their ports where there are several.
fn router(ports: &[u16]) -> String {
    let listeners: String = ports
        .iter()
        .map(|port| format!("    listener {{\n      port_mapping {{\n        port = {port}\n        protocol = \"http\"\n      }}\n    }}\n"))
        .collect();
    let routes: String = ports
        .iter()
        .map(|port| {
            let matched = if ports.len() > 1 {
                format!("        port = {port}\n")
            } else {
                String::new()
            };
            format!(
                r#"
resource "appmesh_route" "p{port}" {{
  name                = "p{port}"
  mesh_name           = appmesh_mesh.it.name
  virtual_router_name = appmesh_virtual_router.it.name
  spec {{
    http_route {{
      match {{
        prefix = "/"
{matched}      }}
      action {{
        weighted_target {{
          virtual_node = appmesh_virtual_node.it.name
          weight       = 1
{matched}        }}
      }}
    }}
  }}
}}
"#
            )
        })
        .collect();
    let discovery = "    service_discovery {\n      dns {\n        hostname = \"n.local\"\n      }\n    }\n";
    format!(
        "resource \"appmesh_mesh\" \"it\" {{\n  name = \"m\"\n}}\n\
         resource \"appmesh_virtual_node\" \"it\" {{\n  name = \"n\"\n  mesh_name = appmesh_mesh.it.name\n  spec {{\n{listeners}{discovery}  }}\n}}\n\
         resource \"appmesh_virtual_router\" \"it\" {{\n  name = \"r\"\n  mesh_name = appmesh_mesh.it.name\n  spec {{\n{listeners}  }}\n}}\n\
         {routes}\nresource \"appmesh_release\" \"it\" {{\n  mesh_name = appmesh_mesh.it.name\n  depends_on = [{}]\n}}\n",
        ports
            .iter()
            .map(|port| format!("appmesh_route.p{port}"))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

#[test]
fn a_second_listener_and_the_ports_of_routes_come_and_go_in_one_apply() {
    let world = World::new(&router(&[8080]));
    world.apply();
    for ports in [vec![8080, 8081], vec![8080]] {
        world.write("", &router(&ports));
        let said = world.apply().flat();
        assert!(!said.contains("mesh is not valid"), "{said}");
        world.plan_is_empty();
        let record = world.record(&key("mesh/m/virtualRouter/r")).unwrap();
        assert_eq!(
            record.body["spec"]["listeners"].as_array().unwrap().len(),
            ports.len()
        );
    }
    world.destroy();
}

#[test]
fn a_node_leaves_together_with_the_target_that_names_it() {
    // By a literal name, so that Terraform deletes the node first.
    let with = |nodes: &[&str]| {
        let targets: String = nodes
            .iter()
            .map(|name| format!("        weighted_target {{\n          virtual_node = \"{name}\"\n          weight = 1\n        }}\n"))
            .collect();
        let nodes: String = nodes
            .iter()
            .map(|name| format!("resource \"appmesh_virtual_node\" \"{name}\" {{\n  name = \"{name}\"\n  mesh_name = \"m\"\n  spec {{}}\n}}\n"))
            .collect();
        format!(
            "{nodes}resource \"appmesh_route\" \"it\" {{\n  name = \"rt\"\n  mesh_name = \"m\"\n  virtual_router_name = \"r\"\n  spec {{\n    \
             tcp_route {{\n      action {{\n{targets}      }}\n    }}\n  }}\n}}\n"
        )
    };
    let world = World::new(&with(&["n", "canary"]));
    world.apply();
    world.write("", &with(&["n"]));
    says(&world.apply().flat(), &["0 added, 1 changed, 1 destroyed"]);
    world.plan_is_empty();
    assert_eq!(world.record(&key("mesh/m/virtualNode/canary")), None);
}

#[test]
fn a_resource_of_another_accounts_mesh_is_imported() {
    let node = "resource \"appmesh_virtual_node\" \"it\" {\n  name = \"n\"\n  mesh_name = \"m\"\n  mesh_owner = \"999999999999\"\n  spec {}\n}\n";
    for terraform in tools::terraform_matrix() {
        let world = World::on(&terraform, "", node);
        world.apply();
        world.plan_is_empty();
        let other = world.neighbour_on(&terraform, "terraform", node);
        let ran = other.run(&["import", "-no-color", "appmesh_virtual_node.it", "m/n"]);
        assert!(ran.ok(), "{}", ran.text);
        assert_eq!(other.state(), world.state());
        assert_eq!(
            other.state()["appmesh_virtual_node.it"]["mesh_owner"],
            "999999999999"
        );
        other.plan_is_empty();
    }
}

#[test]
fn what_was_emptied_elsewhere_is_shown_and_put_right() {
    let world = World::new(&router(&[8080, 8081]));
    world.apply();
    let emptied = [
        "mesh/m/virtualRouter/r",
        "mesh/m/virtualNode/n",
        "mesh/m/virtualRouter/r/route/p8080",
    ];
    for path in emptied {
        world.tamper(&key(path), |body| body["spec"] = json!({}));
    }
    let ran = world.run(&["apply", "-refresh-only", "-auto-approve", "-no-color"]);
    assert!(ran.ok(), "{}", ran.text);
    let changes = world.plan().changes();
    for address in [
        "appmesh_virtual_router.it",
        "appmesh_virtual_node.it",
        "appmesh_route.p8080",
    ] {
        assert_eq!(changes[address], "update");
    }
    world.apply();
    world.plan_is_empty();
    for path in emptied {
        assert_ne!(
            world.record(&key(path)).unwrap().body["spec"],
            json!({}),
            "{path}"
        );
    }
}
