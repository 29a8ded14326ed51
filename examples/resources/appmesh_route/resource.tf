resource "appmesh_route" "by_weight" {
  name                = "by-weight"
  mesh_name           = appmesh_mesh.apps.name
  virtual_router_name = appmesh_virtual_router.serviceb.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = appmesh_virtual_node.serviceb.name
          weight       = 75
        }

        weighted_target {
          virtual_node = appmesh_virtual_node.servicebv2.name
          weight       = 25
        }
      }

      retry_policy {
        max_retries       = 2
        http_retry_events = ["gateway-error"]
        tcp_retry_events  = ["connection-error"]

        per_retry_timeout {
          unit  = "s"
          value = 5
        }
      }
    }
  }
}
