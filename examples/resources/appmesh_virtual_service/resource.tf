# The name is what callers put into the Host header.
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
