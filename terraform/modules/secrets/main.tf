# Secrets without values: a value in Terraform would be in its state. Rotation writes those of databases, an operator
# the first Snowflake keys and the tokens.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account  = data.aws_caller_identity.current.account_id
  role_arn = "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/${var.name}"
  rotated  = { for key, secret in var.secrets : key => secret if secret.kind != "token" }
  fields   = { snowflake_key_pair = "snowflake_private_key", postgres = "url", token = "value" }
}

resource "aws_kms_key" "secrets" {
  description             = "Secrets of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "secrets" {
  name          = "alias/${var.name}-secrets"
  target_key_id = aws_kms_key.secrets.key_id
}

data "aws_iam_policy_document" "key" {
  # In a key's policy * is this key. Without the account nobody could ever change the policy again, and grants by IAM
  # would count for nothing: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local.account}:root"]
    }
  }
}

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets

  name                    = "${var.name}/${each.key}"
  description             = each.value.description
  kms_key_id              = aws_kms_key.secrets.arn
  recovery_window_in_days = var.recovery_days
  tags                    = { kind = each.value.kind }
}

# A right by IAM is not enough to read one: whoever is not named here is refused, administrators among them. One of
# them who must read a value changes this policy first, which is seen.
resource "aws_secretsmanager_secret_policy" "this" {
  for_each = var.secrets

  secret_arn          = aws_secretsmanager_secret.this[each.key].arn
  policy              = data.aws_iam_policy_document.secret[each.key].json
  block_public_policy = true
}

data "aws_iam_policy_document" "secret" {
  for_each = var.secrets

  statement {
    sid       = "ReadersOnly"
    effect    = "Deny"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"]
    resources = ["*"] # of a secret's policy: this secret

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values = concat(
        [aws_iam_role.rotation.arn],
        [
          for role in each.value.readers :
          "${local.role_arn}-${role == "ingest" ? "ingest-*" : replace(role, "_", "-")}"
        ],
      )
    }
  }
}

resource "aws_secretsmanager_secret_rotation" "this" {
  for_each = local.rotated

  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = aws_lambda_function.rotation.arn
  # The first values are put in after the apply.
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = var.rotation_days
  }

  depends_on = [aws_lambda_permission.secretsmanager]
}
