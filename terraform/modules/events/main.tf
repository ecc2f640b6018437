# A file arrives: S3 → EventBridge → SQS → function → the event hallmark.file.arrived of Prefect.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account  = data.aws_caller_identity.current.account_id
  region   = data.aws_region.current.name
  function = "${var.name}-file-event"
  prefixes = distinct([for stream in var.streams : stream.prefix])
}

resource "aws_cloudwatch_event_rule" "arrived" {
  name        = "${local.function}-arrived"
  description = "Objects made below the prefixes of sources."
  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket_id] }
      object = { key = [for prefix in local.prefixes : { prefix = prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "queue" {
  rule = aws_cloudwatch_event_rule.arrived.name
  arn  = aws_sqs_queue.arrived.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
}

resource "aws_sqs_queue" "arrived" {
  name                    = "${local.function}-arrived"
  sqs_managed_sse_enabled = true
  # Six times the function's timeout, and the time that a batch is waited for:
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  visibility_timeout_seconds = 6 * aws_lambda_function.file_event.timeout + var.batch_seconds
  message_retention_seconds  = 345600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${local.function}-dead"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = each.value.id
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

locals {
  queues = {
    arrived = { id = aws_sqs_queue.arrived.id, arn = aws_sqs_queue.arrived.arn }
    dead    = { id = aws_sqs_queue.dead.id, arn = aws_sqs_queue.dead.arn }
  }
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queues

  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.arrived.arn]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
