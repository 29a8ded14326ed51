terraform {
  required_providers {
    LOCAL = {
      source = "SOURCE"
    }
  }
}

# BLOCK

variable "interval" {
  default = 5000
}

resource "PREFIX_mesh" "bench" {
  name = "bench"
}

resource "PREFIX_virtual_node" "bench" {
  count     = NODES
  name      = "node-${count.index}"
  mesh_name = PREFIX_mesh.bench.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/ready"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        timeout_millis      = 2000
        interval_millis     = count.index == 0 ? var.interval : 5000
      }
    }

    backend {
      virtual_service {
        virtual_service_name = "service-${(count.index + 1) % CELLS}.bench.local"
      }
    }

    service_discovery {
      dns {
        hostname = "node-${count.index}.bench.local"
      }
    }
  }
}

resource "PREFIX_virtual_router" "bench" {
  count     = CELLS
  name      = "router-${count.index}"
  mesh_name = PREFIX_mesh.bench.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "PREFIX_route" "bench" {
  count               = CELLS
  name                = "route-${count.index}"
  mesh_name           = PREFIX_mesh.bench.name
  virtual_router_name = PREFIX_virtual_router.bench[count.index].name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = PREFIX_virtual_node.bench[count.index].name
          weight       = 1
        }
      }
    }
  }
}

resource "PREFIX_virtual_service" "bench" {
  count     = CELLS
  name      = "service-${count.index}.bench.local"
  mesh_name = PREFIX_mesh.bench.name

  spec {
    provider {
      virtual_router {
        virtual_router_name = PREFIX_virtual_router.bench[count.index].name
      }
    }
  }
}
