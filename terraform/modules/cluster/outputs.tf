output "name" {
  description = "The cluster's name."
  value       = aws_eks_cluster.this.name
}

output "oidc_provider_arn" {
  description = "The provider that vouches for service accounts."
  value       = aws_iam_openid_connect_provider.this.arn
}

output "oidc_provider_url" {
  description = "Its address."
  value       = aws_iam_openid_connect_provider.this.url
}

output "kms_key_arn" {
  description = "The key of Secrets and disks."
  value       = aws_kms_key.cluster.arn
}

output "node_role_arn" {
  description = "The role of the nodes."
  value       = aws_iam_role.this["nodes"].arn
}

output "service_account_role_arns" {
  description = "Role of what runs beside Hallmark (network, volumes, load_balancer_controller, openmetadata, …) → ARN."
  value       = { for key, role in aws_iam_role.account : key => role.arn }
}
