output "state_bucket" {
  description = "The bucket for -backend-config."
  value       = aws_s3_bucket.state["state"].id
}

output "state_key_arn" {
  description = "The key for -backend-config."
  value       = aws_kms_key.state.arn
}

output "github_oidc_provider_arn" {
  description = "For terraform.tfvars of the root."
  value       = aws_iam_openid_connect_provider.github.arn
}
