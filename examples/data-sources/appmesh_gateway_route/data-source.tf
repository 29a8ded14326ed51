data "appmesh_gateway_route" "serviceb" {
  mesh_name            = "apps"
  virtual_gateway_name = "ingress"
  name                 = "serviceb"
}

output "gateway_route_arn" {
  value = data.appmesh_gateway_route.serviceb.arn
}
