# Once for an account, by an administrator: the state's bucket and key, GitHub's OIDC provider, and the two roles that
# the roots' providers take; state.tf has the buckets. Its own state is a file, of which a copy goes into the bucket:
# docs/aws.md.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = { project = "hallmark", environment = var.name, managed_by = "terraform-bootstrap" }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.operator_arns
    }
  }
}

# The default provider's: it has no policy at all.
resource "aws_iam_role" "nothing" {
  name               = "${var.name}-nothing"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role" "terraform" {
  name                 = "${var.name}-terraform"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 7200
}

# It makes roles and their policies, so it is an administrator whatever it is called. Who may take it is what is narrow.
resource "aws_iam_role_policy_attachment" "terraform" {
  role       = aws_iam_role.terraform.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

# Disks of nodes are encrypted by it: the cluster's key names it before there is a first group of them.
resource "aws_iam_service_linked_role" "autoscaling" {
  count = var.autoscaling_role ? 1 : 0

  aws_service_name = "autoscaling.amazonaws.com"
}

# OpenSearch makes interfaces in the VPC by it; an account has one.
resource "aws_iam_service_linked_role" "search" {
  count = var.search_role ? 1 : 0

  aws_service_name = "opensearchservice.amazonaws.com"
}
