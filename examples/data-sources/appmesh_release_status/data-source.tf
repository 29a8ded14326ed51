data "appmesh_release_status" "apps" {
  mesh_name = "apps"
}

check "the_mesh_is_whole" {
  assert {
    condition     = data.appmesh_release_status.apps.whole
    error_message = join("\n", data.appmesh_release_status.apps.problems)
  }
}
