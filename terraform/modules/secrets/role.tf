# What the rotation may do.

resource "aws_iam_role" "rotation" {
  name                 = local.function
  description          = "The rotation of secrets."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "rotation" {
  name   = "rotation"
  role   = aws_iam_role.rotation.name
  policy = data.aws_iam_policy_document.rotation.json
}

data "aws_iam_policy_document" "rotation" {
  statement {
    sid       = "Describe"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"]
    resources = [for secret in aws_secretsmanager_secret.this : secret.arn]
  }

  # No token: what nobody rotates, nobody need read or write.
  dynamic "statement" {
    for_each = length(local.rotated) > 0 ? [true] : []

    content {
      sid = "Rotate"
      actions = [
        "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
      ]
      resources = [for key in keys(local.rotated) : aws_secretsmanager_secret.this[key].arn]
    }
  }

  statement {
    sid       = "Administrator"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.database_endpoint.admin_secret_arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = concat([aws_kms_key.secrets.arn], var.database_endpoint.admin_key_arns, var.alert_key_arns)
  }

  statement {
    sid       = "Tell"
    actions   = ["sns:Publish"]
    resources = [var.alert_topic_arn]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.rotation.arn}:*"]
  }

  # Lambda makes and removes network interfaces in a VPC before there is any resource to name.
  statement {
    sid       = "Network"
    actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"]
    resources = ["*"]
  }
}
