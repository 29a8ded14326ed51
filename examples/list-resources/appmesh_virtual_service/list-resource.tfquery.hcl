list "appmesh_virtual_service" "all" {
  provider = appmesh

  config {
    mesh_name = "apps"
  }
}
