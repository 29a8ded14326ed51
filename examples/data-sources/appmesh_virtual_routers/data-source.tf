data "appmesh_virtual_routers" "all" {
  mesh_name = "apps"
}

output "virtual_routers" {
  value = data.appmesh_virtual_routers.all.names
}
