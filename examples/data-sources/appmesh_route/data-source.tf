data "appmesh_route" "by_weight" {
  mesh_name           = "apps"
  virtual_router_name = "serviceb"
  name                = "by-weight"
}

output "split" {
  value = {
    for target in data.appmesh_route.by_weight.spec[0].http_route[0].action[0].weighted_target :
    target.virtual_node => target.weight
  }
}
