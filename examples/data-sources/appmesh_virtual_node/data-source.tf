data "appmesh_virtual_node" "serviceb" {
  mesh_name = "apps"
  name      = "serviceb"
}

output "serviceb_port" {
  value = data.appmesh_virtual_node.serviceb.spec[0].listener[0].port_mapping[0].port
}
