output "secret_arns" {
  description = "Secret → ARN. No value is in it, nor in the state."
  value       = { for key, secret in aws_secretsmanager_secret.this : key => secret.arn }
}

output "secret_readers" {
  description = "Secret → roles that read it, for the module identity."
  value       = { for key, secret in var.secrets : key => secret.readers }
}

output "kms_key_arn" {
  description = "The key of the secrets."
  value       = aws_kms_key.secrets.arn
}

output "rotation_function_name" {
  description = "The function that rotates them."
  value       = aws_lambda_function.rotation.function_name
}
