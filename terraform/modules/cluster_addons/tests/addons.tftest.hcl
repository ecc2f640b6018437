mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  cluster_name = "hallmark-dev"
  addons       = { vpc-cni = null, coredns = null }
  role_arns    = {}
  access = {
    people = { principal_arn = "arn:aws:iam::123456789012:role/platform", policy = "AmazonEKSClusterAdminPolicy" }
    ci     = { principal_arn = "arn:aws:iam::123456789012:role/hallmark-dev-ci", policy = "AmazonEKSEditPolicy", namespaces = ["hallmark"] }
  }
}

run "network_policies_are_kept" {
  command = plan

  assert {
    condition     = jsondecode(aws_eks_addon.this["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "Without it every pod reaches every other."
  }
}

run "ci_is_let_into_one_namespace" {
  command = plan

  assert {
    condition     = one(aws_eks_access_policy_association.this["ci"].access_scope).type == "namespace"
    error_message = "CI must not have the whole cluster."
  }

  assert {
    condition     = one(aws_eks_access_policy_association.this["people"].access_scope).type == "cluster"
    error_message = "An operator has the whole cluster."
  }
}
