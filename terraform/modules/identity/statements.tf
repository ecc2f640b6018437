# The table of main.tf as statements. An empty list of resources makes none.

locals {
  # Whoever has the key can use it for what S3 reads and writes for him, and not by hand.
  via_s3 = [{ test = "StringEquals", variable = "kms:ViaService", values = ["s3.${local.region}.amazonaws.com"] }]

  statements = {
    for role, right in local.rights : role => [
      for statement in concat(
        [
          {
            sid       = "List"
            actions   = ["s3:ListBucket"]
            resources = length(right.lists) > 0 ? [var.landing_bucket_arn] : []
            conditions = [
              {
                test     = "StringLike"
                variable = "s3:prefix"
                values   = [for key in right.lists : "${local.prefix}${key}"]
              },
            ]
          },
          {
            sid       = "Probe"
            actions   = ["s3:ListBucket"]
            resources = right.probes ? [var.landing_bucket_arn] : []
            conditions = [
              { test = "StringEquals", variable = "s3:prefix", values = [local.prefix] },
              { test = "NumericEquals", variable = "s3:max-keys", values = ["1"] },
            ]
          },
          {
            sid        = "Read"
            actions    = ["s3:GetObject"]
            resources  = [for key in right.reads : "${var.landing_bucket_arn}/${local.prefix}${key}"]
            conditions = []
          },
          {
            sid        = "Write"
            actions    = ["s3:PutObject", "s3:AbortMultipartUpload"]
            resources  = [for key in right.writes : "${var.landing_bucket_arn}/${local.prefix}${key}"]
            conditions = []
          },
          {
            sid        = "Delete"
            actions    = ["s3:DeleteObject"]
            resources  = [for key in right.deletes : "${var.landing_bucket_arn}/${local.prefix}${key}"]
            conditions = []
          },
          {
            sid        = "Uploads"
            actions    = ["s3:ListBucketMultipartUploads"]
            resources  = right.uploads ? [var.landing_bucket_arn] : []
            conditions = []
          },
          {
            sid        = "LandingKey"
            actions    = concat(["kms:Decrypt"], length(right.writes) > 0 ? ["kms:GenerateDataKey"] : [])
            resources  = length(right.reads) > 0 ? [var.kms_key_arns["landing"]] : []
            conditions = local.via_s3
          },
          {
            sid        = "Secrets"
            actions    = ["secretsmanager:GetSecretValue"]
            resources  = local.secrets_of[role]
            conditions = []
          },
          {
            sid       = "SecretsKey"
            actions   = ["kms:Decrypt"]
            resources = length(local.secrets_of[role]) > 0 ? [var.kms_key_arns["secrets"]] : []
            conditions = [
              {
                test     = "StringEquals"
                variable = "kms:ViaService"
                values   = ["secretsmanager.${local.region}.amazonaws.com"]
              },
              { test = "StringEquals", variable = "kms:EncryptionContext:SecretARN", values = local.secrets_of[role] },
            ]
          },
          {
            sid        = "Drops"
            actions    = ["s3:GetObject"]
            resources  = [for bucket in local.buckets_of[role] : "${bucket.bucket_arn}/${bucket.prefix}*"]
            conditions = []
          },
          {
            sid        = "DropsKey"
            actions    = ["kms:Decrypt"]
            resources  = flatten(local.buckets_of[role][*].kms_key_arns)
            conditions = local.via_s3
          },
        ],
        [
          for number, bucket in local.buckets_of[role] : {
            sid        = "DropsList${number}"
            actions    = ["s3:ListBucket"]
            resources  = [bucket.bucket_arn]
            conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["${bucket.prefix}*"] }]
          }
        ],
      ) : statement if length(statement.resources) > 0
    ]
  }
}
