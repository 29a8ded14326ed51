data "appmesh_ecs_task_definition" "servicea" {
  mesh_name    = "apps"
  virtual_node = "servicea"

  app_container_definitions = jsonencode([
    {
      name         = "app"
      image        = "servicea:1.4.2"
      portMappings = [{ containerPort = 9080 }]
    },
  ])

  lifecycle {
    postcondition {
      condition     = length(self.unmounted_files) == 0
      error_message = join("; ", self.unmounted_files)
    }
  }
}

# For aws_ecs_task_definition: the application's container, and Envoy beside it.
output "servicea_containers" {
  value = data.appmesh_ecs_task_definition.servicea.container_definitions
}
