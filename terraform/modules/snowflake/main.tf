# Database, schemas and warehouses. Rights are in the module snowflake_access, and are granted in grants.tf.

module "access" {
  source = "../snowflake_access"

  prefix         = var.prefix
  enterprise     = var.enterprise
  account_usage  = var.account_usage
  ledger         = var.ledger
  external_stage = var.landing != null
}

locals {
  grants = module.access.grants
}

resource "snowflake_database" "this" {
  provider = snowflake.objects

  name                           = var.prefix
  comment                        = "Hallmark's data, by layer, and its ledger"
  data_retention_time_in_days    = 1
  drop_public_schema_on_creation = true

  lifecycle {
    prevent_destroy = true
  }
}

resource "snowflake_schema" "this" {
  provider = snowflake.objects
  for_each = module.access.schemas

  database                    = snowflake_database.this.name
  name                        = each.key
  data_retention_time_in_days = each.value

  lifecycle {
    prevent_destroy = true
  }
}

# Made once in the bootstrap, since no other role than ACCOUNTADMIN makes one; taken over by the roots' import blocks.
resource "snowflake_resource_monitor" "this" {
  provider = snowflake.objects
  for_each = var.warehouses

  name                      = "${var.prefix}_${each.key}"
  credit_quota              = each.value.monthly_credits
  frequency                 = "MONTHLY"
  start_timestamp           = "IMMEDIATELY"
  notify_triggers           = [75, 90]
  suspend_trigger           = 100
  suspend_immediate_trigger = 110
  notify_users              = var.notify_users

  lifecycle {
    ignore_changes = [start_timestamp, frequency]
  }
}

resource "snowflake_warehouse" "this" {
  provider = snowflake.objects
  for_each = var.warehouses

  name                                = "${var.prefix}_${each.key}"
  warehouse_size                      = each.value.size
  auto_suspend                        = each.value.auto_suspend
  auto_resume                         = "true"
  initially_suspended                 = true
  min_cluster_count                   = 1
  max_cluster_count                   = each.value.max_clusters
  statement_timeout_in_seconds        = each.value.timeout
  statement_queued_timeout_in_seconds = each.value.queued_timeout
  resource_monitor                    = snowflake_resource_monitor.this[each.key].fully_qualified_name
  comment                             = each.value.comment
}
