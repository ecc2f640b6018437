# What no role of these has, whatever policy is attached to it later. A boundary grants nothing.

locals {
  secrets = "arn:${data.aws_partition.current.partition}:secretsmanager:${local.region}:${local.account}:secret"
}

resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  description = "The most that a role of a workload may have."
  policy      = data.aws_iam_policy_document.boundary.json
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid = "Data"
    actions = [
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion",
      "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutObject",
    ]
    resources = flatten([
      for arn in concat([var.landing_bucket_arn], values(var.source_buckets)[*].bucket_arn) : [arn, "${arn}/*"]
    ])
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = concat(values(var.kms_key_arns), flatten(values(var.source_buckets)[*].kms_key_arns))
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["${local.secrets}:${var.name}/*"]
  }

  statement {
    sid       = "Images"
    actions   = local.image_actions
    resources = [local.image_repository]
  }

  # The login to a registry is for the account: ECR knows no resource for it.
  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "Cluster"
    actions   = ["eks:DescribeCluster"]
    resources = [local.cluster]
  }

  statement {
    sid       = "Archive"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
    resources = ["${var.archive_bucket_arn}/*"]
  }

  # Versions are what a deleted or overwritten load is restored from.
  statement {
    sid       = "Versions"
    effect    = "Deny"
    actions   = ["s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"]
    resources = [var.landing_bucket_arn, "${var.landing_bucket_arn}/*"]
  }
}

resource "aws_iam_policy" "lambda_boundary" {
  name        = "${var.name}-lambda-boundary"
  description = "The most that a Lambda's role may have."
  policy      = data.aws_iam_policy_document.lambda_boundary.json
}

data "aws_iam_policy_document" "lambda_boundary" {
  statement {
    sid = "Secrets"
    actions = [
      "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:ListSecretVersionIds",
      "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
    ]
    # Those of this platform, and the one that RDS keeps for the database's administrator.
    resources = ["${local.secrets}:${var.name}/*", "${local.secrets}:rds!*"]
  }

  statement {
    sid = "Own"
    actions = [
      "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents", "sns:Publish",
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
    ]
    resources = [
      for service in ["kms", "logs", "sns", "sqs"] :
      "arn:${data.aws_partition.current.partition}:${service}:${local.region}:${local.account}:*"
    ]
  }

  # Lambda makes and removes network interfaces in a VPC before there is any resource to name.
  statement {
    sid       = "Network"
    actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"]
    resources = ["*"]
  }
}
