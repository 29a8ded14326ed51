//! A small mesh as HCL: node `a` calls `b.local`, whose router shares the calls between nodes `b1` and `b2`.

pub(crate) const MESH: &str = "resource \"appmesh_mesh\" \"m\" {\n  name = \"m\"\n}\n";

/// A node that listens on port 8080 and is found under its own name, with more in its spec.
pub(crate) fn node(name: &str, more: &str) -> String {
    format!(
        r#"
resource "appmesh_virtual_node" "{name}" {{
  name      = "{name}"
  mesh_name = appmesh_mesh.m.name
  spec {{
    {more}
    listener {{
      port_mapping {{
        port     = 8080
        protocol = "http"
      }}
    }}
    service_discovery {{
      dns {{
        hostname = "{name}.local"
      }}
    }}
  }}
}}
"#
    )
}

/// In the spec of a node, that it calls a service: an expression for the service's name.
pub(crate) fn calls(service: &str) -> String {
    format!(
        "backend {{\n      virtual_service {{\n        virtual_service_name = {service}\n      }}\n    }}"
    )
}

/// The mesh: what `a` calls, as an expression; and the two targets of the route, each an expression and its weight.
pub(crate) fn split(called: &str, targets: [(&str, u32); 2]) -> String {
    let targets = targets.map(|(node, weight)| {
        format!("weighted_target {{\n          virtual_node = {node}\n          weight       = {weight}\n        }}")
    });
    format!(
        r#"{MESH}{}{}{}
resource "appmesh_virtual_router" "b" {{
  name      = "b"
  mesh_name = appmesh_mesh.m.name
  spec {{
    listener {{
      port_mapping {{
        port     = 8080
        protocol = "http"
      }}
    }}
  }}
}}

resource "appmesh_route" "split" {{
  name                = "split"
  mesh_name           = appmesh_mesh.m.name
  virtual_router_name = appmesh_virtual_router.b.name
  spec {{
    http_route {{
      match {{
        prefix = "/"
      }}
      action {{
        {}
      }}
    }}
  }}
}}

resource "appmesh_virtual_service" "b" {{
  name      = "b.local"
  mesh_name = appmesh_mesh.m.name
  spec {{
    provider {{
      virtual_router {{
        virtual_router_name = appmesh_virtual_router.b.name
      }}
    }}
  }}
}}
"#,
        node("a", &calls(called)),
        node("b1", ""),
        node("b2", ""),
        targets.join("\n        ")
    )
}
