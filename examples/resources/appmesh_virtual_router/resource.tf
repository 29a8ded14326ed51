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
