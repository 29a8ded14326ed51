# servicea's containers with Envoy beside them: what `container_definitions` of its task definition takes. It stays the
# same when the weights of a route shift.
output "servicea_with_sidecar" {
  value = provider::appmesh::ecs_sidecar(
    jsonencode([
      {
        name  = "app"
        image = "servicea:1.4.2"
      },
    ]),
    appmesh_virtual_node.servicea,
    appmesh_proxy_profile.servicea,
  )
}
