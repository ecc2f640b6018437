# The Snowflake side of an environment. The files of dev and prod are the same but for terraform.tfvars.

module "snowflake" {
  source = "../../../modules/snowflake"

  prefix              = var.prefix
  enterprise          = var.enterprise
  account_usage       = var.account_usage
  ledger              = var.ledger
  objects_role        = local.roles.objects
  warehouses          = var.warehouses
  public_keys         = var.public_keys
  allowed_addresses   = var.allowed_addresses
  dashboard_addresses = var.dashboard_addresses
  landing             = var.landing
  notify_users        = var.notify_users

  providers = {
    snowflake.objects = snowflake.objects
    snowflake.roles   = snowflake.roles
    snowflake.grants  = snowflake.grants
  }
}

# Made by bootstrap/snowflake.sql, which alone needs ACCOUNTADMIN; from here on its role may change them.
import {
  for_each = var.warehouses
  to       = module.snowflake.snowflake_resource_monitor.this[each.key]
  id       = "\"${var.prefix}_${each.key}\""
}
