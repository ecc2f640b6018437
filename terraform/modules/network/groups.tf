# Security groups as a table: who may open a connection to whom. A peer is a group, a list of ranges, or s3 (the gateway
# endpoint's prefix list). What is not here is refused, in both directions.

locals {
  groups = {
    balancer  = "The internal load balancer of the user interfaces"
    cluster   = "The control plane's interfaces"
    nodes     = "Nodes and pods"
    functions = "Lambdas"
    database  = "PostgreSQL"
    search    = "OpenSearch"
    endpoints = "Interface endpoints of AWS"
  }

  # Both ends are groups: the rule is made at both.
  between = {
    balancer_prefect      = { from = "balancer", to = "nodes", port = 4200 }
    balancer_openmetadata = { from = "balancer", to = "nodes", port = 8585 }
    functions_prefect     = { from = "functions", to = "balancer", port = 8443 }
    nodes_api             = { from = "nodes", to = "cluster", port = 443 }
    cluster_kubelet       = { from = "cluster", to = "nodes", port = 10250 }
    cluster_webhooks      = { from = "cluster", to = "nodes", port = 9443 }
    nodes_database        = { from = "nodes", to = "database", port = 5432 }
    functions_database    = { from = "functions", to = "database", port = 5432 }
    nodes_search          = { from = "nodes", to = "search", port = 443 }
    nodes_endpoints       = { from = "nodes", to = "endpoints", port = 443 }
    functions_endpoints   = { from = "functions", to = "endpoints", port = 443 }
  }

  # Snowflake, partners and Slack have no fixed addresses, Cognito neither: 443 to anywhere, and nothing else.
  anywhere = toset(["balancer", "functions", "nodes"])

  rules = merge([
    for key, rule in local.between : {
      "${key}_out" = { group = rule.from, in = false, port = rule.port, peer = rule.to }
      "${key}_in"  = { group = rule.to, in = true, port = rule.port, peer = rule.from }
    }
  ]...)
  ranges = merge(
    { for group in local.anywhere : "${group}_https" => { group = group, in = false, port = 443, cidr = "0.0.0.0/0" } },
    { for cidr in var.ui_cidrs : "ui_${cidr}" => { group = "balancer", in = true, port = 443, cidr = cidr } },
    { for cidr in var.source_cidrs : "source_${cidr}" => { group = "nodes", in = false, port = 5432, cidr = cidr } },
    { for cidr in var.cluster_api_cidrs : "api_${cidr}" => { group = "cluster", in = true, port = 443, cidr = cidr } },
  )
}

resource "aws_security_group" "this" {
  for_each = local.groups

  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "group" {
  for_each = { for key, rule in local.rules : key => rule if rule.in }

  security_group_id            = aws_security_group.this[each.value.group].id
  referenced_security_group_id = aws_security_group.this[each.value.peer].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.key
}

resource "aws_vpc_security_group_egress_rule" "group" {
  for_each = { for key, rule in local.rules : key => rule if !rule.in }

  security_group_id            = aws_security_group.this[each.value.group].id
  referenced_security_group_id = aws_security_group.this[each.value.peer].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.key
}

resource "aws_vpc_security_group_ingress_rule" "range" {
  for_each = { for key, rule in local.ranges : key => rule if rule.in }

  security_group_id = aws_security_group.this[each.value.group].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  description       = each.key
}

resource "aws_vpc_security_group_egress_rule" "range" {
  for_each = { for key, rule in local.ranges : key => rule if !rule.in }

  security_group_id = aws_security_group.this[each.value.group].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  description       = each.key
}

# Pods among themselves, on any port: which of them may, the NetworkPolicies of deploy/kubernetes say.
resource "aws_vpc_security_group_ingress_rule" "nodes" {
  security_group_id            = aws_security_group.this["nodes"].id
  referenced_security_group_id = aws_security_group.this["nodes"].id
  ip_protocol                  = "-1"
  description                  = "nodes among themselves"
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  security_group_id            = aws_security_group.this["nodes"].id
  referenced_security_group_id = aws_security_group.this["nodes"].id
  ip_protocol                  = "-1"
  description                  = "nodes among themselves"
}
