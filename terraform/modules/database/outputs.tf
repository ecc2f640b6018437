output "endpoint" {
  description = "host:port of PostgreSQL."
  value       = aws_db_instance.this.endpoint
}

output "host" {
  description = "Its host."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Its port."
  value       = aws_db_instance.this.port
}

output "identifier" {
  description = "Its identifier, for alarms."
  value       = aws_db_instance.this.identifier
}

output "admin_secret_arn" {
  description = "The administrator's secret, which RDS makes and rotates."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "kms_key_arn" {
  description = "The key of the databases and of the administrator's secret."
  value       = aws_kms_key.database.arn
}
