# Alarms as a table. Those of the Lambdas and of the domain are beside them, in the modules secrets, events and search.

locals {
  tenth = var.database_storage_gb * pow(1024, 3) / 10
  many  = var.database_connections

  # `missing` is what no data means: RDS always has some, the load balancer only when it is asked.
  of_database = {
    storage     = { metric = "FreeStorageSpace", stat = "Minimum", below = true, limit = local.tenth, minutes = 5 }
    cpu         = { metric = "CPUUtilization", stat = "Average", below = false, limit = 85, minutes = 15 }
    memory      = { metric = "FreeableMemory", stat = "Minimum", below = true, limit = 268435456, minutes = 15 }
    connections = { metric = "DatabaseConnections", stat = "Maximum", below = false, limit = local.many, minutes = 5 }
  }
  of_balancer = { metric = "HTTPCode_ELB_5XX_Count", stat = "Sum", below = false, limit = 10, minutes = 5 }
  of_cluster  = { metric = "cluster_failed_node_count", stat = "Maximum", below = false, limit = 0, minutes = 10 }

  alarms = merge(
    {
      for key, alarm in local.of_database : "database_${key}" => merge(alarm, {
        space = "AWS/RDS", of = { DBInstanceIdentifier = var.database_identifier }, missing = "breaching"
      })
    },
    {
      cluster_nodes = merge(local.of_cluster, {
        space = "ContainerInsights", of = { ClusterName = var.cluster_name }, missing = "missing"
      })
    },
    {
      for key, balancer in var.balancers : "balancer_${key}" => merge(local.of_balancer, {
        space = "AWS/ApplicationELB", of = { LoadBalancer = balancer }, missing = "notBreaching"
      })
    },
  )
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
