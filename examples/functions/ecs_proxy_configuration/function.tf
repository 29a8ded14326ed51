# For the `proxy_configuration` of a task definition; null where connections are not intercepted, as at servicea:
#
#   dynamic "proxy_configuration" {
#     for_each = local.proxy_configuration[*]
#     content {
#       type           = proxy_configuration.value.type
#       container_name = proxy_configuration.value.container_name
#       properties     = proxy_configuration.value.properties
#     }
#   }
locals {
  proxy_configuration = provider::appmesh::ecs_proxy_configuration(
    appmesh_virtual_node.servicea,
    appmesh_proxy_profile.servicea,
  )
}

output "servicea_is_intercepted" {
  value = local.proxy_configuration != null
}
