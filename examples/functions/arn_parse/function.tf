# "apps"
output "mesh_of_the_arn" {
  value = provider::appmesh::arn_parse("arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/serviceb").mesh_name
}
