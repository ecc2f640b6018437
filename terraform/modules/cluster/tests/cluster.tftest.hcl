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
  name               = "hallmark-test"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = { cluster = "sg-1", nodes = "sg-2" }
  log_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/1"

  node_groups = {
    platform = { spot = false, instance_types = ["m7i.large"], min = 2, max = 3, disk_gb = 50 }
    flows    = { spot = true, instance_types = ["m7i.xlarge", "m6i.xlarge"], min = 0, max = 9, disk_gb = 200 }
  }
}

run "the_api_server_is_private" {
  command = plan

  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access
      && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    )
    error_message = "Without an allow-list the internet does not reach it."
  }

  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"])
    error_message = "Secrets are encrypted by the cluster's key."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "Every log of the control plane is kept."
  }
}

run "an_allow_list_makes_it_public" {
  command = plan

  variables {
    public_access_cidrs = ["198.51.100.0/24"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["198.51.100.0/24"])
    error_message = "For the ranges of the list alone."
  }
}

run "everybody_is_no_allow_list" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "nodes" {
  command = plan

  assert {
    condition = { for key, group in aws_eks_node_group.this : key => group.capacity_type } == {
      platform = "ON_DEMAND", flows = "SPOT"
    }
    error_message = "What must not be taken away is on demand."
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.this : template.block_device_mappings[0].ebs[0].encrypted == "true"
    ])
    error_message = "A node's disk is encrypted."
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.this :
      template.metadata_options[0].http_tokens == "required"
      && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "A pod would take its node's role."
  }
}

run "roles_beside_hallmark" {
  command = plan

  assert {
    condition     = keys(aws_iam_role.account) == ["load_balancer_controller", "logs", "network", "openmetadata", "volumes"]
    error_message = "A role for each of what runs beside Hallmark."
  }

  assert {
    condition = flatten([
      for account, found in local.accounts : [
        for sid, right in found.rights : "${account}.${sid}" if contains(right.resources, "*")
      ]
    ]) == ["load_balancer_controller.Look"]
    error_message = "Only what describes has no resource."
  }
}
