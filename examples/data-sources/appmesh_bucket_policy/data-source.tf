data "appmesh_bucket_policy" "servicea" {
  role         = "proxy"
  mesh_name    = "apps"
  virtual_node = "servicea"
  bucket       = "s3://meshes/production" # by default the provider's store
}

# For aws_iam_role_policy, with the role of servicea's task.
output "servicea_policy" {
  value = data.appmesh_bucket_policy.servicea.json
}
