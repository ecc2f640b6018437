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
  bucket_id          = "drops"
  streams            = { "drops.customers" = { prefix = "drops/", path = "customers/*.csv" }, "drops.events" = { prefix = "drops/", path = "*" } }
  file_event_zip     = "tests/events.tftest.hcl"
  prefect_api_url    = "https://prefect.example.com/api"
  secrets_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/1"
  subnet_ids         = ["subnet-1"]
  security_group_ids = ["sg-1"]
  alert_topic_arn    = "arn:aws:sns:eu-central-1:123456789012:alerts"
  boundary_arn       = "arn:aws:iam::123456789012:policy/boundary"
}

run "a_prefix_is_asked_for_once" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.arrived.event_pattern).detail.object.key == [{ prefix = "drops/" }]
    error_message = "Two streams of one source have one prefix."
  }

  assert {
    condition     = aws_sqs_queue.arrived.visibility_timeout_seconds >= 6 * aws_lambda_function.file_event.timeout
    error_message = "A message would come again while it is worked on."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.arrived.scaling_config[0].maximum_concurrency == aws_lambda_function.file_event.reserved_concurrent_executions
    error_message = "More batches than the function may run would be throttled into dead letters."
  }
}

run "an_address_is_that_of_the_api" {
  command = plan

  variables {
    prefect_api_url = "https://prefect.example.com"
  }

  expect_failures = [var.prefect_api_url]
}
