//! What stands beside the compatible `spec`: a block like any other, and the policy of releases, which a mesh says in it.

use crate::small_mesh::node;
use crate::world::{World, says};
use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use serde_json::json;

const EVERY_MEMBER: &str = r#"
resource "PREFIX_mesh" "m" {
  name = "m"
  spec {
    egress_filter {
      type = "DROP_ALL"
    }
  }
  extensions {
    release_policy = "AUTO"
    egress {
      server_names = ["*.amazonaws.com", "api.example.com"]
    }
  }
}

resource "PREFIX_virtual_node" "n" {
  name      = "n"
  mesh_name = PREFIX_mesh.m.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
    listener {
      port_mapping {
        port     = 8081
        protocol = "http"
      }
    }
    service_discovery {
      dns {
        hostname = "n.local"
      }
    }
  }
  extensions {
    load_balancing = "LEAST_REQUEST"
    egress {
      server_names = ["sts.example.com"]
    }
    listener {
      port = 8081
      limits {
        max_request_headers_kb = 96
      }
    }
    listener {
      port = 8080
      limits {
        max_request_headers_count  = 200
        max_response_headers_kb    = 128
        max_response_headers_count = 150
      }
    }
  }
}

resource "PREFIX_virtual_router" "r" {
  name      = "r"
  mesh_name = PREFIX_mesh.m.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "PREFIX_route" "rt" {
  name                = "rt"
  mesh_name           = PREFIX_mesh.m.name
  virtual_router_name = PREFIX_virtual_router.r.name
  spec {
    http_route {
      match {
        prefix = "/"
      }
      action {
        weighted_target {
          virtual_node = PREFIX_virtual_node.n.name
          weight       = 1
          port         = 8080
        }
      }
    }
  }
  extensions {
    retry_back_off {
      base_interval {
        unit  = "ms"
        value = 200
      }
    }
  }
}

resource "PREFIX_virtual_gateway" "g" {
  name      = "g"
  mesh_name = PREFIX_mesh.m.name
  spec {
    listener {
      port_mapping {
        port     = 8088
        protocol = "http"
      }
    }
  }
  extensions {
    listener {
      port = 8088
      limits {
        max_request_headers_kb = 10
      }
    }
  }
}
"#;

/// Under one of the two type names.
fn every_member(prefix: &str) -> String {
    let text = EVERY_MEMBER.replace("PREFIX", prefix);
    match prefix {
        "appmesh" => text,
        // The old type names only say which provider they mean.
        _ => text.replace("\" {\n  name ", "\" {\n  provider = appmesh\n  name "),
    }
}

#[test]
fn extensions_are_a_block_like_any_other_under_both_type_names() {
    for prefix in ["appmesh", "aws_appmesh"] {
        let text = every_member(prefix);
        let world = World::new(&text);
        world.apply();
        world.plan_is_empty();
        let node = format!("{prefix}_virtual_node.n");
        let record = world.record(&ResourceKey::from_path("mesh/m/virtualNode/n").unwrap());
        assert_eq!(
            record.unwrap().body["extensions"],
            json!({
                "egress": {"serverNames": ["sts.example.com"]},
                "loadBalancing": "LEAST_REQUEST",
                "listeners": [
                    {"port": 8080, "limits": {"maxRequestHeadersCount": 200, "maxResponseHeadersKb": 128,
                        "maxResponseHeadersCount": 150}},
                    {"port": 8081, "limits": {"maxRequestHeadersKb": 96}},
                ],
            })
        );
        // One argument changes, and is all that the plan shows.
        world.write(
            "",
            &text.replace("max_request_headers_kb = 96", "max_request_headers_kb = 97"),
        );
        let plan = world.plan();
        plan.is(&[(&node, "update")]);
        assert_eq!(
            plan.differences(&node),
            ["extensions[0].listener[0].limits[0].max_request_headers_kb: 96 -> 97"]
        );
        world.apply();
        world.plan_is_empty();
        // Drift is shown where it is.
        let key = ResourceKey::from_path("mesh/m/virtualNode/n").unwrap();
        world.tamper(&key, |body| body["extensions"]["loadBalancing"] = json!("RANDOM"));
        assert_eq!(
            world.plan().differences(&node),
            ["extensions[0].load_balancing: \"RANDOM\" -> \"LEAST_REQUEST\""]
        );
        world.apply();
        world.destroy();
        assert_eq!(world.records(), []);
    }
}

#[test]
fn extensions_come_and_go_and_are_imported_with_their_resource() {
    // An import has the order of the store, which is that of the ports; blocks of other arguments cannot be reordered.
    let with = every_member("appmesh").replace("8081", "8079");
    let (head, tail) = with.split_once("  extensions {\n    load_balancing").unwrap();
    let (_, tail) = tail.split_once("\n  }\n}\n").unwrap();
    let without = format!("{head}}}\n{tail}");
    let world = World::new(&without);
    world.apply();
    world.plan_is_empty();
    let key = ResourceKey::from_path("mesh/m/virtualNode/n").unwrap();
    assert_eq!(world.record(&key).unwrap().body.get("extensions"), None);
    world.write("", &with);
    world.plan().is(&[("appmesh_virtual_node.n", "update")]);
    world.apply();
    world.plan_is_empty();
    let before = world.state();
    let ran = world.run(&["state", "rm", "appmesh_virtual_node.n"]);
    assert!(ran.ok(), "{}", ran.text);
    let ran = world.run(&["import", "-no-color", "appmesh_virtual_node.n", "m/n"]);
    assert!(ran.ok(), "{}", ran.text);
    let (a, b) = (
        &before["appmesh_virtual_node.n"],
        &world.state()["appmesh_virtual_node.n"],
    );
    assert_eq!(
        a["extensions"][0]["load_balancing"],
        b["extensions"][0]["load_balancing"]
    );
    world.plan_is_empty();
    world.write("", &without);
    world.apply();
    world.plan_is_empty();
    assert_eq!(world.record(&key).unwrap().body.get("extensions"), None);
    world.destroy();
}

#[test]
fn generated_configuration_has_the_extensions() {
    let world = World::new(&every_member("appmesh"));
    world.apply();
    let ran = world.run(&["state", "rm", "appmesh_route.rt"]);
    assert!(ran.ok(), "{}", ran.text);
    let text = every_member("appmesh");
    let kept = text.split("resource \"appmesh_route\"").next().unwrap();
    world.write(
        "",
        &format!("{kept}\nimport {{\n  to = appmesh_route.again\n  id = \"m/r/rt\"\n}}\n"),
    );
    let ran = world.run(&[
        "plan",
        "-no-color",
        "-generate-config-out=generated.tf",
        "-target=appmesh_route.again",
    ]);
    assert!(ran.ok(), "{}", ran.text);
    let text = std::fs::read_to_string(world.module().dir().join("generated.tf")).unwrap();
    says(
        &text,
        &["extensions {", "retry_back_off {", "base_interval {", "= 200"],
    );
}

#[test]
fn what_is_wrong_is_told_at_its_argument() {
    let world = World::new(&every_member("appmesh").replace("= \"LEAST_REQUEST\"", "= \"LEAST\""));
    says(
        &world.plan_fails(),
        &["MF0104", "LEAST_REQUEST", "load_balancing"],
    );
    world.write(
        "",
        &every_member("appmesh").replace("max_request_headers_kb = 96", "max_request_headers_kb = 0"),
    );
    says(&world.plan_fails(), &["MF0105", "max_request_headers_kb"]);
    world.write(
        "",
        &every_member("appmesh").replace("\"api.example.com\"", "\"*api.example.com\""),
    );
    says(&world.plan_fails(), &["MF0108"]);
}

fn by_hand(policy: &str, log: &str, release: bool) -> String {
    let release = match release {
        true => {
            "resource \"appmesh_release\" \"m\" {\n  mesh_name  = appmesh_mesh.m.name\n  depends_on = \
             [appmesh_virtual_node.n]\n}\n"
        }
        false => "",
    };
    let logging = format!("logging {{\n access_log {{\n file {{\n path = \"/logs/{log}\"\n }}\n }}\n }}\n");
    let node = node("n", &logging);
    format!(
        r#"
resource "appmesh_mesh" "m" {{
  name = "m"
  extensions {{
    release_policy = "{policy}"
  }}
}}
{node}{release}
data "appmesh_release_status" "m" {{
  mesh_name  = "m"
  depends_on = [appmesh_virtual_node.n]
}}
"#
    )
}

/// What the proxy of `n` is given: nothing, or the text of its listeners.
fn published(world: &World) -> Option<String> {
    let path = world.folder().join("published/m/virtualNode/n/current/lds.json");
    std::fs::read_to_string(path).ok()
}

#[test]
fn a_mesh_that_is_released_by_hand_waits_for_an_order() {
    for terraform in tools::terraform_matrix() {
        let world = World::on(&terraform, "", "");
        let directory = world.folder().join("published");
        let settings = format!("  publish_directory = \"{}\"", directory.display());
        let write = |policy: &str, log: &str, release: bool| {
            world.write(&settings, &by_hand(policy, log, release));
        };
        write("MANUAL", "one", false);
        says(&world.apply().flat(), &["MF0509", "meshform release --store"]);
        assert_eq!(published(&world), None);
        let status = &world.state()["data.appmesh_release_status.m"];
        assert_eq!(
            (&status["release_policy"], &status["release"]),
            (&json!("MANUAL"), &json!(null))
        );
        // Nothing changes: nothing is said.
        let plan = world.plan();
        assert!(!plan.text.contains("MF0509"), "{}", plan.text);

        // A release resource is an order.
        write("MANUAL", "one", true);
        world.apply();
        assert!(published(&world).unwrap().contains("/logs/one"));
        write("MANUAL", "two", true);
        world.apply();
        assert!(published(&world).unwrap().contains("/logs/two"));
        // Without it the next change waits again.
        write("MANUAL", "three", false);
        says(&world.plan().text, &["MF0509"]);
        world.apply();
        assert!(published(&world).unwrap().contains("/logs/two"));

        // Whole, as soon as the policy lets it.
        write("AUTO", "three", false);
        let said = world.apply().flat();
        assert!(!said.contains("MF0509"), "{said}");
        assert!(published(&world).unwrap().contains("/logs/three"));
        world.destroy();
    }
}
