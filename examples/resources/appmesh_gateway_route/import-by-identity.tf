import {
  to = appmesh_gateway_route.serviceb
  identity = {
    mesh_name            = "apps"
    virtual_gateway_name = "ingress"
    name                 = "serviceb"
  }
}
