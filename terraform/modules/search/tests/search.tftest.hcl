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
  name              = "hallmark-test"
  subnet_ids        = ["subnet-1", "subnet-2", "subnet-3"]
  security_group_id = "sg-1"
  instance_type     = "m7g.large.search"
  nodes             = 3
  masters           = 3
  storage_gb        = 100
  kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/1"
  catalog_role_arn  = "arn:aws:iam::123456789012:role/hallmark-test-catalog"
  alert_topic_arn   = "arn:aws:sns:eu-central-1:123456789012:alerts"
  log_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/1"

  log_retention_days = 30
}

run "private_and_encrypted" {
  command = plan

  assert {
    condition     = toset(aws_opensearch_domain.this.vpc_options[0].subnet_ids) == toset(var.subnet_ids)
    error_message = "A domain in the VPC has no public address."
  }

  assert {
    condition = (
      aws_opensearch_domain.this.encrypt_at_rest[0].enabled && aws_opensearch_domain.this.node_to_node_encryption[0].enabled
      && aws_opensearch_domain.this.domain_endpoint_options[0].enforce_https
    )
    error_message = "Encrypted on the disk, between nodes and to who asks."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.access.statement[0].principals).identifiers == toset([var.catalog_role_arn])
    error_message = "OpenMetadata alone speaks to it."
  }

  assert {
    condition = (
      aws_opensearch_domain.this.cluster_config[0].zone_awareness_config[0].availability_zone_count == 3
      && aws_opensearch_domain.this.cluster_config[0].dedicated_master_count == 3
    )
    error_message = "Three nodes lie in three zones, and three masters keep them together."
  }

  assert {
    condition = length(aws_cloudwatch_metric_alarm.this) == 2 && alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset([var.alert_topic_arn]) && alarm.dimensions["DomainName"] == "hallmark-test"
    ])
    error_message = "Each alarm is of the domain and goes to the topic."
  }
}

run "one_node_has_no_zones" {
  command = plan

  variables {
    nodes   = 1
    masters = 0
  }

  assert {
    condition = (
      !aws_opensearch_domain.this.cluster_config[0].zone_awareness_enabled
      && !aws_opensearch_domain.this.cluster_config[0].dedicated_master_enabled
      && length(aws_opensearch_domain.this.vpc_options[0].subnet_ids) == 1
    )
    error_message = "One node lies in one subnet."
  }
}

run "two_masters_agree_on_nothing" {
  command = plan

  variables {
    masters = 2
  }

  expect_failures = [var.masters]
}
