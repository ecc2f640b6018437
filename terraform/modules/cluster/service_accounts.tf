# The service accounts of what runs beside Hallmark, and their rights; Hallmark's own are in the module identity.

data "aws_region" "current" {}

locals {
  region = "${data.aws_region.current.name}:${local.account}"
  issuer = replace(aws_iam_openid_connect_provider.this.url, "https://", "")

  accounts = {
    # Add-ons of EKS, whose rights are AWS's own policies: addresses of pods, and their volumes.
    network = { subject = "kube-system:aws-node", rights = {} }
    volumes = { subject = "kube-system:ebs-csi-controller-sa", rights = {} }
    # Puts pods into target groups that Terraform made (TargetGroupBinding), and makes nothing itself.
    load_balancer_controller = {
      subject = "kube-system:aws-load-balancer-controller"
      rights = {
        Targets = {
          actions   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
          resources = ["${local.arn}:elasticloadbalancing:${local.region}:targetgroup/${var.name}-*"]
        }
        # These actions know no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/
        Look = {
          actions = [
            "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
            "elasticloadbalancing:DescribeTags", "ec2:DescribeInstances", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
            "ec2:DescribeSecurityGroups", "ec2:DescribeNetworkInterfaces", "ec2:DescribeAvailabilityZones",
          ]
          resources = ["*"]
        }
      }
    }
    openmetadata = {
      subject = "openmetadata:openmetadata"
      rights = {
        Index = {
          actions   = ["es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut", "es:ESHttpDelete"]
          resources = ["${local.arn}:es:${local.region}:domain/${var.name}/*"]
        }
      }
    }
    logs = {
      subject = "amazon-cloudwatch:cloudwatch-agent"
      rights = {
        Write = {
          actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
          resources = ["${local.arn}:logs:${local.region}:log-group:/aws/containerinsights/${var.name}/*"]
        }
      }
    }
  }
}

data "aws_iam_policy_document" "account_trust" {
  for_each = local.accounts

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${each.value.subject}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "account" {
  for_each = { for key, one in local.accounts : key => one if length(one.rights) > 0 }

  dynamic "statement" {
    for_each = each.value.rights

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role" "account" {
  for_each = local.accounts

  name               = "${var.name}-${replace(each.key, "_", "-")}"
  assume_role_policy = data.aws_iam_policy_document.account_trust[each.key].json
}

resource "aws_iam_role_policy_attachment" "addon" {
  for_each = { network = "AmazonEKS_CNI_Policy", volumes = "service-role/AmazonEBSCSIDriverPolicy" }

  role       = aws_iam_role.account[each.key].name
  policy_arn = "${local.arn}:iam::aws:policy/${each.value}"
}

resource "aws_iam_role_policy" "account" {
  for_each = data.aws_iam_policy_document.account

  name   = "rights"
  role   = aws_iam_role.account[each.key].id
  policy = data.aws_iam_policy_document.account[each.key].json
}
