# A role for each workload. Who may do what is the table `local.rights`; statements.tf makes policies of it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.name
  prefix  = var.landing_prefix == "" ? "" : "${var.landing_prefix}/"
  issuer  = trimprefix(var.oidc_provider_url, "https://")

  # A key of the landing zone is <prefix>/<2 hex>/<source>/<stream>/<load id>/<file>: two ? stand for the hex digits.
  # A * in their place would let a source named like another one's stream in.
  #
  #   lists    below which prefixes names may be listed
  #   probes   whether the prefix of the landing zone itself may be asked for one key, which shows that it is there
  #   reads, writes, deletes  which keys
  #   uploads  whether uploads that nobody finished may be listed, which S3 knows for a whole bucket only
  none = { lists = [], probes = false, reads = [], writes = [], deletes = [], uploads = false }
  rights = merge(
    {
      for source in var.sources : "ingest_${source}" => merge(local.none, {
        lists   = ["??/${source}/*"]
        reads   = ["??/${source}/*"]
        writes  = concat(["??/${source}/*"], local.staged)
        deletes = ["??/${source}/*"]
      })
    },
    {
      # The flows that go over all sources: batch, shard, backfill, and what an operator does (gc, replay).
      batch = merge(local.none, {
        lists   = ["*"]
        reads   = ["??/*"]
        writes  = concat(["??/*"], local.staged)
        deletes = concat(["??/*"], local.staged)
        uploads = true
      })
      # Silver and gold are made of what is in the warehouse.
      transform = merge(local.none, { probes = true })
      # How many rows and bytes a load has is in its manifest.
      watch   = merge(local.none, { lists = ["??/*"], reads = ["??/*/manifest.json"] })
      catalog = merge(local.none, { lists = ["??/*"], reads = ["??/*/manifest.json"] })
      deliver = local.none
    },
  )
  staged = var.external_stage ? ["staged/*"] : []

  workloads = toset(keys(local.rights))
  service_accounts = {
    for role in local.workloads : role => role == "batch" ? "hallmark-flow" : "hallmark-${replace(role, "_", "-")}"
  }
  # Of a secret's readers `ingest` stands for the roles of all sources.
  secrets_of = {
    for role in local.workloads : role => [
      for secret, readers in var.secret_readers : var.secret_arns[secret]
      if contains(readers, role) || (startswith(role, "ingest_") && contains(readers, "ingest"))
    ]
  }
  buckets_of = {
    for role in local.workloads : role => [
      for source, bucket in var.source_buckets : bucket if contains(["batch", "ingest_${source}"], role)
    ]
  }
}

resource "aws_iam_role" "workload" {
  for_each = local.workloads

  name                 = "${var.name}-${replace(each.key, "_", "-")}"
  description          = "Pods of the service account ${local.service_accounts[each.key]}."
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = aws_iam_policy.boundary.arn
  max_session_duration = 14400 # a Job's deadline
}

data "aws_iam_policy_document" "trust" {
  for_each = local.service_accounts

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${var.namespace}:${each.value}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "workload" {
  for_each = { for role, statements in local.statements : role => statements if length(statements) > 0 }

  name   = "workload"
  role   = aws_iam_role.workload[each.key].name
  policy = data.aws_iam_policy_document.workload[each.key].json
}

data "aws_iam_policy_document" "workload" {
  for_each = { for role, statements in local.statements : role => statements if length(statements) > 0 }

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}
