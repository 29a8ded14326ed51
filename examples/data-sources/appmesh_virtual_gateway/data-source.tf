data "appmesh_virtual_gateway" "ingress" {
  mesh_name = "apps"
  name      = "ingress"
}

output "ingress_port" {
  value = data.appmesh_virtual_gateway.ingress.spec[0].listener[0].port_mapping[0].port
}
