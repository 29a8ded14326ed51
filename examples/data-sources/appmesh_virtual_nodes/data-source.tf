data "appmesh_virtual_nodes" "all" {
  mesh_name = "apps"
}

output "virtual_nodes" {
  value = data.appmesh_virtual_nodes.all.names
}
