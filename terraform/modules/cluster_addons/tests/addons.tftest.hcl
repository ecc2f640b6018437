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
    ci     = { principal_arn = "arn:aws:iam::123456789012:role/hallmark-dev-ci", groups = ["hallmark-release"] }
  }
}

run "network_policies_are_kept" {
  command = plan

  assert {
    condition     = jsondecode(aws_eks_addon.this["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "Without it every pod reaches every other."
  }
}

run "ci_is_let_in_as_one_of_a_group" {
  command = plan

  assert {
    condition     = aws_eks_access_entry.this["ci"].kubernetes_groups == toset(["hallmark-release"])
    error_message = "What CI may do in the cluster is what the manifests give this group."
  }

  assert {
    condition     = keys(aws_eks_access_policy_association.this) == ["people"]
    error_message = "CI must have no policy of EKS: the smallest that changes a deployment reads secrets too."
  }
}
