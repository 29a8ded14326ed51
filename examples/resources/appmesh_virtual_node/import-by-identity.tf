import {
  to = appmesh_virtual_node.serviceb
  identity = {
    mesh_name = "apps"
    name      = "serviceb"
  }
}
