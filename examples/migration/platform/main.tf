# The platform team: the mesh, and the gateway through which it is entered.

resource "aws_appmesh_mesh" "apps" {
  name = "apps"

  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
  }
}

resource "aws_appmesh_virtual_gateway" "ingress" {
  name      = "ingress"
  mesh_name = aws_appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8088
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "orders" {
  name                 = "orders"
  mesh_name            = aws_appmesh_mesh.apps.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.ingress.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        target {
          virtual_service {
            virtual_service_name = "orders.apps.local"
          }
        }
      }
    }
  }
}
