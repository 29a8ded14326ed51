import {
  to = appmesh_proxy_profile.servicea
  identity = {
    mesh_name = "apps"
    name      = "servicea"
  }
}
