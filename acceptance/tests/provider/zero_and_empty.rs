//! Null, zero and the empty block are three things: what hashicorp/aws dropped is applied, kept and plans empty.

use crate::world::{World, differences, says};
use serde_json::{Value, json};

const ZEROS: &str = r#"
resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = "m"
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
      outlier_detection {
        max_server_errors    = 1
        max_ejection_percent = 0
        interval {
          unit  = "ms"
          value = 0
        }
        base_ejection_duration {
          unit  = "s"
          value = 0
        }
      }
      timeout {
        http {
          idle {
            unit  = "s"
            value = 0
          }
          per_request {
            unit  = "ms"
            value = 0
          }
        }
      }
    }
  }
}

resource "appmesh_route" "it" {
  name                = "rt"
  mesh_name           = "m"
  virtual_router_name = "r"
  spec {
    priority = 0
    http_route {
      match {
        prefix = "/"
        header {
          name = "from-zero"
          match {
            range {
              start = 0
              end   = 5
            }
          }
        }
        header {
          name = "to-zero"
          match {
            range {
              start = -5
              end   = 0
            }
          }
        }
      }
      action {
        weighted_target {
          virtual_node = "n"
          weight       = 0
        }
      }
      retry_policy {
        max_retries       = 0
        http_retry_events = ["server-error"]
        per_retry_timeout {
          unit  = "s"
          value = 0
        }
      }
    }
  }
}
"#;

const EMPTY_BLOCKS: &str = r#"
resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = "m"
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
      timeout {
        http {}
      }
    }
    logging {}
    backend_defaults {}
  }
}

resource "appmesh_virtual_node" "policy" {
  name      = "n2"
  mesh_name = "m"
  spec {
    backend_defaults {
      client_policy {}
    }
    logging {
      access_log {
        file {
          path = "/dev/stdout"
        }
      }
    }
  }
}

resource "appmesh_virtual_service" "it" {
  name      = "s.local"
  mesh_name = "m"
  spec {}
}

resource "appmesh_route" "it" {
  name                = "rt"
  mesh_name           = "m"
  virtual_router_name = "r"
  spec {
    tcp_route {
      match {}
      timeout {}
      action {
        weighted_target {
          virtual_node = "n"
          weight       = 1
        }
      }
    }
  }
}

resource "appmesh_mesh" "it" {
  name = "m"
  spec {}
}
"#;

fn spec(world: &World, name: &str) -> Value {
    let records = world.records();
    let record = records.iter().find(|record| record.key.name == name).unwrap();
    record.body["spec"].clone()
}

#[test]
fn a_zero_is_written_kept_and_plans_empty() {
    let world = World::new(ZEROS);
    world.apply();
    world.plan_is_empty();
    let node = spec(&world, "n");
    let listener = &node["listeners"][0];
    assert_eq!(listener["outlierDetection"]["maxEjectionPercent"], 0);
    assert_eq!(
        listener["outlierDetection"]["interval"],
        json!({"unit": "ms", "value": 0})
    );
    assert_eq!(
        listener["timeout"]["http"]["idle"],
        json!({"unit": "s", "value": 0})
    );
    let route = spec(&world, "rt");
    assert_eq!(route["priority"], 0);
    let headers = &route["httpRoute"]["match"]["headers"];
    assert_eq!(headers[0]["match"]["range"], json!({"start": 0, "end": 5}));
    assert_eq!(headers[1]["match"]["range"], json!({"start": -5, "end": 0}));
    assert_eq!(route["httpRoute"]["action"]["weightedTargets"][0]["weight"], 0);
    assert_eq!(route["httpRoute"]["retryPolicy"]["maxRetries"], 0);
    // Zero and nothing are not the same.
    world.write("", &ZEROS.replace("    priority = 0\n", ""));
    let plan = world.plan();
    plan.is(&[("appmesh_route.it", "update")]);
    assert_eq!(
        plan.differences("appmesh_route.it"),
        ["spec[0].priority: 0 -> null"]
    );
    world.apply();
    assert_eq!(spec(&world, "rt").get("priority"), None);
    world.plan_is_empty();
}

#[test]
fn an_empty_block_is_kept_and_plans_empty() {
    let world = World::new(EMPTY_BLOCKS);
    world.apply();
    world.plan_is_empty();
    let node = spec(&world, "n");
    assert_eq!(node["logging"], json!({}));
    assert_eq!(node["backendDefaults"], json!({}));
    assert_eq!(node["listeners"][0]["timeout"], json!({"http": {}}));
    assert_eq!(spec(&world, "n2")["backendDefaults"], json!({"clientPolicy": {}}));
    assert_eq!(spec(&world, "rt")["tcpRoute"]["match"], json!({}));
    assert_eq!(spec(&world, "rt")["tcpRoute"]["timeout"], json!({}));
    // Taken away it goes, and only it.
    world.write("", &EMPTY_BLOCKS.replace("    logging {}\n", ""));
    let plan = world.plan();
    plan.is(&[("appmesh_virtual_node.it", "update")]);
    assert_eq!(
        plan.differences("appmesh_virtual_node.it"),
        ["spec[0].logging: [{\"access_log\":[]}] -> []"]
    );
    world.apply();
    assert_eq!(spec(&world, "n").get("logging"), None);
}

/// As modules with `dynamic` blocks leave them; hashicorp/aws sent nothing of them.
const EMPTY_CHOICES: &str = r#"
resource "appmesh_virtual_service" "it" {
  name      = "s.local"
  mesh_name = "m"
  spec {
    provider {
    }
  }
}

resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = "m"
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
      timeout {}
    }
    service_discovery {
    }
  }
}
"#;

#[test]
fn an_empty_choice_says_nothing_and_stays_in_the_state() {
    let configuration = EMPTY_CHOICES;
    let world = World::new(configuration);
    world.apply();
    world.plan_is_empty();
    assert_eq!(spec(&world, "s.local"), json!({}));
    let node = spec(&world, "n");
    assert_eq!(node.get("serviceDiscovery"), None);
    assert_eq!(node["listeners"][0].get("timeout"), None);
    let chosen = "provider {\n      virtual_node {\n        virtual_node_name = \"n\"\n      }\n";
    world.write("", &configuration.replace("provider {\n", chosen));
    let plan = world.plan();
    plan.is(&[("appmesh_virtual_service.it", "update")]);
    world.apply();
    world.plan_is_empty();
    assert_eq!(
        spec(&world, "s.local")["provider"],
        json!({"virtualNode": {"virtualNodeName": "n"}})
    );
    // And back again: the block stays, and the provider goes.
    world.write("", configuration);
    world.plan().is(&[("appmesh_virtual_service.it", "update")]);
    world.apply();
    world.plan_is_empty();
    assert_eq!(spec(&world, "s.local"), json!({}));
}

#[test]
fn a_port_that_is_taken_away_goes_away() {
    let configuration = r#"
resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = "m"
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
      health_check {
        protocol            = "http"
        port                = 9090 # there
        path                = "/"
        healthy_threshold   = 2
        unhealthy_threshold = 2
        timeout_millis      = 2000
        interval_millis     = 5000
      }
    }
  }
}

resource "appmesh_route" "it" {
  name                = "rt"
  mesh_name           = "m"
  virtual_router_name = "r"
  spec {
    http_route {
      match {
        prefix = "/"
        port   = 8080 # there
      }
      action {
        weighted_target {
          virtual_node = "n"
          weight       = 1
          port         = 8080 # there
        }
      }
    }
  }
}
"#;
    let world = World::new(configuration);
    world.apply();
    world.plan_is_empty();
    assert_eq!(spec(&world, "n")["listeners"][0]["healthCheck"]["port"], 9090);
    let without: String = configuration
        .lines()
        .filter(|line| !line.ends_with("# there"))
        .map(|line| format!("{line}\n"))
        .collect();
    world.write("", &without);
    let plan = world.plan();
    let mut found = plan.differences("appmesh_virtual_node.it");
    found.extend(plan.differences("appmesh_route.it"));
    assert_eq!(
        found,
        [
            "spec[0].listener[0].health_check[0].port: 9090 -> null",
            "spec[0].http_route[0].action[0].weighted_target[0].port: 8080 -> null",
            "spec[0].http_route[0].match[0].port: 8080 -> null",
        ]
    );
    world.apply();
    world.plan_is_empty();
    let text = format!("{}{}", spec(&world, "n"), spec(&world, "rt"));
    assert!(
        !text.contains("9090") && text.matches("8080").count() == 1,
        "{text}"
    );
}

#[test]
fn the_fields_that_hashicorp_aws_never_had_can_be_written() {
    let world = World::new(
        r#"
resource "appmesh_gateway_route" "it" {
  name                 = "gr"
  mesh_name            = "m"
  virtual_gateway_name = "g"
  spec {
    grpc_route {
      match {
        hostname {
          exact = "a.local"
        }
        metadata {
          name = "k"
          match {
            exact = "v"
          }
        }
      }
      action {
        rewrite {
          hostname {
            default_target_hostname = "DISABLED"
          }
        }
        target {
          virtual_service {
            virtual_service_name = "s.local"
          }
        }
      }
    }
  }
}

resource "appmesh_gateway_route" "method" {
  name                 = "gr2"
  mesh_name            = "m"
  virtual_gateway_name = "g"
  spec {
    http_route {
      match {
        prefix = "/"
        method = "POST"
      }
      action {
        target {
          virtual_service {
            virtual_service_name = "s.local"
          }
        }
      }
    }
  }
}

resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = "m"
  spec {
    service_discovery {
      aws_cloud_map {
        namespace_name = "local"
        service_name   = "s"
        ip_preference  = "IPv4_ONLY"
      }
    }
  }
}
"#,
    );
    world.apply();
    world.plan_is_empty();
    let grpc = &spec(&world, "gr")["grpcRoute"];
    assert_eq!(grpc["match"]["hostname"], json!({"exact": "a.local"}));
    assert_eq!(grpc["match"]["metadata"][0]["name"], "k");
    assert_eq!(
        grpc["action"]["rewrite"]["hostname"]["defaultTargetHostname"],
        "DISABLED"
    );
    assert_eq!(spec(&world, "gr2")["httpRoute"]["match"]["method"], "POST");
    assert_eq!(
        spec(&world, "n")["serviceDiscovery"]["awsCloudMap"]["ipPreference"],
        "IPv4_ONLY"
    );
}

#[test]
fn a_record_that_lost_its_listeners_elsewhere_is_shown_and_put_right() {
    let world = World::new(ZEROS);
    world.apply();
    let node = world
        .records()
        .into_iter()
        .find(|record| record.key.name == "n")
        .unwrap();
    world.tamper(&node.key, |body| body["spec"] = json!({}));
    let plan = world.plan();
    plan.is(&[("appmesh_virtual_node.it", "update")]);
    let (before, after) = plan.before_and_after("appmesh_virtual_node.it");
    let mut found = Vec::new();
    differences("", &before["spec"][0]["listener"], &json!([]), &mut found);
    assert_eq!(found, [] as [String; 0]);
    assert_eq!(after["spec"][0]["listener"].as_array().map(Vec::len), Some(1));
    world.apply();
    world.plan_is_empty();
    says(&spec(&world, "n").to_string(), &["outlierDetection"]);
}
