# The modules identity, secrets and events with the little that they need, for tests/terraform/test_roles.py.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "endpoint" {
  type        = string
  description = "Where moto is."
}

variable "lambda_dist" {
  type        = string
  description = "The folder of the Lambdas' archives."
}

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "testing"
  secret_key                  = "testing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true

  endpoints {
    cloudwatch     = var.endpoint
    cloudwatchlogs = var.endpoint
    ec2            = var.endpoint
    ecr            = var.endpoint
    eventbridge    = var.endpoint
    iam            = var.endpoint
    kms            = var.endpoint
    lambda         = var.endpoint
    s3             = var.endpoint
    secretsmanager = var.endpoint
    sns            = var.endpoint
    sqs            = var.endpoint
    sts            = var.endpoint
  }
}

locals {
  name    = "hallmark-test"
  sources = yamldecode(file("${path.module}/../../../flows/sources.yml")).sources
  drops   = { drops = "drops/", mailroom = "mailroom/" }
}

resource "aws_s3_bucket" "this" {
  for_each = toset(["landing", "archive", "drops"])

  bucket = "${local.name}-${each.key}"
}

resource "aws_s3_bucket_notification" "drops" {
  bucket      = aws_s3_bucket.this["drops"].id
  eventbridge = true
}

resource "aws_kms_key" "landing" {
  description         = "The landing zone"
  enable_key_rotation = true
}

resource "aws_sns_topic" "alerts" {
  name = "${local.name}-alerts"
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.0.0.0/24"
}

resource "aws_security_group" "functions" {
  name   = "${local.name}-functions"
  vpc_id = aws_vpc.this.id
}

resource "aws_iam_openid_connect_provider" "this" {
  for_each = toset(["https://oidc.eks.eu-central-1.amazonaws.com/id/ABC", "https://token.actions.githubusercontent.com"])

  url            = each.key
  client_id_list = ["sts.amazonaws.com"]
}

# In the place of the one that RDS makes; nobody but RDS may name one rds!….
resource "aws_secretsmanager_secret" "administrator" {
  name = "rds-db-0"
}

module "secrets" {
  source = "../../../terraform/modules/secrets"

  name               = local.name
  snowflake_account  = "ACME-PROD"
  subnet_ids         = [aws_subnet.this.id]
  security_group_ids = [aws_security_group.functions.id]
  rotation_zip       = "${var.lambda_dist}/rotation.zip"
  alert_topic_arn    = aws_sns_topic.alerts.arn
  boundary_arn       = module.identity.lambda_boundary_arn

  database_endpoint = {
    host             = "db.example.com"
    admin_secret_arn = aws_secretsmanager_secret.administrator.arn
  }

  secrets = {
    snowflake = {
      kind        = "snowflake_key_pair"
      description = "Key of Snowflake's user"
      readers     = ["ingest", "batch", "transform", "watch"]
      user        = "HALLMARK_BATCH"
      role        = "HALLMARK_ROTATION"
    }
    state = {
      kind        = "postgres"
      description = "Outbox and incidents"
      readers     = ["ingest", "batch", "transform", "watch", "deliver"]
      group       = "hallmark"
      database    = "hallmark"
      field       = "state_url"
    }
    crm = {
      kind        = "token"
      description = "The CRM's database"
      readers     = ["ingest_crm", "batch"]
      field       = "url"
    }
    slack = {
      kind        = "token"
      description = "Slack's token"
      readers     = ["deliver"]
      field       = "slack_token"
    }
    prefect = {
      kind        = "token"
      description = "The login to Prefect's API"
      readers     = ["file_event"]
      field       = "prefect_api_auth_string"
    }
  }
}

module "identity" {
  source = "../../../terraform/modules/identity"

  name                     = local.name
  sources                  = keys(local.sources)
  landing_bucket_arn       = aws_s3_bucket.this["landing"].arn
  archive_bucket_arn       = aws_s3_bucket.this["archive"].arn
  landing_prefix           = "prod"
  kms_key_arns             = { landing = aws_kms_key.landing.arn, secrets = module.secrets.kms_key_arn }
  secret_arns              = module.secrets.secret_arns
  secret_readers           = module.secrets.secret_readers
  oidc_provider_arn        = aws_iam_openid_connect_provider.this["https://oidc.eks.eu-central-1.amazonaws.com/id/ABC"].arn
  oidc_provider_url        = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC"
  github_oidc_provider_arn = aws_iam_openid_connect_provider.this["https://token.actions.githubusercontent.com"].arn
  github_repository        = "acme/hallmark"

  source_buckets = {
    for source, prefix in local.drops : source => { bucket_arn = aws_s3_bucket.this["drops"].arn, prefix = prefix }
  }

  snowflake_principal = { user_arn = "arn:aws:iam::210987654321:user/snowflake", external_id = "ACME_SFCRole=2_x" }
}

module "events" {
  source = "../../../terraform/modules/events"

  name               = local.name
  bucket_id          = aws_s3_bucket.this["drops"].id
  file_event_zip     = "${var.lambda_dist}/file_event.zip"
  prefect_api_url    = "http://prefect.example.com:4200/api"
  prefect_secret_arn = module.secrets.secret_arns["prefect"]
  secrets_key_arn    = module.secrets.kms_key_arn
  subnet_ids         = [aws_subnet.this.id]
  security_group_ids = [aws_security_group.functions.id]
  alert_topic_arn    = aws_sns_topic.alerts.arn
  boundary_arn       = module.identity.lambda_boundary_arn

  streams = merge([
    for source, prefix in local.drops : {
      for stream, declared in local.sources[source].streams : "${source}.${stream}" => { prefix = prefix, path = declared.path }
    }
  ]...)
}

output "role_arns" {
  description = "Role → ARN."
  value       = module.identity.role_arns
}

output "other_role_arns" {
  description = "Role → ARN: batch, catalog."
  value       = module.identity.other_role_arns
}

output "service_accounts" {
  description = "Role → service account."
  value       = module.identity.service_accounts
}

output "secret_arns" {
  description = "Secret → ARN."
  value       = module.secrets.secret_arns
}

output "queue_arn" {
  description = "The queue of notifications."
  value       = module.events.queue_arn
}
