output "queue_arn" {
  description = "The queue of notifications."
  value       = aws_sqs_queue.arrived.arn
}

output "dead_letter_queue_arn" {
  description = "Where those go that failed for good."
  value       = aws_sqs_queue.dead.arn
}

output "function_name" {
  description = "The function that tells Prefect."
  value       = aws_lambda_function.file_event.function_name
}
