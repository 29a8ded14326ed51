# The shop team: its service, in the platform team's mesh, which it knows by name.

locals {
  mesh = "apps"
}

resource "aws_appmesh_virtual_node" "orders" {
  name      = "orders"
  mesh_name = local.mesh

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      dns {
        hostname = "orders.apps.local"
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "orders" {
  name      = "orders"
  mesh_name = local.mesh

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "orders" {
  name                = "orders"
  mesh_name           = local.mesh
  virtual_router_name = aws_appmesh_virtual_router.orders.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.orders.name
          weight       = 1
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_service" "orders" {
  name      = "orders.apps.local"
  mesh_name = local.mesh

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.orders.name
      }
    }
  }
}
