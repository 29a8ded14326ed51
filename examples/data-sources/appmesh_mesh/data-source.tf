data "appmesh_mesh" "apps" {
  name = "apps"
}

output "mesh_arn" {
  value = data.appmesh_mesh.apps.arn
}
