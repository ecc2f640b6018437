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

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/boundary" }
  }
}

variables {
  name                     = "hallmark-test"
  sources                  = ["crm", "drops"]
  landing_bucket_arn       = "arn:aws:s3:::landing"
  archive_bucket_arn       = "arn:aws:s3:::archive"
  landing_prefix           = "prod"
  kms_key_arns             = { landing = "arn:aws:kms:eu-central-1:123456789012:key/1", secrets = "arn:aws:kms:eu-central-1:123456789012:key/2" }
  oidc_provider_arn        = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/ABC"
  oidc_provider_url        = "https://oidc.example.com/id/ABC"
  github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  github_repository        = "acme/hallmark"
}

run "a_role_for_each_source" {
  command = plan

  assert {
    condition     = toset(keys(output.service_accounts)) == toset(["ingest_crm", "ingest_drops", "batch", "transform", "deliver", "watch", "catalog"])
    error_message = "The workloads are the sources' and five others."
  }

  assert {
    condition     = output.service_accounts["ingest_crm"] == "hallmark-ingest-crm" && output.service_accounts["batch"] == "hallmark-flow"
    error_message = "A service account is named as in deploy/kubernetes."
  }

  assert {
    condition     = length(local.statements["deliver"]) == 0
    error_message = "deliver has no right but that to its secrets."
  }

  assert {
    condition     = length(aws_iam_role.snowflake) == 0
    error_message = "Nobody is trusted before Snowflake has told its user."
  }
}

run "a_wildcard_is_no_prefix" {
  command = plan

  variables {
    landing_prefix = "*"
  }

  expect_failures = [var.landing_prefix]
}

run "a_wildcard_is_no_branch" {
  command = plan

  variables {
    github_subjects = ["*"]
  }

  expect_failures = [var.github_subjects]
}
