data "appmesh_proxy_configuration" "servicea" {
  mesh_name    = "apps"
  virtual_node = "servicea"
}

# Changes whenever the proxy's configuration does.
output "servicea_digest" {
  value = data.appmesh_proxy_configuration.servicea.digest
}
