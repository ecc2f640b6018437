mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name               = "hallmark-test"
  snowflake_account  = "ACME-PROD"
  subnet_ids         = ["subnet-1"]
  security_group_ids = ["sg-1"]
  rotation_zip       = "tests/secrets.tftest.hcl"
  alert_topic_arn    = "arn:aws:sns:eu-central-1:123456789012:alerts"
  boundary_arn       = "arn:aws:iam::123456789012:policy/boundary"

  database_endpoint = {
    host             = "db.example.com"
    admin_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-0"
  }

  secrets = {
    state = { kind = "postgres", description = "state", readers = ["deliver"], group = "hallmark", database = "hallmark" }
    slack = { kind = "token", description = "Slack", readers = ["deliver"] }
  }
}

run "what_can_be_rotated_is" {
  command = plan

  assert {
    condition     = keys(aws_secretsmanager_secret_rotation.this) == ["state"]
    error_message = "A token is reminded of, not rotated."
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.this["state"].rotation_rules[0].automatically_after_days == 90
    error_message = "Every 90 days."
  }

  assert {
    condition     = local.table["hallmark-test/slack"] == { kind = "token", field = "value" }
    error_message = "The function knows a token's kind, and nothing to rotate it by."
  }
}

run "no_longer_than_90_days" {
  command = plan

  variables {
    rotation_days = 120
  }

  expect_failures = [var.rotation_days]
}

run "an_unknown_kind" {
  command = plan

  variables {
    secrets = { x = { kind = "password", description = "x", readers = [] } }
  }

  expect_failures = [var.secrets]
}
