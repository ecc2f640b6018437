# Alarms as a table. Those of the Lambdas are beside them, in the modules secrets and events.

locals {
  database = { DBInstanceIdentifier = var.database_identifier }
  search   = { DomainName = var.search_domain, ClientId = local.account }

  # `missing` is what no data means: RDS and OpenSearch always have some, the load balancer only when it is asked.
  alarms = merge({
    database_storage     = { space = "AWS/RDS", metric = "FreeStorageSpace", of = local.database, stat = "Minimum", below = true, limit = var.database_storage_gb * 107374182, minutes = 5, missing = "breaching" }
    database_cpu         = { space = "AWS/RDS", metric = "CPUUtilization", of = local.database, stat = "Average", below = false, limit = 85, minutes = 15, missing = "breaching" }
    database_memory      = { space = "AWS/RDS", metric = "FreeableMemory", of = local.database, stat = "Minimum", below = true, limit = 268435456, minutes = 15, missing = "breaching" }
    database_connections = { space = "AWS/RDS", metric = "DatabaseConnections", of = local.database, stat = "Maximum", below = false, limit = var.database_connections, minutes = 5, missing = "breaching" }
    search_red           = { space = "AWS/ES", metric = "ClusterStatus.red", of = local.search, stat = "Maximum", below = false, limit = 0, minutes = 5, missing = "missing" }
    search_storage       = { space = "AWS/ES", metric = "FreeStorageSpace", of = local.search, stat = "Minimum", below = true, limit = 2048, minutes = 15, missing = "missing" }
    cluster_nodes        = { space = "ContainerInsights", metric = "cluster_failed_node_count", of = { ClusterName = var.cluster_name }, stat = "Maximum", below = false, limit = 0, minutes = 10, missing = "missing" }
    }, {
    for key, balancer in var.balancers : "balancer_${key}" => { space = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", of = { LoadBalancer = balancer }, stat = "Sum", below = false, limit = 10, minutes = 5, missing = "notBreaching" }
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_description   = "${each.value.metric} of ${var.name}"
  namespace           = each.value.space
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = each.value.stat
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.limit
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}
