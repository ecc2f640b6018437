# Network ACLs as a table for each tier of subnets. They know no connections, so each way back is a rule of its own:
# 1024 to 65535, since NAT gateways, the SNAT of pods, Lambda and load balancers take their ports from all of it.

locals {
  world   = "0.0.0.0/0"
  tcp_out = [for cidr in var.source_cidrs : { cidr = cidr, from = 5432, to = 5432 }]
  acls = {
    public = {
      in = concat(
        [{ cidr = var.cidr, from = 443, to = 443 }, { cidr = local.world, from = 1024, to = 65535 }],
        length(var.source_cidrs) > 0 ? [{ cidr = var.cidr, from = 5432, to = 5432 }] : [],
      )
      out = concat(
        [{ cidr = local.world, from = 443, to = 443 }, { cidr = var.cidr, from = 1024, to = 65535 }],
        local.tcp_out,
      )
    }
    private = {
      in = concat(
        [{ cidr = var.cidr, from = 0, to = 65535 }, { cidr = local.world, from = 1024, to = 65535 }],
        [for cidr in setunion(var.ui_cidrs, var.cluster_api_cidrs) : { cidr = cidr, from = 443, to = 443 }],
      )
      out = concat(
        [{ cidr = var.cidr, from = 0, to = 65535 }, { cidr = local.world, from = 443, to = 443 }],
        [for cidr in setunion(var.ui_cidrs, var.cluster_api_cidrs) : { cidr = cidr, from = 1024, to = 65535 }],
        local.tcp_out,
      )
    }
    isolated = {
      in = concat(
        [for cidr in local.cidrs["private"] : { cidr = cidr, from = 5432, to = 5432 }],
        [for cidr in local.cidrs["private"] : { cidr = cidr, from = 443, to = 443 }],
        # The standby and the other nodes of the domain.
        [for cidr in local.cidrs["isolated"] : { cidr = cidr, from = 0, to = 65535 }],
      )
      out = concat(
        [for cidr in local.cidrs["private"] : { cidr = cidr, from = 1024, to = 65535 }],
        [for cidr in local.cidrs["isolated"] : { cidr = cidr, from = 0, to = 65535 }],
      )
    }
  }
  entries = merge(flatten([
    for tier, ways in local.acls : [
      for way, rules in ways : {
        for index, rule in rules : "${tier}_${way}_${index}" => merge(rule, {
          tier = tier, egress = way == "out", number = 100 + 10 * index, protocol = "tcp"
        })
      }
    ]
  ])...)
  # DNS between pods of two zones.
  dns = {
    for way in ["in", "out"] : "private_${way}_dns" => {
      tier = "private", egress = way == "out", number = 90, protocol = "udp", cidr = var.cidr, from = 0, to = 65535
    }
  }
}

resource "aws_network_acl" "this" {
  for_each = local.acls

  vpc_id     = aws_vpc.this.id
  subnet_ids = local.ids[each.key]
  tags       = { Name = "${var.name}-${each.key}" }
}

resource "aws_network_acl_rule" "this" {
  for_each = merge(local.entries, local.dns)

  network_acl_id = aws_network_acl.this[each.value.tier].id
  egress         = each.value.egress
  rule_number    = each.value.number
  rule_action    = "allow"
  protocol       = each.value.protocol
  cidr_block     = each.value.cidr
  from_port      = each.value.from
  to_port        = each.value.to
}
