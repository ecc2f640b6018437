output "schemas" {
  description = "Schema → days of Time Travel."
  value       = local.schemas
}

output "access_roles" {
  description = "Access role → what it is for."
  value       = { for role, row in local.access : role => row.why }
}

output "functional_roles" {
  description = "Functional role → its service user and the warehouse that it works on."
  value       = { for role, row in local.functions : role => { user = row.user, warehouse = row.warehouse } }
}

output "users" {
  description = "Service user → its one functional role and its warehouse."
  value       = { for role, row in local.functions : row.user => { role = role, warehouse = row.warehouse } }
}

output "within" {
  description = "Roles that are granted to roles: {role, parent} by PARENT/ROLE."
  value       = local.within
}

output "owners" {
  description = "Access roles that own something, which whoever changes schemas must have."
  value       = toset(values(local.owned))
}

output "grants" {
  description = "Every other grant, by what it is on; names without the prefix."
  value = {
    database    = local.on_database
    account     = local.on_account
    schema      = local.on_schema
    future      = local.on_future
    table       = var.ledger ? local.on_table : {}
    warehouse   = local.on_warehouse
    integration = local.on_integration
    owned       = local.owned
    made        = local.made
    snowflake   = local.of_snowflake
  }
}

output "quoted" {
  description = "Schema → its full name, quoted as Snowflake stores it."
  value       = local.in_database
}
