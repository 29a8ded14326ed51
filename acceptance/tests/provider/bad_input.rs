//! What is wrong in the configuration is refused at the attribute that is wrong, with the rule and the value, before
//! anything is written.

use crate::world::{World, no_panic};
use std::fmt::Write as _;

/// A wrong resource, what Terraform must say of it, and the line that it must point at.
struct Wrong {
    what: &'static str,
    kind: &'static str,
    /// The resource's body. The line to be pointed at ends in `# here`.
    body: &'static str,
    says: &'static [&'static str],
}

const ROUTE: &str = "route";
const NODE: &str = "virtual_node";

#[rustfmt::skip]
const WRONG: &[Wrong] = &[
    Wrong { what: "a weight of 101", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 101 # here
              }
            }
          }
        }"#, says: &["MF0105", "101", "100"] },
    Wrong { what: "a negative priority", kind: ROUTE, body: r#"
        spec {
          priority = -1 # here
          tcp_route {
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["MF0105", "-1"] },
    Wrong { what: "half a retry", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
            retry_policy {
              max_retries       = 1.5 # here
              http_retry_events = ["server-error"]
              per_retry_timeout {
                unit  = "s"
                value = 1
              }
            }
          }
        }"#, says: &["MF0106", "1.5"] },
    Wrong { what: "a choice with a slip", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
              method = "GTE" # here
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["MF0104", "GTE", "GET"] },
    Wrong { what: "two types of route", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
          tcp_route {
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["MF0113", "http_route", "tcp_route"] },
    Wrong { what: "no type of route", kind: ROUTE, body: r#"
        spec {
          priority = 1
        }"#, says: &["MF0112"] },
    Wrong { what: "a prefix and a path", kind: ROUTE, body: r#"
        spec {
          http_route {
            match { # here
              prefix = "/"
              path {
                exact = "/a"
              }
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["MF0113", "prefix", "path"] },
    Wrong { what: "a path that is both", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              path { # here
                exact = "/a"
                regex = "/b"
              }
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["MF0113", "exact", "regex"] },
    Wrong { what: "a header matched twice", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
              header {
                name = "x"
                match { # here
                  exact  = "a"
                  prefix = "b"
                }
              }
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["MF0111"] },
    Wrong { what: "eleven targets", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
            }
            action {
              dynamic "weighted_target" {
                for_each = range(11)
                content {
                  virtual_node = "n${weighted_target.value}"
                  weight       = 1
                }
              }
            }
          }
        }"#, says: &["weighted_target", "10"] },
    Wrong { what: "a missing required block", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
            }
          }
        }"#, says: &["action"] },
    Wrong { what: "a missing required attribute", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefix = "/"
            }
            action {
              weighted_target {
                virtual_node = "n"
              }
            }
          }
        }"#, says: &["weight", "required"] },
    Wrong { what: "an unknown attribute", kind: ROUTE, body: r#"
        spec {
          http_route {
            match {
              prefx = "/" # here
            }
            action {
              weighted_target {
                virtual_node = "n"
                weight       = 1
              }
            }
          }
        }"#, says: &["prefx", "prefix"] },
    Wrong { what: "an unknown block", kind: NODE, body: r#"
        spec {
          listeners { # here
          }
        }"#, says: &["listeners", "listener"] },
    Wrong { what: "a port beyond the last", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = 65536 # here
              protocol = "http"
            }
          }
        }"#, says: &["MF0105", "65536", "65535"] },
    Wrong { what: "an unknown protocol", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = 80
              protocol = "htp" # here
            }
          }
        }"#, says: &["MF0104", "htp", "http"] },
    Wrong { what: "two sources of trust", kind: NODE, body: r#"
        spec {
          backend_defaults {
            client_policy {
              tls {
                validation {
                  trust { # here
                    file {
                      certificate_chain = "/a"
                    }
                    sds {
                      secret_name = "b"
                    }
                  }
                }
              }
            }
          }
        }"#, says: &["MF0111", "file", "sds"] },
    Wrong { what: "two connection pools", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = 80
              protocol = "http"
            }
            connection_pool { # here
              http {
                max_connections = 1
              }
              tcp {
                max_connections = 1
              }
            }
          }
        }"#, says: &["MF0111", "http", "tcp"] },
    Wrong { what: "the second pool of one kind", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = 80
              protocol = "http"
            }
            connection_pool {
              http {
                max_connections = 1
              }
              http {
                max_connections = 2
              }
            }
          }
        }"#, says: &["http"] },
    Wrong { what: "a percentage above all", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = 80
              protocol = "http"
            }
            outlier_detection {
              max_server_errors    = 1
              max_ejection_percent = 101 # here
              interval {
                unit  = "s"
                value = 1
              }
              base_ejection_duration {
                unit  = "s"
                value = 1
              }
            }
          }
        }"#, says: &["MF0105", "101", "max_ejection_percent"] },
    Wrong { what: "a text where a number is", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = "many" # here
              protocol = "http"
            }
          }
        }"#, says: &["number"] },
    Wrong { what: "a duration without end", kind: NODE, body: r#"
        spec {
          listener {
            port_mapping {
              port     = 80
              protocol = "tcp"
            }
            timeout {
              tcp {
                idle {
                  unit  = "days" # here
                  value = 1
                }
              }
            }
          }
        }"#, says: &["MF0104", "days", "ms"] },
    Wrong { what: "two listeners of a gateway's TLS certificate", kind: "virtual_gateway", body: r#"
        spec {
          listener {
            port_mapping {
              port     = 80
              protocol = "http"
            }
            tls {
              mode = "STRICT"
              certificate { # here
                acm {
                  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/a"
                }
                sds {
                  secret_name = "b"
                }
              }
            }
          }
        }"#, says: &["MF0111", "acm", "sds"] },
    Wrong { what: "an egress filter of its own", kind: "mesh", body: r#"
        spec {
          egress_filter {
            type = "ALLOW_SOME" # here
          }
        }"#, says: &["MF0104", "ALLOW_SOME", "ALLOW_ALL", "DROP_ALL"] },
];

#[test]
fn each_constraint_is_refused_at_its_attribute_with_rule_and_value() {
    let world = World::new("");
    let mut failures = String::new();
    for (number, wrong) in WRONG.iter().enumerate() {
        let name = if wrong.kind == "virtual_service" {
            "s.local"
        } else {
            "wrong"
        };
        let mut head = format!(
            "resource \"appmesh_{}\" \"wrong\" {{\n  name = \"{name}\"\n",
            wrong.kind
        );
        if wrong.kind != "mesh" {
            head.push_str("  mesh_name = \"m\"\n");
        }
        if wrong.kind == ROUTE {
            head.push_str("  virtual_router_name = \"r\"\n");
        }
        world.write("", &format!("{head}{}\n}}\n", wrong.body));
        let ran = world.run(&["validate", "-no-color"]);
        no_panic(&ran.text);
        let said = ran.flat();
        let mut complain = |what: String| {
            let _ = writeln!(failures, "--- {number}, {}: {what}\n{}", wrong.what, ran.text);
        };
        if ran.ok() {
            complain("was accepted".to_owned());
            continue;
        }
        let marked = wrong.body.lines().find_map(|line| line.strip_suffix(" # here"));
        let marked = marked.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        if let Some(line) = marked
            && !said.contains(&format!(": {line}"))
        {
            complain(format!("does not point at `{line}`"));
        }
        for word in wrong.says {
            if !said.contains(word) {
                complain(format!("does not say {word}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_name_with_a_slash_is_refused_at_the_name() {
    let world = World::new("resource \"appmesh_mesh\" \"it\" {\n  name = \"a/b\"\n}\n");
    let said = world.plan_fails();
    for word in ["MF0108", "`a/b`", "name = \"a/b\"", "slash"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!world.store_directory().exists());
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let world = World::new(
        r#"
resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = "m"
  spec {
    listener {
      port_mapping {
        port     = 70000
        protocol = "udp"
      }
      health_check {
        protocol            = "http"
        healthy_threshold   = 1
        unhealthy_threshold = 11
        timeout_millis      = 1
        interval_millis     = 1
      }
    }
  }
}
"#,
    );
    let ran = world.run(&["validate", "-no-color"]);
    let said = ran.flat();
    for word in [
        "70000",
        "udp",
        "healthy_threshold",
        "unhealthy_threshold",
        "timeout_millis",
        "interval_millis",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(ran.text.matches("Error: ").count(), 6, "{}", ran.text);
}

#[test]
fn what_is_not_known_yet_is_not_refused_and_is_checked_when_it_is() {
    let configuration = r#"
resource "terraform_data" "weight" {
  input = 101
}

resource "appmesh_route" "it" {
  name                = "rt"
  mesh_name           = "m"
  virtual_router_name = "r"
  spec {
    tcp_route {
      action {
        weighted_target {
          virtual_node = "n"
          weight       = terraform_data.weight.output
        }
      }
    }
  }
}
"#;
    let world = World::new(configuration);
    let plan = world.plan();
    plan.is(&[
        ("appmesh_route.it", "create"),
        ("terraform_data.weight", "create"),
    ]);
    let said = world.apply_fails();
    for word in ["MF0105", "101", "weight       = terraform_data.weight.output"] {
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&word), "{word}: {said}");
    }
    assert!(!world.store_directory().join("store.db").exists() || world.records().is_empty());
}

#[test]
fn what_breaks_a_rule_by_itself_is_told_by_the_plan_at_its_attribute() {
    let configuration = r#"
resource "appmesh_route" "zero" {
  name                = "zero"
  mesh_name           = "m"
  virtual_router_name = "r"
  spec {
    http_route {
      match {
        path {
          regex = "/(?=a).*"
        }
      }
      action {
        weighted_target {
          virtual_node = "n"
          weight       = 0
        }
      }
    }
  }
}

resource "appmesh_virtual_node" "twice" {
  name      = "twice"
  mesh_name = "m"
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}
"#;
    let said = World::new(configuration).plan().text;
    for word in [
        "Warning: Weights that are all zero (MF0251)",
        "Warning: Invalid regular expression (MF0263)",
        "regex = \"/(?=a).*\" `/(?=a).*` in route `zero`",
        "until then the mesh is not valid",
        "Warning: Duplicate listener port (MF0220)",
        "port = 8080 Two listeners of virtual node `twice`",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
