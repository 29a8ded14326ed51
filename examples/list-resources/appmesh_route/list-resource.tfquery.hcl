list "appmesh_route" "all" {
  provider = appmesh

  config {
    mesh_name           = "apps"
    virtual_router_name = "serviceb"
  }
}
