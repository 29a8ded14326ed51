# How servicea's Envoy is run: what App Mesh knew from its image and its agent.
resource "appmesh_proxy_profile" "servicea" {
  name      = "servicea"
  mesh_name = appmesh_mesh.apps.name

  spec {
    virtual_node = appmesh_virtual_node.servicea.name

    # No iptables: the application calls serviceb through this port, by name (or as its http_proxy).
    interception {
      explicit {
        port = var.servicea_proxy.port
      }
    }

    # The proxy takes servicea's port from the network and hands it to the application here.
    inbound {
      app_port {
        listener_port = var.servicea_port
        app_port      = 8081
      }
    }

    admin {
      port = var.servicea_proxy.admin_port
    }

    dynamic "endpoint" {
      for_each = var.addresses == null ? {} : {
        for node, address in var.addresses : node => address if node == "serviceb" || var.canary
      }
      content {
        virtual_node = endpoint.key

        address {
          address = split(":", endpoint.value)[0]
          port    = split(":", endpoint.value)[1]
        }
      }
    }
  }
}
