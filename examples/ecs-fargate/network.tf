# What the services share: the namespace in which tasks are registered, the group of those who may call, and names that
# lead applications to their own proxy.

locals {
  services = toset(["web", "prices-v1", "prices-v2"])

  # Virtual services that applications call by name, and the loopback address on which each proxy takes them.
  called = {
    "prices.shop.svc" = "127.0.1.1"
  }
}

resource "aws_service_discovery_private_dns_namespace" "shop" {
  name = "shop.internal"
  vpc  = var.vpc
}

# Both versions of prices are registered in one service of Cloud Map.
resource "aws_service_discovery_service" "of" {
  for_each = toset(["web", "prices"])

  name = each.key

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.shop.id

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

resource "aws_security_group" "mesh" {
  name_prefix = "shop-mesh-"
  description = "Tasks of the mesh"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "listeners" {
  security_group_id            = aws_security_group.mesh.id
  referenced_security_group_id = aws_security_group.mesh.id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.mesh.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

# On awsvpc ECS has no hosts entries. A zone of exactly this name hides nothing else.
resource "aws_route53_zone" "called" {
  for_each = local.called

  name = each.key

  vpc {
    vpc_id = var.vpc
  }
}

resource "aws_route53_record" "called" {
  for_each = local.called

  zone_id = aws_route53_zone.called[each.key].zone_id
  name    = each.key
  type    = "A"
  ttl     = 300
  records = [each.value]
}
