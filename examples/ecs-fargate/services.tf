# The tasks: the application's container as it always was, and the proxy beside it.

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name_prefix        = "shop-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_cloudwatch_log_group" "shop" {
  name              = "/ecs/shop"
  retention_in_days = 30
}

data "appmesh_ecs_task_definition" "of" {
  for_each = local.services

  mesh_name    = appmesh_mesh.shop.name
  virtual_node = each.key
  proxy_image  = var.proxy_image

  app_container_definitions = jsonencode([{
    name        = "app"
    image       = var.images[each.key]
    essential   = true
    stopTimeout = 30

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.shop.name
        awslogs-region        = var.region
        awslogs-stream-prefix = each.key
      }
    }
  }])

  # It says how the proxy is run. Routes and weights are not among what it reads, so that a canary changes no task.
  depends_on = [appmesh_proxy_profile.of]
}

resource "aws_iam_role" "task" {
  for_each = local.services

  name_prefix        = "shop-${each.key}-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

# Each proxy reads its own configuration and writes its own status.
data "appmesh_bucket_policy" "proxy" {
  for_each = local.services

  role         = "proxy"
  mesh_name    = "shop"
  virtual_node = each.key
}

resource "aws_iam_role_policy" "task" {
  for_each = local.services

  name   = "proxy"
  role   = aws_iam_role.task[each.key].id
  policy = data.appmesh_bucket_policy.proxy[each.key].json
}

resource "aws_ecs_task_definition" "of" {
  for_each = local.services

  family                   = "shop-${each.key}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task[each.key].arn
  container_definitions    = data.appmesh_ecs_task_definition.of[each.key].container_definitions

  dynamic "volume" {
    for_each = data.appmesh_ecs_task_definition.of[each.key].volumes

    content {
      name = volume.value
    }
  }
}

resource "aws_ecs_service" "of" {
  for_each = local.services

  name            = each.key
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.of[each.key].arn
  desired_count   = 2
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.subnets
    security_groups = [aws_security_group.mesh.id]
  }

  service_registries {
    registry_arn = aws_service_discovery_service.of[each.key == "web" ? "web" : "prices"].arn
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
}
