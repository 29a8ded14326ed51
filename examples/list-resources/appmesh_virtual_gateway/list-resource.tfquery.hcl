list "appmesh_virtual_gateway" "all" {
  provider = appmesh

  config {
    mesh_name = "apps"
  }
}
