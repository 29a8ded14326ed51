data "appmesh_virtual_gateways" "all" {
  mesh_name = "apps"
}

output "virtual_gateways" {
  value = data.appmesh_virtual_gateways.all.names
}
