import {
  to = appmesh_route.by_weight
  identity = {
    mesh_name           = "apps"
    virtual_router_name = "serviceb"
    name                = "by-weight"
  }
}
