# One IAM role and one SCRAM secret for each principal of the topology.

terraform {
  required_version = ">= 1.11" # write-only arguments and ephemeral resources
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
  description = "The topology: kafka/topology.yaml, or your own."
  type        = string
}

variable "policies_file" {
  description = "What `cordon topology show --iam` printed for that topology."
  type        = string
}

variable "people" {
  description = "ARNs that may assume the role of a principal that no service runs as (reader, operator, admin), by principal."
  type        = map(list(string))
  default     = {}
}

variable "scram_key_arn" {
  description = "Customer managed KMS key of the SCRAM secrets. MSK takes no secret under AWS's own key."
  type        = string
}

variable "password_version" {
  description = "Raise it to draw every password anew."
  type        = number
  default     = 1
}

data "aws_caller_identity" "current" {}

locals {
  topology = yamldecode(file(var.topology_file))
  policies = jsondecode(file(var.policies_file))

  # The administrator's user is made with the cluster, before there is anyone to make it.
  users = toset([for name, spec in local.topology.principals : name if lookup(spec, "role", "") != "admin"])
}

# Documents of another topology would grant what nobody declared here.
resource "terraform_data" "policies_are_of_this_topology" {
  input = local.policies.topology_sha256

  lifecycle {
    precondition {
      condition     = filesha256(var.topology_file) == local.policies.topology_sha256
      error_message = "The policies are of another topology. Run: cordon topology show --iam > ${var.policies_file}"
    }
  }
}

resource "aws_iam_role" "principal" {
  for_each = local.policies.principals

  name                 = "${local.topology.bucket}-${each.key}"
  description          = "cordon principal ${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600

  depends_on = [terraform_data.policies_are_of_this_topology]
}

# Exactly the document that cordon prints, and no other.
resource "aws_iam_role_policy" "principal" {
  for_each = local.policies.principals

  name   = "cordon"
  role   = aws_iam_role.principal[each.key].name
  policy = jsonencode(each.value)
}

# A service of this account runs as the principal, or people that are named.
data "aws_iam_policy_document" "trust" {
  for_each = local.policies.principals

  dynamic "statement" {
    for_each = contains(keys(var.people), each.key) ? [] : [each.key]
    content {
      actions = ["sts:AssumeRole"]
      principals {
        type        = "Service"
        identifiers = ["ecs-tasks.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }

  dynamic "statement" {
    for_each = contains(keys(var.people), each.key) ? [var.people[each.key]] : []
    content {
      actions = ["sts:AssumeRole"]
      principals {
        type        = "AWS"
        identifiers = statement.value
      }
    }
  }
}

# Drawn while Terraform runs, and never in its state.
ephemeral "random_password" "scram" {
  for_each = local.users

  length  = 64
  special = false
}

resource "aws_secretsmanager_secret" "scram" {
  # checkov:skip=CKV2_AWS_57:rotation by a function would give that function every password; raise password_version
  for_each = local.users

  name        = "AmazonMSK_${local.topology.bucket}_${each.key}" # MSK takes no other name
  description = "SCRAM password of the cordon principal ${each.key}"
  kms_key_id  = var.scram_key_arn
}

resource "aws_secretsmanager_secret_version" "scram" {
  for_each = local.users

  secret_id                = aws_secretsmanager_secret.scram[each.key].id
  secret_string_wo         = jsonencode({ username = each.key, password = ephemeral.random_password.scram[each.key].result })
  secret_string_wo_version = var.password_version
}

output "role_arns" {
  description = "IAM role of each principal that may do something with objects."
  value       = { for name, role in aws_iam_role.principal : name => role.arn }
}

output "reader_role_arns" {
  description = "Roles that may get objects, and so need to decrypt."
  value = [
    for name, document in local.policies.principals : aws_iam_role.principal[name].arn
    if anytrue([for statement in document.Statement : contains(statement.Action, "s3:GetObject")])
  ]
}

output "writer_role_arns" {
  description = "Roles that may put objects, and so need data keys."
  value = [
    for name, document in local.policies.principals : aws_iam_role.principal[name].arn
    if anytrue([for statement in document.Statement : contains(statement.Action, "s3:PutObject")])
  ]
}

output "secret_arns" {
  description = "SCRAM secret of each principal, for aws_msk_scram_secret_association and for stages."
  value       = { for name, secret in aws_secretsmanager_secret.scram : name => secret.arn }
}
