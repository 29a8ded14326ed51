data "appmesh_gateway_routes" "ingress" {
  mesh_name            = "apps"
  virtual_gateway_name = "ingress"
}

output "gateway_routes" {
  value = data.appmesh_gateway_routes.ingress.names
}
