data "appmesh_proxy_profiles" "all" {
  mesh_name = "apps"
}

output "proxy_profiles" {
  value = data.appmesh_proxy_profiles.all.names
}
