# Each grant of the tables, and no other.

resource "snowflake_grant_privileges_to_account_role" "database" {
  provider = snowflake.grants
  for_each = local.grants.database

  account_role_name = local.role_names[each.key]
  privileges        = each.value

  on_account_object {
    object_type = "DATABASE"
    object_name = snowflake_database.this.fully_qualified_name
  }
}

resource "snowflake_grant_privileges_to_account_role" "account" {
  provider = snowflake.grants
  for_each = local.grants.account

  account_role_name = local.role_names[each.key]
  privileges        = each.value
  on_account        = true
}

resource "snowflake_grant_privileges_to_account_role" "warehouse" {
  provider = snowflake.grants
  for_each = local.grants.warehouse

  account_role_name = local.role_names[each.value.role]
  privileges        = each.value.privileges

  on_account_object {
    object_type = "WAREHOUSE"
    object_name = snowflake_warehouse.this[each.value.warehouse].fully_qualified_name
  }
}

resource "snowflake_grant_privileges_to_account_role" "schema" {
  provider = snowflake.grants
  for_each = local.grants.schema

  account_role_name = local.role_names[each.value.role]
  privileges        = each.value.privileges

  on_schema {
    schema_name = snowflake_schema.this[each.value.schema].fully_qualified_name
  }

  depends_on = [snowflake_grant_ownership.schema]
}

# A table is masked while it is empty (snowflake_policies.py of the flows), so that it may be read from its first row.
resource "snowflake_grant_privileges_to_account_role" "future" {
  provider = snowflake.grants
  for_each = local.grants.future

  account_role_name = local.role_names[each.value.role]
  privileges        = each.value.privileges

  on_schema_object {
    future {
      object_type_plural = each.value.kind
      in_schema          = snowflake_schema.this[each.value.schema].fully_qualified_name
    }
  }

  depends_on = [snowflake_grant_ownership.schema]
}

resource "snowflake_grant_privileges_to_account_role" "table" {
  provider = snowflake.grants
  for_each = local.grants.table

  account_role_name = local.role_names[each.value.role]
  privileges        = each.value.privileges

  on_schema_object {
    object_type = "TABLE"
    object_name = "${snowflake_schema.this["OPS"].fully_qualified_name}.\"${each.value.table}\""
  }
}

resource "snowflake_grant_ownership" "schema" {
  provider = snowflake.grants
  for_each = local.grants.owned

  account_role_name   = local.role_names[each.value]
  outbound_privileges = "COPY"

  on {
    object_type = "SCHEMA"
    object_name = snowflake_schema.this[each.key].fully_qualified_name
  }

  # Whoever changes a schema later has its owner's role before it is given away, and what Terraform makes in it is made.
  depends_on = [snowflake_grant_account_role.owner, snowflake_stage.landing, snowflake_tag.pii]
}

resource "snowflake_grant_ownership" "made" {
  provider = snowflake.grants
  for_each = local.grants.made

  account_role_name = local.role_names[each.value.role]

  on {
    future {
      object_type_plural = each.value.kind
      in_schema          = snowflake_schema.this[each.value.schema].fully_qualified_name
    }
  }

  # The stage stays with who made it: its owner could point it elsewhere.
  depends_on = [snowflake_stage.landing]
}

resource "snowflake_grant_database_role" "snowflake" {
  provider = snowflake.grants
  for_each = local.grants.snowflake

  database_role_name = each.value.database_role
  parent_role_name   = local.role_names[each.value.role]
}
