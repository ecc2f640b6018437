output "settings" {
  description = "Service user → the HALLMARK_ settings by which its deployments reach Snowflake; the key is a secret's."
  value = {
    for user, row in module.access.users : user => merge({
      HALLMARK_PROFILE             = "snowflake"
      HALLMARK_WORKLOAD            = lower(user)
      HALLMARK_SNOWFLAKE_DATABASE  = snowflake_database.this.name
      HALLMARK_SNOWFLAKE_USER      = snowflake_service_user.this[user].name
      HALLMARK_SNOWFLAKE_ROLE      = snowflake_account_role.function[row.role].name
      HALLMARK_SNOWFLAKE_WAREHOUSE = snowflake_warehouse.this[row.warehouse].name
      }, row.role != "TRANSFORMER" ? {} : {
      DBT_SNOWFLAKE_READER_ROLE              = snowflake_account_role.function["READER"].name
      HALLMARK_SNOWFLAKE_TRANSFORM_WAREHOUSE = snowflake_warehouse.this["TRANSFORM"].name
      }, !contains(["LOADER", "TRANSFORMER"], row.role) || var.landing == null ? {} : {
      HALLMARK_SNOWFLAKE_STAGE = "${var.prefix}.OPS.LANDING"
      }, !contains(["LOADER", "TRANSFORMER"], row.role) || !var.enterprise ? {} : {
      HALLMARK_SNOWFLAKE_PII_ROLE = snowflake_account_role.access["PII_READER"].name
    })
  }
}

output "key_pairs" {
  description = "Key → user and role of a key pair, as the module secrets takes them."
  value = {
    for user, row in module.access.users : "snowflake_${lower(user)}" => {
      user = snowflake_service_user.this[user].name
      role = snowflake_account_role.function[row.role].name
    }
  }
}

output "landing_trust" {
  description = "Whom the role of AWS has to trust: Snowflake's user and the external id that it comes with."
  value = var.landing == null ? null : {
    user_arn    = snowflake_storage_integration.landing[0].storage_aws_iam_user_arn
    external_id = snowflake_storage_integration.landing[0].storage_aws_external_id
  }
}
