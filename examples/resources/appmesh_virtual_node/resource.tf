resource "appmesh_virtual_node" "serviceb" {
  name      = "serviceb"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/health"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        interval_millis     = 5000
        timeout_millis      = 2000
      }
    }

    service_discovery {
      dns {
        hostname = "serviceb.apps.local"
      }
    }
  }
}

# A second version of the same service.
resource "appmesh_virtual_node" "servicebv2" {
  name      = "servicebv2"
  mesh_name = appmesh_mesh.apps.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      dns {
        hostname = "servicebv2.apps.local"
      }
    }
  }
}

# A caller: it has a backend, and nobody calls it.
resource "appmesh_virtual_node" "servicea" {
  name      = "servicea"
  mesh_name = appmesh_mesh.apps.name

  spec {
    backend {
      virtual_service {
        virtual_service_name = appmesh_virtual_service.serviceb.name
      }
    }
  }
}
