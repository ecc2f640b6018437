# OpenMetadata's index: an OpenSearch domain in the VPC. It holds nothing that a reindex of the catalog would not bring
# back.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  arn     = "arn:${data.aws_partition.current.partition}"
  domain  = "${local.arn}:es:${data.aws_region.current.name}:${local.account}:domain/${var.name}"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/hallmark/${var.name}/search"
  kms_key_id        = var.log_key_arn
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:PutLogEvents", "logs:CreateLogStream"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["es.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  policy_name     = "${var.name}-search"
  policy_document = data.aws_iam_policy_document.logs.json
}

data "aws_iam_policy_document" "access" {
  statement {
    sid       = "OpenMetadata"
    actions   = ["es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut", "es:ESHttpDelete"]
    resources = ["${local.domain}/*"]

    principals {
      type        = "AWS"
      identifiers = [var.catalog_role_arn]
    }
  }
}

resource "aws_opensearch_domain" "this" {
  domain_name     = var.name
  engine_version  = "OpenSearch_2.17"
  access_policies = data.aws_iam_policy_document.access.json

  cluster_config {
    instance_type            = var.instance_type
    instance_count           = var.nodes
    zone_awareness_enabled   = var.nodes > 1
    dedicated_master_enabled = var.masters > 0
    dedicated_master_count   = var.masters > 0 ? var.masters : null
    dedicated_master_type    = var.masters > 0 ? var.instance_type : null

    dynamic "zone_awareness_config" {
      for_each = var.nodes > 1 ? [1] : []

      content {
        availability_zone_count = min(var.nodes, 3)
      }
    }
  }

  vpc_options {
    subnet_ids         = slice(var.subnet_ids, 0, min(var.nodes, 3))
    security_group_ids = [var.security_group_id]
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.storage_gb
  }

  encrypt_at_rest {
    enabled    = true
    kms_key_id = var.kms_key_arn
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  dynamic "log_publishing_options" {
    for_each = toset(["ES_APPLICATION_LOGS", "INDEX_SLOW_LOGS"])

    content {
      log_type                 = log_publishing_options.key
      cloudwatch_log_group_arn = aws_cloudwatch_log_group.this.arn
    }
  }

  depends_on = [aws_cloudwatch_log_resource_policy.this]
}
