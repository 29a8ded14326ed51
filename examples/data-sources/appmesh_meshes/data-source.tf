data "appmesh_meshes" "all" {}

output "meshes" {
  value = data.appmesh_meshes.all.names
}
