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

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
}

variables {
  name         = "hallmark-test"
  cidr         = "10.20.0.0/16"
  nat_per_zone = false
  ui_cidrs     = ["10.0.0.0/16"]
  source_cidrs = ["192.168.7.0/24"]
  log_key_arn  = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "three_tiers_over_three_zones" {
  command = plan

  assert {
    condition = { for key, subnet in aws_subnet.this : key => subnet.cidr_block } == {
      private_0  = "10.20.0.0/19", private_1 = "10.20.32.0/19", private_2 = "10.20.64.0/19"
      public_0   = "10.20.128.0/24", public_1 = "10.20.129.0/24", public_2 = "10.20.130.0/24"
      isolated_0 = "10.20.144.0/24", isolated_1 = "10.20.145.0/24", isolated_2 = "10.20.146.0/24"
    }
    error_message = "A subnet of each tier in each zone, by the ranges of the design."
  }

  assert {
    condition     = !anytrue([for subnet in aws_subnet.this : subnet.map_public_ip_on_launch])
    error_message = "Nothing has a public address by itself."
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["public_0"] && toset(values(local.nat_of)) == toset(["public_0"])
    error_message = "One gateway for all zones."
  }

  assert {
    condition     = keys(aws_route.nat) == ["private_0", "private_1", "private_2"]
    error_message = "Private subnets go out by a gateway; isolated ones have no way out."
  }
}

run "a_gateway_for_each_zone" {
  command = plan

  variables {
    nat_per_zone = true
  }

  assert {
    condition     = local.nat_of == { private_0 = "public_0", private_1 = "public_1", private_2 = "public_2" }
    error_message = "A zone goes out by its own gateway."
  }
}

run "what_the_tables_admit" {
  command = plan

  assert {
    condition     = !anytrue([for rule in aws_vpc_security_group_ingress_rule.range : rule.cidr_ipv4 == "0.0.0.0/0"])
    error_message = "Nobody comes in from everywhere."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.range : rule.from_port if rule.cidr_ipv4 == "0.0.0.0/0"]) == toset([443])
    error_message = "To everywhere there is HTTPS alone."
  }

  assert {
    condition = !anytrue([
      for key, rule in aws_network_acl_rule.this :
      startswith(key, "isolated_") && !startswith(rule.cidr_block, "10.20.")
    ])
    error_message = "The databases' subnets speak to the VPC alone."
  }

  assert {
    condition = toset([
      for key, rule in local.rules : rule.peer if rule.group == "database" && rule.in
    ]) == toset(["functions", "nodes"])
    error_message = "PostgreSQL is reached by pods and functions."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "What is refused is logged too."
  }
}

run "not_the_whole_internet" {
  command = plan

  variables {
    ui_cidrs          = ["0.0.0.0/0"]
    cluster_api_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.ui_cidrs, var.cluster_api_cidrs]
}
