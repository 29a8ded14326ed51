# The mesh: web calls prices, which has two versions that Cloud Map tells apart by the family of their tasks.

resource "appmesh_mesh" "shop" {
  name = "shop"

  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
  }
}

resource "appmesh_virtual_node" "web" {
  name      = "web"
  mesh_name = appmesh_mesh.shop.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = aws_service_discovery_private_dns_namespace.shop.name
        service_name   = "web"
      }
    }

    backend {
      virtual_service {
        virtual_service_name = appmesh_virtual_service.prices.name
      }
    }
  }
}

resource "appmesh_virtual_node" "prices" {
  for_each = toset(["prices-v1", "prices-v2"])

  name      = each.key
  mesh_name = appmesh_mesh.shop.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = aws_service_discovery_private_dns_namespace.shop.name
        service_name   = "prices"

        # ECS tells Cloud Map the family of each task.
        attributes = {
          ECS_TASK_DEFINITION_FAMILY = "shop-${each.key}"
        }
      }
    }
  }
}

resource "appmesh_virtual_router" "prices" {
  name      = "prices"
  mesh_name = appmesh_mesh.shop.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

# The canary: a change of these weights reaches running proxies within seconds, and redeploys nothing.
resource "appmesh_route" "prices" {
  name                = "all"
  mesh_name           = appmesh_mesh.shop.name
  virtual_router_name = appmesh_virtual_router.prices.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = appmesh_virtual_node.prices["prices-v1"].name
          weight       = 100 - var.canary
        }

        weighted_target {
          virtual_node = appmesh_virtual_node.prices["prices-v2"].name
          weight       = var.canary
        }
      }
    }
  }
}

resource "appmesh_virtual_service" "prices" {
  name      = "prices.shop.svc"
  mesh_name = appmesh_mesh.shop.name

  spec {
    provider {
      virtual_router {
        virtual_router_name = appmesh_virtual_router.prices.name
      }
    }
  }
}

# How the proxies are run: applications call prices.shop.svc by its name, which leads to the proxy's loopback address.
resource "appmesh_proxy_profile" "of" {
  for_each = local.services

  name      = each.key
  mesh_name = appmesh_mesh.shop.name

  spec {
    virtual_node = each.key

    interception {
      explicit {
        dynamic "service" {
          for_each = each.key == "web" ? local.called : {}

          content {
            virtual_service = service.key
            address         = service.value
            port            = 80
          }
        }
      }
    }

    inbound {
      app_port {
        listener_port = 8080
        app_port      = 9080
      }
    }
  }

  depends_on = [appmesh_virtual_node.web, appmesh_virtual_node.prices]
}
