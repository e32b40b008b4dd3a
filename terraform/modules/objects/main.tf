# The bucket of all payloads, and the key they are encrypted with.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
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

variable "reader_role_arns" {
  description = "Roles that may decrypt objects of this bucket."
  type        = list(string)
}

variable "writer_role_arns" {
  description = "Roles that may encrypt objects of this bucket."
  type        = list(string)
}

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  topology = yamldecode(file(var.topology_file))
  policies = jsondecode(file(var.policies_file))
  account  = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"
}

resource "aws_s3_bucket" "payloads" {
  # checkov:skip=CKV_AWS_21:no object is ever written twice; versions would only keep what has expired
  # checkov:skip=CKV_AWS_144:payloads live for days, and can be made again from what shippers hold
  # checkov:skip=CKV_AWS_18:reads are told by CloudTrail data events, with the principal and the key
  # checkov:skip=CKV2_AWS_62:nothing waits for objects: pointers travel through Kafka
  bucket = local.topology.bucket

  lifecycle {
    precondition {
      condition     = filesha256(var.topology_file) == local.policies.topology_sha256
      error_message = "The policies are of another topology. Run: cordon topology show --iam > ${var.policies_file}"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "payloads" {
  bucket                  = aws_s3_bucket.payloads.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "payloads" {
  bucket = aws_s3_bucket.payloads.id

  rule {
    object_ownership = "BucketOwnerEnforced" # no ACLs
  }
}

# TLS only, and no put that could overwrite: as cordon prints it.
resource "aws_s3_bucket_policy" "payloads" {
  bucket = aws_s3_bucket.payloads.id
  policy = jsonencode(local.policies.bucket)

  depends_on = [aws_s3_bucket_public_access_block.payloads]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "payloads" {
  bucket = aws_s3_bucket.payloads.id

  rule {
    bucket_key_enabled = true # one data key for many objects: KMS would cost more than S3
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.payloads.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "payloads" {
  bucket = aws_s3_bucket.payloads.id

  rule {
    id     = "payloads"
    status = "Enabled"
    filter {
      # All but the canaries, which are 17 bytes and stay: an Avro container's header alone is larger.
      object_size_greater_than = 64
    }
    expiration {
      days = local.topology.payload_expiry_days
    }
  }

  # None can begin, by the bucket's policy. S3 allows this in a rule without sizes only.
  rule {
    id     = "uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_kms_key" "payloads" {
  description             = "Payloads in ${local.topology.bucket}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

# Through S3 and for this bucket alone: who holds a role's keys cannot decrypt by itself.
data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:a key policy names its own key by "*"
  # checkov:skip=CKV_AWS_111:a key policy names its own key by "*"
  # checkov:skip=CKV_AWS_356:a key policy names its own key by "*"
  statement {
    sid       = "Administration"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [local.account]
    }
  }

  dynamic "statement" {
    for_each = {
      Readers = { action = "kms:Decrypt", roles = var.reader_role_arns }
      Writers = { action = "kms:GenerateDataKey", roles = var.writer_role_arns }
    }
    content {
      sid       = statement.key
      actions   = [statement.value.action]
      resources = ["*"]
      principals {
        type        = "AWS"
        identifiers = statement.value.roles
      }
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${data.aws_region.current.region}.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:s3:arn"
        values   = ["arn:aws:s3:::${local.topology.bucket}"]
      }
    }
  }
}

output "bucket_arn" {
  description = "The bucket."
  value       = aws_s3_bucket.payloads.arn
}
