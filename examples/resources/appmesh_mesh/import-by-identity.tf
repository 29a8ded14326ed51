import {
  to = appmesh_mesh.apps
  identity = {
    name = "apps"
  }
}
