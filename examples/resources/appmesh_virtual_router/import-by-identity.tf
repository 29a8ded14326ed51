import {
  to = appmesh_virtual_router.serviceb
  identity = {
    mesh_name = "apps"
    name      = "serviceb"
  }
}
