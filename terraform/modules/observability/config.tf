# AWS Config: what changed, and what does not hold any more. An account has one recorder in a region; where one is there
# already (Control Tower makes it), `record_config` is false, and only the rules are made.

locals {
  config_rules = toset([
    "CLOUDWATCH_LOG_GROUP_ENCRYPTED", "EC2_EBS_ENCRYPTION_BY_DEFAULT", "EKS_ENDPOINT_NO_PUBLIC_ACCESS",
    "EKS_SECRETS_ENCRYPTED", "ENCRYPTED_VOLUMES", "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
    "IAM_ROOT_ACCESS_KEY_CHECK", "OPENSEARCH_ENCRYPTED_AT_REST", "RDS_INSTANCE_PUBLIC_ACCESS_CHECK",
    "RDS_STORAGE_ENCRYPTED", "ROOT_ACCOUNT_MFA_ENABLED", "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
    "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED", "S3_BUCKET_SSL_REQUESTS_ONLY",
    "SECRETSMANAGER_ROTATION_ENABLED_CHECK", "VPC_DEFAULT_SECURITY_GROUP_CLOSED", "VPC_FLOW_LOGS_ENABLED",
  ])
}

resource "aws_config_config_rule" "this" {
  for_each = local.config_rules

  name = "${var.name}-${replace(lower(each.key), "_", "-")}"

  source {
    owner             = "AWS"
    source_identifier = each.key
  }

  depends_on = [aws_config_configuration_recorder.this]
}

resource "aws_config_configuration_recorder" "this" {
  count = var.record_config ? 1 : 0

  name     = var.name
  role_arn = aws_iam_role.config[0].arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }
}

resource "aws_config_delivery_channel" "this" {
  count = var.record_config ? 1 : 0

  name           = var.name
  s3_bucket_name = var.logs_bucket
  s3_key_prefix  = "config"

  depends_on = [aws_config_configuration_recorder.this]
}

resource "aws_config_configuration_recorder_status" "this" {
  count = var.record_config ? 1 : 0

  name       = aws_config_configuration_recorder.this[0].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}

data "aws_iam_policy_document" "config_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "config" {
  count = var.record_config ? 1 : 0

  name               = "${var.name}-config"
  assume_role_policy = data.aws_iam_policy_document.config_trust.json
}

# AWS keeps the list of what its recorder reads: https://docs.aws.amazon.com/config/latest/developerguide/iamrole-permissions.html
resource "aws_iam_role_policy_attachment" "config" {
  count = var.record_config ? 1 : 0

  role       = aws_iam_role.config[0].name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AWS_ConfigRole"
}

data "aws_iam_policy_document" "config" {
  statement {
    actions   = ["s3:PutObject"]
    resources = ["${local.arn}:s3:::${var.logs_bucket}/config/AWSLogs/${local.account}/*"]
  }

  statement {
    actions   = ["s3:GetBucketAcl"]
    resources = ["${local.arn}:s3:::${var.logs_bucket}"]
  }
}

resource "aws_iam_role_policy" "config" {
  count = var.record_config ? 1 : 0

  name   = "deliver"
  role   = aws_iam_role.config[0].id
  policy = data.aws_iam_policy_document.config.json
}
