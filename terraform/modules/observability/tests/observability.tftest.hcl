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
  name                = "hallmark-test"
  alert_emails        = ["oncall@example.com"]
  record_config       = true
  logs_bucket         = "hallmark-test-logs"
  database_identifier = "hallmark-test"
  database_storage_gb = 50
  cluster_name        = "hallmark-test"
  balancers           = { interfaces = "app/hallmark-test/1" }
}

override_resource {
  target          = aws_sns_topic.alerts
  values          = { arn = "arn:aws:sns:eu-central-1:123456789012:hallmark-test-alerts" }
  override_during = plan
}

run "alarms_go_to_the_topic" {
  command = plan

  assert {
    condition = keys(aws_cloudwatch_metric_alarm.this) == [
      "balancer_interfaces", "cluster_nodes", "database_connections", "database_cpu", "database_memory", "database_storage",
    ]
    error_message = "The alarms are those of the table."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset([aws_sns_topic.alerts.arn]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "An alarm that nobody hears of."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["database_storage"].threshold == 5 * pow(1024, 3)
      && aws_cloudwatch_metric_alarm.this["database_storage"].comparison_operator == "LessThanThreshold"
    )
    error_message = "The alarm of the disk comes at a tenth of it, in bytes."
  }

  assert {
    condition = alltrue([
      for key, alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "breaching" if startswith(key, "database_")
    ])
    error_message = "A database that says nothing is an alarm."
  }
}

run "logs_end" {
  command = plan

  variables {
    log_retention_days = 30
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.cluster) == 4 && alltrue([for g in aws_cloudwatch_log_group.cluster : g.retention_in_days == 30])
    error_message = "Logs of pods are kept as long as is said."
  }
}

run "an_account_has_one_recorder" {
  command = plan

  variables {
    record_config = false
  }

  assert {
    condition = (
      length(aws_config_configuration_recorder.this) == 0 && length(aws_config_delivery_channel.this) == 0
      && length(aws_config_config_rule.this) == 17
    )
    error_message = "Where one is there already, only the rules are made."
  }
}
