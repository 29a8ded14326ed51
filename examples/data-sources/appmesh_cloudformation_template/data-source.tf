data "appmesh_cloudformation_template" "apps" {
  mesh_name = "apps"
}

output "template" {
  value = data.appmesh_cloudformation_template.apps.template
}
