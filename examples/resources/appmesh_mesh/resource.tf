resource "appmesh_mesh" "apps" {
  name = "apps"

  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
  }
}
