# The tag of personal columns with a mask for each type, before the first row is there. The flows tag the columns, and
# put masks of their own in the place of these, which say the same and name the flows' role: see snowflake_policies.py.

locals {
  masked_text = join(" ", [
    "CASE system$get_tag_on_current_column('${var.prefix}.OPS.PII')",
    "WHEN 'email' THEN '*****@' || split_part(val, '@', 2) ELSE '*****' END",
  ])

  # Type → what others see of it. The tag masks the types that it has a mask for, so that each has one.
  masks = merge({ VARCHAR = local.masked_text }, {
    for type in [
      "NUMBER", "FLOAT", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "BINARY",
      "VARIANT", "ARRAY", "OBJECT",
    ] : type => "NULL"
  })
  seeing = "is_role_in_session('${var.prefix}_PII_READER')"
}

resource "snowflake_masking_policy" "pii" {
  provider = snowflake.objects
  for_each = var.enterprise ? local.masks : {}

  database         = snowflake_database.this.name
  schema           = snowflake_schema.this["OPS"].name
  name             = "MASK_${each.key}_BUT_FOR_${var.prefix}_PII_READER"
  body             = "CASE WHEN ${local.seeing} THEN val ELSE ${each.value} END"
  return_data_type = each.key
  comment          = "Personal data, for whoever may not see it"

  argument {
    name = "val"
    type = each.key
  }
}

resource "snowflake_tag" "pii" {
  provider = snowflake.objects
  count    = var.enterprise ? 1 : 0

  database         = snowflake_database.this.name
  schema           = snowflake_schema.this["OPS"].name
  name             = "PII"
  masking_policies = [for mask in snowflake_masking_policy.pii : mask.fully_qualified_name]
  comment          = "What a column says of a person"

  lifecycle {
    ignore_changes = [masking_policies]
  }
}
