data "appmesh_virtual_router" "serviceb" {
  mesh_name = "apps"
  name      = "serviceb"
}

output "router_arn" {
  value = data.appmesh_virtual_router.serviceb.arn
}
