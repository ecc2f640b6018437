output "role_arns" {
  description = "Role → ARN: ingest_<source>, transform, deliver, watch, ci."
  value = merge(
    { for role, made in aws_iam_role.workload : role => made.arn if !contains(["batch", "catalog"], role) },
    { ci = aws_iam_role.ci.arn },
  )
}

output "other_role_arns" {
  description = "Role → ARN: batch (the flows that go over all sources: batch, shard, backfill), catalog."
  value       = { for role in ["batch", "catalog"] : role => aws_iam_role.workload[role].arn }
}

output "snowflake_role_arn" {
  description = "The role of Snowflake's storage integration; it is there once snowflake_principal is given."
  value       = "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/${local.snowflake}"
}

output "service_accounts" {
  description = "Role → the service account whose pods have it."
  value       = local.service_accounts
}

output "boundary_arn" {
  description = "The permissions boundary of all these roles."
  value       = aws_iam_policy.boundary.arn
}

output "lambda_boundary_arn" {
  description = "The permissions boundary of the Lambdas' roles."
  value       = aws_iam_policy.lambda_boundary.arn
}

output "image_repository" {
  description = "Where the image is pushed to, without a tag."
  value       = aws_ecr_repository.image.repository_url
}
