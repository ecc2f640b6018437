# Where Terraform's state is kept, and who asked for it.

locals {
  arn = "arn:aws:iam::${var.account_id}"
  buckets = {
    state = "${var.name}-state-${var.account_id}"
    logs  = "${var.name}-state-logs-${var.account_id}"
  }
}

resource "aws_kms_key" "state" {
  description             = "Terraform's state of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

data "aws_iam_policy_document" "key" {
  # In a key's policy * is this key; without the account nobody could change the policy again:
  # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["${local.arn}:root"]
    }
  }
}

resource "aws_s3_bucket" "state" {
  for_each = local.buckets

  bucket = each.value

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "state" {
  for_each = local.buckets

  bucket = aws_s3_bucket.state[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

# The logging service takes no other key than S3's own.
resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  for_each = local.buckets

  bucket = aws_s3_bucket.state[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "state" ? "aws:kms" : "AES256"
      kms_master_key_id = each.key == "state" ? aws_kms_key.state.arn : null
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.state[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Earlier states are kept for a year, and logs as long as those of the platform.
resource "aws_s3_bucket_lifecycle_configuration" "state" {
  for_each = local.buckets

  bucket = aws_s3_bucket.state[each.key].id

  rule {
    id     = "end"
    status = "Enabled"

    filter {}

    dynamic "expiration" {
      for_each = each.key == "logs" ? [400] : []

      content {
        days = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = each.key == "state" ? 365 : 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.state[each.key].arn, "${aws_s3_bucket.state[each.key].arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? ["state"] : []

    content {
      sid       = "AccessLogs"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.state["logs"].arn}/${statement.value}/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "state" {
  for_each = local.buckets

  bucket = aws_s3_bucket.state[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.state]
}

resource "aws_s3_bucket_logging" "state" {
  bucket        = aws_s3_bucket.state["state"].id
  target_bucket = aws_s3_bucket.state["logs"].id
  target_prefix = "state/"

  depends_on = [aws_s3_bucket_policy.state]
}
