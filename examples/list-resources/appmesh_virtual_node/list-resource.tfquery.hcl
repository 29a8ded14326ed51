list "appmesh_virtual_node" "all" {
  provider = appmesh

  config {
    mesh_name = "apps"
  }
}
