data "appmesh_virtual_service" "serviceb" {
  mesh_name = "apps"
  name      = "serviceb.apps.local"
}

output "service_arn" {
  value = data.appmesh_virtual_service.serviceb.arn
}
