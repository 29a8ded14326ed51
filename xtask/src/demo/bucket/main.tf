# The mesh `remote`: two callers on other machines (here: two Envoys with an agent each) call one service of two versions.
# Store and releases are in a bucket.

terraform {
  required_providers {
    appmesh = {
      source = "meshform/appmesh"
    }
  }
}

variable "endpoint" {
  type = string
}

# Where each caller's Envoy listens.
variable "callers" {
  type = map(object({ port = number, admin_port = number }))
}

# Where the versions of the service are, as `address:port`.
variable "addresses" {
  type = map(string)
}

variable "weights" {
  type = map(number)
}

variable "canary" {
  type = bool
}

provider "appmesh" {
  store = "s3://meshes/demo"

  s3 {
    region   = "us-east-1"
    endpoint = var.endpoint
  }
}

resource "appmesh_mesh" "remote" {
  name = "remote"
}

resource "appmesh_virtual_node" "caller" {
  for_each  = var.callers
  name      = each.key
  mesh_name = appmesh_mesh.remote.name

  spec {
    backend {
      virtual_service {
        virtual_service_name = appmesh_virtual_service.serviceb.name
      }
    }
  }
}

resource "appmesh_proxy_profile" "caller" {
  for_each  = var.callers
  name      = each.key
  mesh_name = appmesh_mesh.remote.name

  spec {
    virtual_node = appmesh_virtual_node.caller[each.key].name

    admin {
      port = each.value.admin_port
    }

    interception {
      explicit {
        port = each.value.port
      }
    }

    dynamic "endpoint" {
      for_each = var.addresses
      content {
        virtual_node = appmesh_virtual_node.version[endpoint.key].name

        address {
          address = split(":", endpoint.value)[0]
          port    = tonumber(split(":", endpoint.value)[1])
        }
      }
    }
  }
}

resource "appmesh_virtual_node" "version" {
  for_each  = var.addresses
  name      = each.key
  mesh_name = appmesh_mesh.remote.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      dns {
        hostname = "${each.key}.apps.local"
      }
    }
  }
}

resource "appmesh_virtual_router" "serviceb" {
  name      = "serviceb"
  mesh_name = appmesh_mesh.remote.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "appmesh_route" "by_weight" {
  name                = "by-weight"
  mesh_name           = appmesh_mesh.remote.name
  virtual_router_name = appmesh_virtual_router.serviceb.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        dynamic "weighted_target" {
          for_each = var.weights
          content {
            virtual_node = appmesh_virtual_node.version[weighted_target.key].name
            weight       = weighted_target.value
          }
        }
      }
    }
  }
}

resource "appmesh_virtual_service" "serviceb" {
  name      = "serviceb.apps.local"
  mesh_name = appmesh_mesh.remote.name

  spec {
    provider {
      virtual_router {
        virtual_router_name = appmesh_virtual_router.serviceb.name
      }
    }
  }
}
