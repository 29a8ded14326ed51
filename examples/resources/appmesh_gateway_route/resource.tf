resource "appmesh_gateway_route" "serviceb" {
  name                 = "serviceb"
  mesh_name            = appmesh_mesh.apps.name
  virtual_gateway_name = appmesh_virtual_gateway.ingress.name

  spec {
    http_route {
      match {
        prefix = "/b/"
      }

      action {
        target {
          virtual_service {
            virtual_service_name = appmesh_virtual_service.serviceb.name
          }
        }
      }
    }
  }
}
