# One stage (or another service of cordon) as a principal: a service for each member.
#
# On ECS with instances, not Fargate: Fargate's kernel has no Landlock and its tasks no
# no-new-privileges, and there the task's own network card would also have to reach the registry,
# the secrets and the logs. Here those are the instance's, and the task reaches brokers and S3 alone.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

variable "name" {
  description = "The principal; for a stage, the stage's name too."
  type        = string
}

variable "command" {
  description = "What the container runs: [\"run\", NAME] for a stage."
  type        = list(string)
}

variable "topology_file" {
  description = "The topology that everything else was made from."
  type        = string
}

variable "members" {
  description = "How many couriers share the work. Each is a service of its own, because each has slots of its own."
  type        = number
  default     = 1
}

variable "slots" {
  description = "Slots of each member: threads with one transactional id each."
  type        = number
  default     = 2
}

variable "image" {
  description = "An image with the binary `cordon` as its entry point, by digest."
  type        = string

  validation {
    condition     = strcontains(var.image, "@sha256:")
    error_message = "Name the image by its digest (NAME@sha256:...): a tag can be moved."
  }
}

variable "keys_image" {
  description = "An image with sh, sed and the AWS CLI, by digest; it keeps the secret files fresh."
  type        = string

  validation {
    condition     = strcontains(var.keys_image, "@sha256:")
    error_message = "Name the image by its digest (NAME@sha256:...): a tag can be moved."
  }
}

variable "cpu" {
  description = "CPU units of a member, 1024 a core."
  type        = number
  default     = 2048
}

variable "memory_mib" {
  description = "Hard limit of a member's memory: couriers, zygote and cells together."
  type        = number
  default     = 2048
}

variable "cluster_arn" {
  description = "ECS cluster whose instances run a kernel with Landlock (Amazon Linux 2023, kernel 6.12)."
  type        = string
}

variable "capacity_provider" {
  description = "Capacity provider of that cluster. Its instances set ECS_AWSVPC_BLOCK_IMDS=true."
  type        = string
}

variable "vpc_id" {
  description = "Where the tasks are."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the tasks, with a gateway endpoint for S3."
  type        = list(string)
}

variable "brokers" {
  description = "Kafka: its addresses, the port they all have, and the security group they are in."
  type = object({
    bootstrap         = string
    port              = number
    security_group_id = string
  })
}

variable "s3_prefix_list_id" {
  description = "Prefix list of the S3 gateway endpoint."
  type        = string
}

variable "role_arn" {
  description = "The principal's IAM role."
  type        = string
}

variable "secret_arn" {
  description = "The principal's SCRAM secret."
  type        = string
}

variable "secret_key_arn" {
  description = "KMS key of that secret."
  type        = string
}

variable "log_key_arn" {
  description = "KMS key of the logs."
  type        = string
}

data "aws_region" "current" {}

locals {
  secrets = "/run/cordon"
  nobody  = "65534:65534"

  # Both containers alike. The instance's Docker adds its own seccomp filter.
  hardened = {
    essential              = true
    user                   = local.nobody
    privileged             = false
    readonlyRootFilesystem = true
    dockerSecurityOptions  = ["no-new-privileges"]
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = false }
    mountPoints            = [{ sourceVolume = "secrets", containerPath = local.secrets }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.stage.name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = var.name
      }
    }
  }

  environment = {
    CORDON_TOPOLOGY            = "${local.secrets}/topology.yaml"
    CORDON_KAFKA_BOOTSTRAP     = var.brokers.bootstrap
    CORDON_KAFKA_TLS           = "true"
    CORDON_KAFKA_USERNAME      = var.name
    CORDON_KAFKA_PASSWORD_FILE = "${local.secrets}/kafka"
    CORDON_S3_REGION           = data.aws_region.current.region
    CORDON_S3_CREDENTIALS_FILE = "${local.secrets}/aws"
    CORDON_COURIER_SLOTS       = tostring(var.slots)
    CORDON_COURIER_JAIL        = "strict"
    CORDON_LOG                 = "info"
  }
}

resource "aws_ecs_task_definition" "member" {
  count = var.members

  family                   = "cordon-${var.name}-${count.index}"
  requires_compatibilities = ["EC2"]
  network_mode             = "awsvpc" # a network card, and so a security group, of its own
  cpu                      = var.cpu
  memory                   = var.memory_mib
  task_role_arn            = var.role_arn
  execution_role_arn       = aws_iam_role.execution.arn

  # In memory, and gone with the task.
  volume {
    name = "secrets"
    docker_volume_configuration {
      scope       = "task"
      driver      = "local"
      driver_opts = { type = "tmpfs", device = "tmpfs", o = "size=1m,mode=0700,uid=65534,gid=65534" }
    }
  }

  container_definitions = jsonencode([
    merge(local.hardened, {
      name      = "cordon"
      image     = var.image
      command   = var.command
      dependsOn = [{ containerName = "keys", condition = "HEALTHY" }]
      environment = [
        for name, value in merge(local.environment, { CORDON_SLOT_BASE = tostring(count.index * var.slots) }) :
        { name = name, value = value }
      ]
    }),
    merge(local.hardened, {
      name        = "keys"
      image       = var.keys_image
      entryPoint  = ["sh", "-c"]
      command     = [file("${path.module}/keys.sh")]
      environment = [{ name = "SECRETS", value = local.secrets }, { name = "TOPOLOGY", value = file(var.topology_file) }]
      # In this container's environment alone: the other reads a file.
      secrets = [{ name = "KAFKA_PASSWORD", valueFrom = "${var.secret_arn}:password::" }]
      healthCheck = {
        command     = ["CMD-SHELL", "test -s ${local.secrets}/aws && test -s ${local.secrets}/kafka"]
        interval    = 5
        retries     = 10
        startPeriod = 10
      }
    }),
  ])
}

resource "aws_ecs_service" "member" {
  count = var.members

  name                               = "cordon-${var.name}-${count.index}"
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.member[count.index].arn
  desired_count                      = 1
  deployment_minimum_healthy_percent = 0 # the old one stops first: two with one slot would fence each other
  deployment_maximum_percent         = 100
  enable_execute_command             = false

  capacity_provider_strategy {
    capacity_provider = var.capacity_provider
    weight            = 1
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.stage.id]
    assign_public_ip = false
  }
}

# No inbound rule: nothing in cordon listens.
resource "aws_security_group" "stage" {
  name        = "cordon-${var.name}"
  description = "cordon ${var.name}: to brokers and S3, and nowhere else"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "brokers" {
  security_group_id            = aws_security_group.stage.id
  description                  = "Kafka"
  ip_protocol                  = "tcp"
  from_port                    = var.brokers.port
  to_port                      = var.brokers.port
  referenced_security_group_id = var.brokers.security_group_id
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.stage.id
  description       = "S3 by its gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = var.s3_prefix_list_id
}

resource "aws_cloudwatch_log_group" "stage" {
  name              = "/cordon/${var.name}"
  retention_in_days = 365
  kms_key_id        = var.log_key_arn
}

# What the instance does on the task's behalf before it runs; the task itself never holds it.
resource "aws_iam_role" "execution" {
  name               = "cordon-${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.execution_trust.json
}

data "aws_iam_policy_document" "execution_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "secret-and-logs"
  role   = aws_iam_role.execution.name
  policy = data.aws_iam_policy_document.execution.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "OwnSecret"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.secret_arn]
  }
  statement {
    sid       = "ItsKey"
    actions   = ["kms:Decrypt"]
    resources = [var.secret_key_arn]
  }
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.stage.arn}:*"]
  }
}

output "security_group_id" {
  description = "For the rule that lets it in at the brokers."
  value       = aws_security_group.stage.id
}
