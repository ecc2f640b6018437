output "settings" {
  description = "Service user → the HALLMARK_ settings of its deployments."
  value       = module.snowflake.settings
}

output "key_pairs" {
  description = "Key → user and role of a key pair, for the table of secrets of the AWS side."
  value       = module.snowflake.key_pairs
}

output "landing_trust" {
  description = "Snowflake's user and external id, whom the role of AWS has to trust."
  value       = module.snowflake.landing_trust
}
