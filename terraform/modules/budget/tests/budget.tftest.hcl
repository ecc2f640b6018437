mock_provider "aws" {}

variables {
  name            = "hallmark-dev"
  limit_usd       = 1500
  alert_topic_arn = "arn:aws:sns:eu-central-1:123456789012:hallmark-dev-alerts"
}

run "both_notifications_reach_the_topic" {
  command = plan

  assert {
    condition     = { for n in aws_budgets_budget.monthly.notification : n.notification_type => n.threshold } == { ACTUAL = 80, FORECASTED = 100 }
    error_message = "80 % spent, 100 % forecast."
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.monthly.notification : contains(n.subscriber_sns_topic_arns, var.alert_topic_arn)])
    error_message = "A notification reaches nobody."
  }
}
