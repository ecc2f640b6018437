# Who is no pod: GitHub's workflows, and Snowflake, which reads what waits for COPY.

locals {
  snowflake        = "${var.name}-snowflake"
  partition        = data.aws_partition.current.partition
  image_repository = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${var.image_repository}"
  cluster          = "arn:${local.partition}:eks:${local.region}:${local.account}:cluster/${var.name}"
  image_actions = [
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
  ]
}

resource "aws_ecr_repository" "image" {
  name                 = var.image_repository
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_iam_role" "ci" {
  name                 = "${var.name}-ci"
  description          = "Workflows of ${var.github_repository}."
  assume_role_policy   = data.aws_iam_policy_document.ci_trust.json
  permissions_boundary = aws_iam_policy.boundary.arn
  max_session_duration = 3600
}

data "aws_iam_policy_document" "ci_trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.github_oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [for subject in var.github_subjects : "repo:${var.github_repository}:${subject}"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "ci" {
  name   = "images"
  role   = aws_iam_role.ci.name
  policy = data.aws_iam_policy_document.ci.json
}

data "aws_iam_policy_document" "ci" {
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

  # Its address, for a release; what it may do in it is said there (deploy/kubernetes/base/accounts.yaml).
  statement {
    sid       = "Cluster"
    actions   = ["eks:DescribeCluster"]
    resources = [local.cluster]
  }
}

resource "aws_iam_role" "snowflake" {
  count = var.snowflake_principal == null ? 0 : 1

  name                 = local.snowflake
  description          = "Snowflake's storage integration."
  assume_role_policy   = data.aws_iam_policy_document.snowflake_trust[0].json
  permissions_boundary = aws_iam_policy.boundary.arn
}

data "aws_iam_policy_document" "snowflake_trust" {
  count = var.snowflake_principal == null ? 0 : 1

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.snowflake_principal.user_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.snowflake_principal.external_id]
    }
  }
}

resource "aws_iam_role_policy" "snowflake" {
  count = var.snowflake_principal == null ? 0 : 1

  name   = "staged"
  role   = aws_iam_role.snowflake[0].name
  policy = data.aws_iam_policy_document.snowflake.json
}

data "aws_iam_policy_document" "snowflake" {
  # COPY removes what it has loaded (PURGE).
  statement {
    sid       = "Staged"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject"]
    resources = ["${var.landing_bucket_arn}/${local.prefix}staged/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.landing_bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${local.prefix}staged/*"]
    }
  }

  statement {
    sid       = "Where"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.landing_bucket_arn]
  }

  statement {
    sid       = "LandingKey"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns["landing"]]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }
  }
}
