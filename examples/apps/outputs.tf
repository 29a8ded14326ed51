output "mesh_arn" {
  description = "The mesh's ARN, in the form that App Mesh gave."
  value       = appmesh_mesh.apps.arn
}

output "split" {
  description = "What the weighted route sends where, in percent."
  value = {
    for target in appmesh_route.by_weight.spec[0].http_route[0].action[0].weighted_target :
    target.virtual_node => target.weight
  }
}
