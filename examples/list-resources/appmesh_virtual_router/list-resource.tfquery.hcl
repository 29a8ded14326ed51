list "appmesh_virtual_router" "all" {
  provider = appmesh

  config {
    mesh_name = "apps"
  }
}
