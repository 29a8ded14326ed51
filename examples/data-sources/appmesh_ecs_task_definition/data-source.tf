data "appmesh_ecs_task_definition" "servicea" {
  mesh_name    = "apps"
  virtual_node = "servicea"
}

# For aws_ecs_task_definition: the application's container, and Envoy beside it.
output "servicea_containers" {
  value = data.appmesh_ecs_task_definition.servicea.container_definitions
}
