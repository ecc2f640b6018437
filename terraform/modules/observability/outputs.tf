output "log_key_arn" {
  description = "The key of log groups and of the topic."
  value       = aws_kms_key.logs.arn
}

output "alert_topic_arn" {
  description = "The topic of alarms and reminders."
  value       = aws_sns_topic.alerts.arn
}
