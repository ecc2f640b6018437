# AWS without the internet: S3 by a gateway, the rest by interfaces. Their policies admit this account's principals
# alone, so that a stolen key of another account carries nothing out.

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "endpoint" {
  # Which actions and resources, the roles' policies say: those of an endpoint come on top.
  statement {
    sid       = "ThisAccount"
    actions   = ["*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

# Pods have no identity of AWS yet when they ask for one, so the account of the role is what can be compared:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sts_vpc_endpoint_policies.html
data "aws_iam_policy_document" "sts" {
  source_policy_documents = [data.aws_iam_policy_document.endpoint.json]

  statement {
    sid       = "PodsTakeRolesOfThisAccount"
    actions   = ["sts:AssumeRoleWithWebIdentity"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

# What lies in buckets of others and is fetched by addresses that they signed: ECR's layers, and of Snowflake's account
# the results of large queries and its internal stage.
data "aws_iam_policy_document" "s3" {
  source_policy_documents = [data.aws_iam_policy_document.endpoint.json]

  dynamic "statement" {
    for_each = length(var.snowflake_stage_buckets) > 0 ? [true] : []

    content {
      sid       = "SnowflakeStages"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = [for bucket in var.snowflake_stage_buckets : "arn:aws:s3:::${bucket}/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }

  statement {
    sid       = "ImageLayers"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::prod-${data.aws_region.current.name}-starport-layer-bucket/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for key, subnet in local.subnets : aws_route_table.this[key].id if subnet.tier == "private"]
  policy            = data.aws_iam_policy_document.s3.json
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.ids["private"]
  security_group_ids  = [aws_security_group.this["endpoints"].id]
  tags                = { Name = "${var.name}-${each.key}" }
  policy = (
    each.key == "sts" ? data.aws_iam_policy_document.sts.json : data.aws_iam_policy_document.endpoint.json
  )
}
