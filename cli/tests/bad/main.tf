resource "aws_appmesh_mesh" "apps" {
  name = "apps"
}
