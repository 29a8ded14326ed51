import {
  to = appmesh_virtual_gateway.ingress
  identity = {
    mesh_name = "apps"
    name      = "ingress"
  }
}
