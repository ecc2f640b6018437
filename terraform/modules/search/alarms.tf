# Alarms of the domain. Its metrics have the account beside its name.

locals {
  alarms = {
    red     = { metric = "ClusterStatus.red", stat = "Maximum", below = false, limit = 0, minutes = 5 }
    storage = { metric = "FreeStorageSpace", stat = "Minimum", below = true, limit = 2048, minutes = 15 }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-search-${each.key}"
  alarm_description   = "${each.value.metric} of ${var.name}"
  namespace           = "AWS/ES"
  metric_name         = each.value.metric
  dimensions          = { DomainName = aws_opensearch_domain.this.domain_name, ClientId = local.account }
  statistic           = each.value.stat
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.limit
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = "missing"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}
