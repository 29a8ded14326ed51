data "appmesh_proxy_profile" "servicea" {
  mesh_name = "apps"
  name      = "servicea"
}

output "servicea_admin_port" {
  value = data.appmesh_proxy_profile.servicea.spec[0].admin[0].port
}
