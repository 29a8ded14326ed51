# At the end of the graph: the plan names the proxies that the apply changes.
resource "appmesh_release" "apps" {
  mesh_name = appmesh_mesh.apps.name

  depends_on = [
    appmesh_virtual_node.servicea,
    appmesh_virtual_node.serviceb,
    appmesh_virtual_node.servicebv2,
    appmesh_virtual_service.serviceb,
    appmesh_virtual_router.serviceb,
    appmesh_route.by_weight,
    appmesh_virtual_gateway.ingress,
    appmesh_gateway_route.serviceb,
    appmesh_proxy_profile.servicea,
  ]
}

output "changed_proxies" {
  value = appmesh_release.apps.proxies
}
