# Envoy cannot ask Cloud Map. One poller for the mesh does, and writes to the bucket where the nodes are.

data "appmesh_bucket_policy" "endpoints" {
  role      = "endpoints"
  mesh_name = "shop"
}

resource "aws_iam_role" "poller" {
  name_prefix        = "shop-endpoints-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "poller" {
  name   = "endpoints"
  role   = aws_iam_role.poller.id
  policy = data.appmesh_bucket_policy.endpoints.json
}

resource "aws_security_group" "poller" {
  name_prefix = "shop-endpoints-"
  description = "The poller of endpoints, which nobody calls"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_egress_rule" "poller" {
  security_group_id = aws_security_group.poller.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_ecs_task_definition" "poller" {
  family                   = "shop-endpoints"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.poller.arn

  container_definitions = jsonencode([{
    name                   = "endpoints"
    image                  = var.proxy_image
    essential              = true
    entryPoint             = ["meshform-agent"]
    command                = ["endpoints"]
    readonlyRootFilesystem = true
    user                   = "1337"

    environment = [
      { name = "AWS_REGION", value = var.region },
      { name = "MESHFORM_MESH", value = "shop" },
      { name = "MESHFORM_STORE", value = "s3://${var.bucket}/${var.prefix}" },
    ]

    healthCheck = {
      command     = ["CMD", "meshform-agent", "health"]
      interval    = 10
      retries     = 3
      startPeriod = 30
      timeout     = 5
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.shop.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "endpoints"
      }
    }
  }])
}

resource "aws_ecs_service" "poller" {
  name            = "endpoints"
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.poller.arn
  desired_count   = 1
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.subnets
    security_groups = [aws_security_group.poller.id]
  }
}
