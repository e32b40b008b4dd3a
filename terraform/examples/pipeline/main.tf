# The whole pipeline on a given cluster of brokers (MSK, Redpanda, Apache Kafka) and a given ECS
# cluster.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.7"
    }
  }
}

variable "topology_file" {
  description = "Your copy of kafka/topology.yaml: bucket names are everybody's, so yours is another."
  type        = string
}

variable "policies_file" {
  description = "What `cordon topology show --iam` printed for it."
  type        = string
}

variable "msk_cluster_arn" {
  description = "The cluster, if it is MSK: its users are the secrets. Otherwise `cordon topology apply` makes them."
  type        = string
  default     = null
}

variable "brokers" {
  description = "Addresses with SASL/SCRAM over TLS (MSK: port 9096), and the brokers' security group."
  type = object({
    bootstrap         = string
    port              = number
    security_group_id = string
  })
}

variable "ecs" {
  description = "A cluster of instances with a kernel that has Landlock, and its capacity provider."
  type        = object({ cluster_arn = string, capacity_provider = string })
}

variable "network" {
  description = "Private subnets with a gateway endpoint for S3, and that endpoint's prefix list."
  type        = object({ vpc_id = string, subnet_ids = list(string), s3_prefix_list_id = string })
}

variable "images" {
  description = "cordon's image, and one with the AWS CLI, by digest."
  type        = object({ cordon = string, keys = string })
}

variable "people" {
  description = "ARNs of those who act as reader, operator and admin."
  type        = object({ reader = list(string), operator = list(string), admin = list(string) })
}

variable "members" {
  description = "Couriers of each stage."
  type        = map(number)
  default     = { pack = 1, generate = 2, match = 2, merge = 1 }
}

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

module "principals" {
  source = "../../modules/principals"

  topology_file = var.topology_file
  policies_file = var.policies_file
  people        = var.people
  scram_key_arn = aws_kms_key.secrets.arn
}

module "objects" {
  source = "../../modules/objects"

  topology_file    = var.topology_file
  policies_file    = var.policies_file
  reader_role_arns = module.principals.reader_role_arns
  writer_role_arns = module.principals.writer_role_arns
}

module "stage" {
  source   = "../../modules/stage"
  for_each = var.members

  name              = each.key
  command           = ["run", each.key]
  members           = each.value
  topology_file     = var.topology_file
  image             = var.images.cordon
  keys_image        = var.images.keys
  cluster_arn       = var.ecs.cluster_arn
  capacity_provider = var.ecs.capacity_provider
  vpc_id            = var.network.vpc_id
  subnet_ids        = var.network.subnet_ids
  brokers           = var.brokers
  s3_prefix_list_id = var.network.s3_prefix_list_id
  role_arn          = module.principals.role_arns[each.key]
  secret_arn        = module.principals.secret_arns[each.key]
  secret_key_arn    = aws_kms_key.secrets.arn
  log_key_arn       = aws_kms_key.secrets.arn
}

# The brokers let the stages in.
resource "aws_vpc_security_group_ingress_rule" "brokers" {
  for_each = var.members

  security_group_id            = var.brokers.security_group_id
  description                  = "cordon ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = var.brokers.port
  to_port                      = var.brokers.port
  referenced_security_group_id = module.stage[each.key].security_group_id
}

resource "aws_msk_scram_secret_association" "users" {
  count = var.msk_cluster_arn == null ? 0 : 1

  cluster_arn     = var.msk_cluster_arn
  secret_arn_list = values(module.principals.secret_arns)
}

resource "aws_kms_key" "secrets" {
  description             = "cordon: SCRAM secrets and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.secrets_key.json
}

data "aws_iam_policy_document" "secrets_key" {
  # checkov:skip=CKV_AWS_109:a key policy names its own key by "*"
  # checkov:skip=CKV_AWS_111:a key policy names its own key by "*"
  # checkov:skip=CKV_AWS_356:a key policy names its own key by "*"
  statement {
    sid       = "Administration"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.current.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:log-group:/cordon/*"]
    }
  }
}
