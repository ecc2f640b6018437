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
  name                = "hallmark-test"
  domain              = "data.example.com"
  vpc_id              = "vpc-1"
  subnet_ids          = ["subnet-1", "subnet-2"]
  security_group_id   = "sg-1"
  logs_bucket         = "hallmark-test-logs"
  deletion_protection = true
}

run "nobody_without_a_login" {
  command = plan

  assert {
    condition     = aws_lb.this.internal && aws_lb.this.drop_invalid_header_fields && aws_lb.this.access_logs[0].enabled
    error_message = "The balancer is the VPC's, and logs who asked."
  }

  assert {
    condition = toset(keys(aws_lb_listener_rule.people)) == toset(["openmetadata", "prefect"]) && alltrue([
      for rule in aws_lb_listener_rule.people : [for action in rule.action : action.type] == ["authenticate-cognito", "forward"]
    ])
    error_message = "A user interface is behind a login."
  }

  assert {
    condition     = aws_lb_listener.people.default_action[0].type == "fixed-response"
    error_message = "Any other host is nothing."
  }

  assert {
    condition = alltrue([
      for listener in [aws_lb_listener.people, aws_lb_listener.functions] :
      listener.protocol == "HTTPS" && strcontains(listener.ssl_policy, "TLS13")
    ])
    error_message = "There is no listener without TLS."
  }

  assert {
    condition = (
      aws_cognito_user_pool.this.mfa_configuration == "ON"
      && aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only
      && aws_cognito_user_pool.this.deletion_protection == "ACTIVE"
    )
    error_message = "Who signs in was invited and has a second factor."
  }
}

run "names" {
  command = plan

  assert {
    condition = toset(aws_acm_certificate.this.subject_alternative_names) == toset([
      "openmetadata.data.example.com", "prefect.data.example.com",
    ])
    error_message = "The certificate is for both user interfaces."
  }

  assert {
    condition     = output.prefect_api_url == "https://prefect.data.example.com:8443/api"
    error_message = "The functions ask on the port that has no login page."
  }
}

run "a_target_group_has_32_characters" {
  command = plan

  variables {
    name = "hallmark-development-2"
  }

  expect_failures = [var.name]
}
