list "appmesh_gateway_route" "all" {
  provider = appmesh

  config {
    mesh_name            = "apps"
    virtual_gateway_name = "ingress"
  }
}
