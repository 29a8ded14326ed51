# The mesh `apps`: servicea calls serviceb, of which two versions run side by side.

resource "appmesh_mesh" "apps" {
  name = "apps"
}

# --- servicea: calls serviceb ---

resource "appmesh_virtual_node" "servicea" {
  name      = "servicea"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = var.servicea_port
        protocol = "http"
      }
    }

    backend {
      virtual_service {
        virtual_service_name = appmesh_virtual_service.serviceb.name
      }
    }

    service_discovery {
      dns {
        hostname = "servicea.apps.local"
      }
    }
  }
}

resource "appmesh_virtual_service" "servicea" {
  name      = "servicea.apps.local"
  mesh_name = appmesh_mesh.apps.name

  spec {
    provider {
      virtual_node {
        virtual_node_name = appmesh_virtual_node.servicea.name
      }
    }
  }
}

# --- serviceb: two versions behind one name ---

resource "appmesh_virtual_node" "serviceb" {
  name      = "serviceb"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      dns {
        hostname = "serviceb.apps.local"
      }
    }
  }
}

resource "appmesh_virtual_node" "servicebv2" {
  count = var.canary ? 1 : 0

  name      = "servicebv2"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      dns {
        hostname = "servicebv2.apps.local"
      }
    }
  }
}

resource "appmesh_virtual_router" "serviceb" {
  name      = "serviceb"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "appmesh_virtual_service" "serviceb" {
  name      = "serviceb.apps.local"
  mesh_name = appmesh_mesh.apps.name

  spec {
    provider {
      virtual_router {
        virtual_router_name = appmesh_virtual_router.serviceb.name
      }
    }
  }
}

locals {
  stable = appmesh_virtual_node.serviceb.name
  canary = var.canary ? appmesh_virtual_node.servicebv2[0].name : local.stable
}

# Whoever asks for version 2 by header gets it.
resource "appmesh_route" "by_header" {
  name                = "by-header"
  mesh_name           = appmesh_mesh.apps.name
  virtual_router_name = appmesh_virtual_router.serviceb.name

  spec {
    priority = 10

    http_route {
      match {
        prefix = "/"

        header {
          name = "x-version"
          match {
            exact = "2"
          }
        }
      }

      action {
        weighted_target {
          virtual_node = local.canary
          weight       = 100
        }
      }
    }
  }
}

# What only version 2 has.
resource "appmesh_route" "by_path" {
  name                = "by-path"
  mesh_name           = appmesh_mesh.apps.name
  virtual_router_name = appmesh_virtual_router.serviceb.name

  spec {
    priority = 20

    http_route {
      match {
        prefix = "/v2/"
      }

      action {
        weighted_target {
          virtual_node = local.canary
          weight       = 100
        }
      }
    }
  }
}

# Everything else is split by weight, and tried again when it fails.
resource "appmesh_route" "by_weight" {
  name                = "by-weight"
  mesh_name           = appmesh_mesh.apps.name
  virtual_router_name = appmesh_virtual_router.serviceb.name

  spec {
    priority = 1000

    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = local.stable
          weight       = var.canary ? var.weights.serviceb : 100
        }

        dynamic "weighted_target" {
          for_each = appmesh_virtual_node.servicebv2[*].name
          content {
            virtual_node = weighted_target.value
            weight       = var.weights.servicebv2
          }
        }
      }

      # Five more tries of up to ten seconds each, so the whole may take a minute.
      retry_policy {
        max_retries       = 5
        http_retry_events = ["gateway-error", "stream-error"]
        tcp_retry_events  = ["connection-error"]

        per_retry_timeout {
          unit  = "s"
          value = 10
        }
      }

      timeout {
        per_request {
          unit  = "s"
          value = 60
        }
      }
    }
  }
}
