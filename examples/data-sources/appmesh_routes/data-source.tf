data "appmesh_routes" "serviceb" {
  mesh_name           = "apps"
  virtual_router_name = "serviceb"
}

output "routes" {
  value = data.appmesh_routes.serviceb.names
}
