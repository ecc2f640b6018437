# How COPY reads from the landing bucket: Snowflake takes a role of AWS, and no key of either side is stored.

resource "snowflake_storage_integration" "landing" {
  provider = snowflake.objects
  count    = var.landing == null ? 0 : 1

  name                      = "${var.prefix}_LANDING"
  type                      = "EXTERNAL_STAGE"
  storage_provider          = "S3"
  enabled                   = true
  storage_aws_role_arn      = var.landing.role_arn
  storage_allowed_locations = [var.landing.url]
  comment                   = "The landing zone, and nothing else"
}

resource "snowflake_stage" "landing" {
  provider = snowflake.objects
  count    = var.landing == null ? 0 : 1

  database            = snowflake_database.this.name
  schema              = snowflake_schema.this["OPS"].name
  name                = "LANDING"
  url                 = var.landing.url
  storage_integration = snowflake_storage_integration.landing[0].name
  comment             = "HALLMARK_SNOWFLAKE_STAGE"
}

# USAGE of an external stage is to read and, with the bucket's consent, to remove what was loaded (PURGE).
resource "snowflake_grant_privileges_to_account_role" "stage" {
  provider = snowflake.grants
  for_each = var.landing == null ? {} : local.grants.integration

  account_role_name = local.role_names[each.value.role]
  privileges        = each.value.privileges

  on_schema_object {
    object_type = "STAGE"
    object_name = snowflake_stage.landing[0].fully_qualified_name
  }
}

resource "snowflake_grant_privileges_to_account_role" "integration" {
  provider = snowflake.grants
  for_each = var.landing == null ? {} : local.grants.integration

  account_role_name = local.role_names[each.value.role]
  privileges        = each.value.privileges

  on_account_object {
    object_type = "INTEGRATION"
    object_name = snowflake_storage_integration.landing[0].fully_qualified_name
  }
}
