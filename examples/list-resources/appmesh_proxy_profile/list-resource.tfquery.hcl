list "appmesh_proxy_profile" "all" {
  provider = appmesh

  config {
    mesh_name = "apps"
  }
}
