# The tables of main.tf, spread out: one entry for each grant, under a key that says it.

locals {
  in_database = { for schema in keys(local.schemas) : schema => "\"${var.prefix}\".\"${schema}\"" }

  on_database = { for role, row in local.access : role => row.database if length(try(row.database, [])) > 0 }
  on_account  = { for role, row in local.access : role => row.account if length(try(row.account, [])) > 0 }

  on_schema = merge([
    for role, row in local.access : {
      for schema, rights in try(row.schemas, {}) :
      "${role}/${schema}" => { role = role, schema = schema, privileges = rights }
    }
  ]...)

  on_future = merge([
    for role, row in local.access : merge([
      for schema, rights in try(row.future, {}) : {
        for kind in ["TABLES", "VIEWS"] :
        "${role}/${schema}/${kind}" => { role = role, schema = schema, kind = kind, privileges = rights }
      }
    ]...)
  ]...)

  on_table = merge([
    for role, row in local.access : {
      for table, rights in try(row.tables, {}) :
      "${role}/${table}" => { role = role, table = table, privileges = rights }
    }
  ]...)

  on_warehouse = merge([
    for role, row in local.access : {
      for name, rights in try(row.warehouses, {}) :
      "${role}/${name}" => { role = role, warehouse = name, privileges = rights }
    }
  ]...)

  on_integration = merge([
    for role, row in local.access : {
      for name in try(row.integrations, []) :
      "${role}/${name}" => { role = role, integration = name, privileges = ["USAGE"] }
    }
  ]...)

  owned = merge([
    for role, row in local.access : { for schema in try(row.owns, []) : schema => role }
  ]...)

  made = merge([
    for role, row in local.access : merge([
      for schema, kinds in try(row.made, {}) : {
        for kind in kinds : "${schema}/${kind}" => { role = role, schema = schema, kind = kind }
      }
    ]...)
  ]...)

  of_snowflake = merge([
    for role, row in local.access : {
      for name in try(row.database_roles, []) :
      "${role}/${name}" => { role = role, database_role = "\"SNOWFLAKE\".\"${name}\"" }
    }
  ]...)

  within = merge(
    merge([
      for parent, row in local.functions : {
        for role in row.access : "${parent}/${role}" => { role = role, parent = parent }
      }
    ]...),
    merge([
      for parent, row in local.functions : {
        for role in row.within : "${parent}/${role}" => { role = role, parent = parent }
      }
    ]...),
  )
}
