output "vpc_id" {
  description = "The VPC."
  value       = module.network.vpc_id
}

output "landing_bucket" {
  description = "The bucket of HALLMARK_LANDING."
  value       = module.landing.bucket_ids["landing"]
}

output "archive_bucket" {
  description = "The bucket of copies for years."
  value       = module.landing.bucket_ids["archive"]
}

output "drops_bucket" {
  description = "The bucket that files are dropped into, below SOURCE/."
  value       = module.landing.bucket_ids["drops"]
}

output "cluster_name" {
  description = "The cluster, for `aws eks update-kubeconfig`."
  value       = module.cluster.name
}

output "database_endpoint" {
  description = "host:port of PostgreSQL."
  value       = module.database.endpoint
}

output "search_endpoint" {
  description = "Host of OpenSearch, for OpenMetadata."
  value       = one(module.search[*].endpoint)
}

output "secret_arns" {
  description = "Secret → ARN."
  value       = module.secrets.secret_arns
}

output "role_arns" {
  description = "Role → ARN: ingest_<source>, transform, deliver, watch, ci."
  value       = module.identity.role_arns
}

output "other_role_arns" {
  description = "Role → ARN: batch (the flows that go over all sources), catalog."
  value       = module.identity.other_role_arns
}

output "service_accounts" {
  description = "Role → the service account of its pods."
  value       = module.identity.service_accounts
}

output "platform_role_arns" {
  description = "Role of what runs beside Hallmark → ARN."
  value       = module.cluster.service_account_role_arns
}

output "target_group_arns" {
  description = "User interface → its target group, for a TargetGroupBinding."
  value       = module.ingress.target_group_arns
}

output "name_servers" {
  description = "What the parent zone delegates the domain to."
  value       = module.ingress.name_servers
}

output "snowflake" {
  description = "What the Snowflake side takes: allowed_addresses and landing of its terraform.tfvars."
  value = {
    allowed_addresses = [for address in module.network.nat_addresses : "${address}/32"]
    landing = {
      url      = "s3://${module.landing.bucket_ids["landing"]}/${var.landing_prefix}/"
      role_arn = module.identity.snowflake_role_arn
    }
  }
}

output "image_repository" {
  description = "Where the image is pushed to, without a tag."
  value       = module.identity.image_repository
}

output "landing_kms_key_arn" {
  description = "The key of the landing zone: HALLMARK_LANDING_KMS_KEY."
  value       = module.landing.kms_key_arn
}
