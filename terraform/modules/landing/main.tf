# Buckets: what was read (landing), what is dropped for reading (drops), copies for years (archive), and who asked
# (logs).

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account       = data.aws_caller_identity.current.account_id
  config_prefix = "/config/AWSLogs/${local.account}/*"
  # A name of S3 is one in all of AWS: the account is part of it.
  names = { for key in ["landing", "drops", "archive", "logs"] : key => "${var.name}-${key}-${local.account}" }
  # The access logs alone have S3's own key: the logging service takes no other.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
  encrypted = toset(["landing", "drops", "archive"])

  # Days until a tier, until deletion, and until what was overwritten or deleted is gone; null for never.
  lifecycle = {
    landing = { tiers = { STANDARD_IA = 30, GLACIER_IR = 90 }, expire = var.landing_days, noncurrent = 30 }
    drops   = { tiers = { STANDARD_IA = 30 }, expire = var.drops_days, noncurrent = 30 }
    archive = { tiers = { GLACIER_IR = 1, DEEP_ARCHIVE = 180 }, expire = null, noncurrent = 365 }
    logs    = { tiers = { STANDARD_IA = 30 }, expire = 400, noncurrent = 30 }
  }
}

resource "aws_s3_bucket" "this" {
  for_each = local.names

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.names

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = contains(local.encrypted, each.key)

    apply_server_side_encryption_by_default {
      sse_algorithm     = contains(local.encrypted, each.key) ? "aws:kms" : "AES256"
      kms_master_key_id = contains(local.encrypted, each.key) ? aws_kms_key.landing.arn : null
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.lifecycle

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "tiers"
    status = "Enabled"

    filter {}

    dynamic "transition" {
      for_each = each.value.tiers

      content {
        storage_class = transition.key
        days          = transition.value
      }
    }

    dynamic "expiration" {
      for_each = each.value.expire == null ? [] : [each.value.expire]

      content {
        days = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = each.value.noncurrent
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = local.encrypted

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "${each.key}/"

  depends_on = [aws_s3_bucket_policy.this]
}

# A file dropped is an event: the module events has the rule that hears it.
resource "aws_s3_bucket_notification" "this" {
  for_each = toset(["landing", "drops"])

  bucket      = aws_s3_bucket.this[each.key].id
  eventbridge = true
}
