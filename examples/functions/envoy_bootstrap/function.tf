# For a container's environment or a file: how servicea's Envoy comes to its configuration.
output "servicea_bootstrap" {
  value = provider::appmesh::envoy_bootstrap(
    appmesh_virtual_node.servicea,
    appmesh_proxy_profile.servicea,
    "/etc/meshform",
  )
}
