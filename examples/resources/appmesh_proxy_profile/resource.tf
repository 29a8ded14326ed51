# How servicea's Envoy is run: what App Mesh knew from its image and its agent.
resource "appmesh_proxy_profile" "servicea" {
  name      = "servicea"
  mesh_name = appmesh_mesh.apps.name

  spec {
    virtual_node = appmesh_virtual_node.servicea.name

    # No iptables: the application calls through this port, by name or as its http_proxy.
    interception {
      explicit {
        port = 15001
      }
    }

    admin {
      port = 9901
    }
  }
}
