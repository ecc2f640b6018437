output "bucket_ids" {
  description = "Bucket (landing, drops, archive, logs) → its name."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.id }
}

output "bucket_arns" {
  description = "Bucket → its ARN."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.arn }
}

output "kms_key_arn" {
  description = "The key of landing, drops and archive."
  value       = aws_kms_key.landing.arn
}

output "logs_bucket" {
  description = "The bucket of logs, once services may write to it."
  value       = aws_s3_bucket_policy.this["logs"].bucket
}
