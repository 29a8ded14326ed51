import {
  to = appmesh_virtual_service.serviceb
  identity = {
    mesh_name = "apps"
    name      = "serviceb.apps.local"
  }
}
