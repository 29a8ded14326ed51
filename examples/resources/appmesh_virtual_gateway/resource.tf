resource "appmesh_virtual_gateway" "ingress" {
  name      = "ingress"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8088
        protocol = "http"
      }
    }
  }
}
