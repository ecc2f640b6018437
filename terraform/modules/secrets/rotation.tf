# The function that rotates, and that reminds of what nobody but its partner can rotate.

locals {
  function = "${var.name}-rotation"
  table = {
    for key, secret in var.secrets : "${var.name}/${key}" => merge(
      { kind = secret.kind, field = coalesce(secret.field, local.fields[secret.kind]) },
      secret.kind == "snowflake_key_pair" ? {
        account = var.snowflake_account, user = secret.user, role = secret.role,
      } : {},
      secret.kind == "postgres" ? {
        host  = var.database_endpoint.host, port = var.database_endpoint.port, database = secret.database,
        group = secret.group, scheme = secret.scheme, admin = var.database_endpoint.admin_secret_arn,
      } : {},
    )
  }
}

resource "aws_lambda_function" "rotation" {
  function_name    = local.function
  description      = "Rotates secrets, and reminds of those that a partner has to change."
  role             = aws_iam_role.rotation.arn
  runtime          = "python3.13"
  architectures    = ["x86_64"]
  handler          = "rotation.handler.handle"
  filename         = var.rotation_zip
  source_code_hash = filebase64sha256(var.rotation_zip)
  timeout          = 120
  memory_size      = 256
  kms_key_arn      = aws_kms_key.secrets.arn
  # Two steps of one secret never run side by side; more than a few secrets are never due at once.
  reserved_concurrent_executions = 5

  environment {
    variables = {
      TABLE         = jsonencode(local.table)
      TOPIC_ARN     = var.alert_topic_arn
      ROTATION_DAYS = var.rotation_days
      OVERLAP_HOURS = var.overlap_hours
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  dead_letter_config {
    target_arn = var.alert_topic_arn
  }

  depends_on = [aws_cloudwatch_log_group.rotation, aws_iam_role_policy.rotation]
}

resource "aws_cloudwatch_log_group" "rotation" {
  name              = "/aws/lambda/${local.function}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
}

resource "aws_lambda_permission" "secretsmanager" {
  statement_id   = "SecretsManager"
  function_name  = aws_lambda_function.rotation.function_name
  action         = "lambda:InvokeFunction"
  principal      = "secretsmanager.amazonaws.com"
  source_account = local.account
}

# Once a day: reminders, and the end of overlaps.
resource "aws_cloudwatch_event_rule" "daily" {
  name                = "${local.function}-daily"
  description         = "Reminders of tokens that are due, and the end of Snowflake keys that were replaced."
  schedule_expression = "cron(0 7 * * ? *)"
}

resource "aws_cloudwatch_event_target" "daily" {
  rule  = aws_cloudwatch_event_rule.daily.name
  arn   = aws_lambda_function.rotation.arn
  input = jsonencode({ Step = "daily" })
}

resource "aws_lambda_permission" "daily" {
  statement_id  = "Daily"
  function_name = aws_lambda_function.rotation.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.daily.arn
}

resource "aws_cloudwatch_metric_alarm" "rotation" {
  alarm_name          = "${local.function}-errors"
  alarm_description   = "A secret was not rotated. Secrets Manager tries again; see the function's log."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.rotation.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}
