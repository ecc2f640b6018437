# VPC over zones: public subnets hold NAT gateways alone, private ones pods, functions and the load balancer, isolated
# ones the databases, which have no route out of the VPC.

data "aws_availability_zones" "available" {
  state = "available"
}

data "aws_region" "current" {}

locals {
  zones = slice(sort(data.aws_availability_zones.available.names), 0, var.zone_count)
  # Private subnets are /19 of a /16, since each pod takes an address of its own.
  tiers = {
    private  = { bits = 3, first = 0 }
    public   = { bits = 8, first = 128 }
    isolated = { bits = 8, first = 144 }
  }
  subnets = merge([
    for tier, size in local.tiers : {
      for index, zone in local.zones : "${tier}_${index}" => {
        tier = tier
        zone = zone
        cidr = cidrsubnet(var.cidr, size.bits, size.first + index)
      }
    }
  ]...)
  ids = {
    for tier in keys(local.tiers) :
    tier => [for key, subnet in local.subnets : aws_subnet.this[key].id if subnet.tier == tier]
  }
  cidrs = {
    for tier in keys(local.tiers) :
    tier => [for subnet in values(local.subnets) : subnet.cidr if subnet.tier == tier]
  }
  nat_in = toset([for index in range(var.nat_per_zone ? length(local.zones) : 1) : "public_${index}"])
  # Private subnet → the gateway of its zone, or the one of all.
  nat_of = {
    for key, subnet in local.subnets :
    key => var.nat_per_zone ? replace(key, "private", "public") : "public_0" if subnet.tier == "private"
  }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# Without rules: what forgets to name a group reaches nothing.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

# With no subnet and no rule.
resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id
}

resource "aws_subnet" "this" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value.zone
  cidr_block              = each.value.cidr
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-${replace(each.key, "_", "-")}", tier = each.value.tier }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_eip" "nat" {
  for_each = local.nat_in

  domain = "vpc"
  tags   = { Name = "${var.name}-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = local.nat_in

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.this[each.key].id
  tags          = { Name = "${var.name}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

# A table for each subnet, so that a zone may have a NAT gateway of its own.
resource "aws_route_table" "this" {
  for_each = local.subnets

  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-${replace(each.key, "_", "-")}" }
}

resource "aws_route_table_association" "this" {
  for_each = local.subnets

  subnet_id      = aws_subnet.this[each.key].id
  route_table_id = aws_route_table.this[each.key].id
}

resource "aws_route" "internet" {
  for_each = { for key, subnet in local.subnets : key => subnet if subnet.tier == "public" }

  route_table_id         = aws_route_table.this[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route" "nat" {
  for_each = local.nat_of

  route_table_id         = aws_route_table.this[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.value].id
}
