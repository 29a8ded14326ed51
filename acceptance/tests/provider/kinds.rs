//! One resource of every kind, and what tells it from others.

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;

/// A configuration with one resource of every kind. All say what may change later in the words of [`CASES`].
pub(crate) const EVERY_KIND: &str = r#"
resource "appmesh_mesh" "it" {
  name = "m"
  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
  }
  tags = { team = "a" }
}

resource "appmesh_virtual_node" "it" {
  name      = "n"
  mesh_name = appmesh_mesh.it.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
      health_check {
        protocol            = "http"
        path                = "/ping"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        timeout_millis      = 2000
        interval_millis     = 5000
      }
    }
    backend {
      virtual_service {
        virtual_service_name = "elsewhere.local"
      }
    }
    service_discovery {
      dns {
        hostname = "n.local"
      }
    }
  }
}

resource "appmesh_virtual_router" "it" {
  name      = "r"
  mesh_name = appmesh_mesh.it.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "appmesh_route" "it" {
  name                = "rt"
  mesh_name           = appmesh_mesh.it.name
  virtual_router_name = appmesh_virtual_router.it.name
  spec {
    priority = 7
    http_route {
      match {
        prefix = "/"
        header {
          name = "x"
          match {
            range {
              start = 0
              end   = 10
            }
          }
        }
      }
      action {
        weighted_target {
          virtual_node = appmesh_virtual_node.it.name
          weight       = 70
        }
      }
    }
  }
}

resource "appmesh_virtual_service" "it" {
  name      = "s.local"
  mesh_name = appmesh_mesh.it.name
  spec {
    provider {
      virtual_router {
        virtual_router_name = appmesh_virtual_router.it.name
      }
    }
  }
}

resource "appmesh_virtual_service" "elsewhere" {
  name      = "elsewhere.local"
  mesh_name = appmesh_mesh.it.name
  spec {}
}

resource "appmesh_virtual_gateway" "it" {
  name      = "g"
  mesh_name = appmesh_mesh.it.name
  spec {
    listener {
      port_mapping {
        port     = 8088
        protocol = "http"
      }
    }
  }
}

resource "appmesh_gateway_route" "it" {
  name                 = "gr"
  mesh_name            = appmesh_mesh.it.name
  virtual_gateway_name = appmesh_virtual_gateway.it.name
  spec {
    http_route {
      match {
        prefix = "/in/"
      }
      action {
        target {
          virtual_service {
            virtual_service_name = appmesh_virtual_service.it.name
          }
        }
      }
    }
  }
}

resource "appmesh_proxy_profile" "it" {
  name      = "p"
  mesh_name = appmesh_mesh.it.name
  spec {
    virtual_node = appmesh_virtual_node.it.name
    log_level    = "info"
  }
}
"#;

/// One kind in [`EVERY_KIND`].
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) address: &'static str,
    pub(crate) import_id: &'static str,
    pub(crate) identity: &'static str,
    /// A text of the configuration that occurs once, and what it becomes.
    pub(crate) edit: (&'static str, &'static str),
    /// How the plan reads that.
    pub(crate) difference: &'static str,
}

impl Case {
    pub(crate) fn key(&self) -> ResourceKey {
        let parts: Vec<&str> = self.import_id.split('/').collect();
        match (self.kind, self.kind.parent(), parts.as_slice()) {
            (Kind::Mesh, _, [mesh]) => ResourceKey::mesh(*mesh),
            (kind, Some(parent), [mesh, outer, name]) => {
                ResourceKey::child(&ResourceKey::in_mesh(*mesh, parent, *outer), kind, *name)
            }
            (kind, _, [mesh, name]) => ResourceKey::in_mesh(*mesh, kind, *name),
            _ => panic!("{} names no {}", self.import_id, self.kind),
        }
    }
}

pub(crate) const CASES: &[Case] = &[
    Case {
        kind: Kind::Mesh,
        address: "appmesh_mesh.it",
        import_id: "m",
        identity: "{ name = \"m\" }",
        edit: ("ALLOW_ALL", "DROP_ALL"),
        difference: "spec[0].egress_filter[0].type: \"ALLOW_ALL\" -> \"DROP_ALL\"",
    },
    Case {
        kind: Kind::VirtualNode,
        address: "appmesh_virtual_node.it",
        import_id: "m/n",
        identity: "{ mesh_name = \"m\", name = \"n\" }",
        edit: ("healthy_threshold   = 2\n", "healthy_threshold   = 5\n"),
        difference: "spec[0].listener[0].health_check[0].healthy_threshold: 2 -> 5",
    },
    Case {
        kind: Kind::VirtualRouter,
        address: "appmesh_virtual_router.it",
        import_id: "m/r",
        identity: "{ mesh_name = \"m\", name = \"r\" }",
        edit: (
            "\"r\"\n  mesh_name = appmesh_mesh.it.name\n",
            "\"r\"\n  mesh_name = appmesh_mesh.it.name\n  tags = { team = \"b\" }\n",
        ),
        difference: "tags: null -> {\"team\":\"b\"}",
    },
    Case {
        kind: Kind::Route,
        address: "appmesh_route.it",
        import_id: "m/r/rt",
        identity: "{ mesh_name = \"m\", virtual_router_name = \"r\", name = \"rt\" }",
        edit: ("weight       = 70", "weight       = 0"),
        difference: "spec[0].http_route[0].action[0].weighted_target[0].weight: 70 -> 0",
    },
    Case {
        kind: Kind::VirtualService,
        address: "appmesh_virtual_service.it",
        import_id: "m/s.local",
        identity: "{ mesh_name = \"m\", name = \"s.local\" }",
        edit: (
            "\"s.local\"\n  mesh_name = appmesh_mesh.it.name\n",
            "\"s.local\"\n  mesh_name = appmesh_mesh.it.name\n  tags = { team = \"b\" }\n",
        ),
        difference: "tags: null -> {\"team\":\"b\"}",
    },
    Case {
        kind: Kind::VirtualGateway,
        address: "appmesh_virtual_gateway.it",
        import_id: "m/g",
        identity: "{ mesh_name = \"m\", name = \"g\" }",
        edit: ("port     = 8088", "port     = 8089"),
        difference: "spec[0].listener[0].port_mapping[0].port: 8088 -> 8089",
    },
    Case {
        kind: Kind::GatewayRoute,
        address: "appmesh_gateway_route.it",
        import_id: "m/g/gr",
        identity: "{ mesh_name = \"m\", virtual_gateway_name = \"g\", name = \"gr\" }",
        edit: ("prefix = \"/in/\"", "prefix = \"/into/\""),
        difference: "spec[0].http_route[0].match[0].prefix: \"/in/\" -> \"/into/\"",
    },
    Case {
        kind: Kind::ProxyProfile,
        address: "appmesh_proxy_profile.it",
        import_id: "m/p",
        identity: "{ mesh_name = \"m\", name = \"p\" }",
        edit: ("log_level    = \"info\"", "log_level    = \"debug\""),
        difference: "spec[0].log_level: \"info\" -> \"debug\"",
    },
];
