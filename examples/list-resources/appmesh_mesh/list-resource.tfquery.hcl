list "appmesh_mesh" "all" {
  provider = appmesh
}
