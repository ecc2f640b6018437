# The function, and what it may do.

resource "aws_lambda_function" "file_event" {
  function_name                  = local.function
  description                    = "Tells Prefect which streams have new files."
  role                           = aws_iam_role.file_event.arn
  runtime                        = "python3.13"
  architectures                  = ["x86_64"]
  handler                        = "file_event.handler.handle"
  filename                       = var.file_event_zip
  source_code_hash               = filebase64sha256(var.file_event_zip)
  timeout                        = 30
  memory_size                    = 128
  kms_key_arn                    = var.secrets_key_arn
  reserved_concurrent_executions = var.max_concurrency

  environment {
    variables = merge(
      {
        PREFECT_API_URL = var.prefect_api_url
        STREAMS = jsonencode([
          for name, stream in var.streams :
          { name = name, bucket = var.bucket_id, prefix = stream.prefix, path = stream.path }
        ])
      },
      var.prefect_secret_arn == null ? {} : { PREFECT_SECRET = var.prefect_secret_arn },
    )
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  depends_on = [aws_cloudwatch_log_group.file_event, aws_iam_role_policy.file_event]
}

resource "aws_lambda_event_source_mapping" "arrived" {
  event_source_arn                   = aws_sqs_queue.arrived.arn
  function_name                      = aws_lambda_function.file_event.arn
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batch_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.max_concurrency
  }
}

resource "aws_cloudwatch_log_group" "file_event" {
  name              = "/aws/lambda/${local.function}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
}

resource "aws_iam_role" "file_event" {
  name                 = local.function
  description          = "What tells Prefect of files."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "file_event" {
  name   = "file-event"
  role   = aws_iam_role.file_event.name
  policy = data.aws_iam_policy_document.file_event.json
}

data "aws_iam_policy_document" "file_event" {
  statement {
    sid     = "Queue"
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
    # By its name: the queue takes its visibility timeout from the function.
    resources = [
      "arn:${data.aws_partition.current.partition}:sqs:${local.region}:${local.account}:${local.function}-arrived"
    ]
  }

  dynamic "statement" {
    for_each = var.prefect_secret_arn == null ? [] : [var.prefect_secret_arn]

    content {
      sid       = "Secret"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  # The key of that secret and of the function's variables.
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.secrets_key_arn]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.file_event.arn}:*"]
  }

  # Lambda makes and removes network interfaces in a VPC before there is any resource to name.
  statement {
    sid       = "Network"
    actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"]
    resources = ["*"]
  }
}
