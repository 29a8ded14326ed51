data "appmesh_virtual_services" "all" {
  mesh_name = "apps"
}

output "virtual_services" {
  value = data.appmesh_virtual_services.all.names
}
