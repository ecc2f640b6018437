# Access roles → functional roles → service users, as the tables of the module snowflake_access have them.

resource "snowflake_account_role" "access" {
  provider = snowflake.roles
  for_each = module.access.access_roles

  name    = "${var.prefix}_${each.key}"
  comment = each.value
}

resource "snowflake_account_role" "function" {
  provider = snowflake.roles
  for_each = module.access.functional_roles

  name    = "${var.prefix}_${each.key}"
  comment = "Of the service user ${var.prefix}_${each.value.user}"
}

locals {
  role_names = merge(
    { for role, made in snowflake_account_role.access : role => made.fully_qualified_name },
    { for role, made in snowflake_account_role.function : role => made.fully_qualified_name },
  )
}

resource "snowflake_grant_account_role" "within" {
  provider = snowflake.roles
  for_each = module.access.within

  role_name        = local.role_names[each.value.role]
  parent_role_name = local.role_names[each.value.parent]
}

resource "snowflake_grant_account_role" "owner" {
  provider = snowflake.roles
  for_each = module.access.owners

  role_name        = local.role_names[each.key]
  parent_role_name = var.objects_role
}

# Of type SERVICE: there is no password to lose, and no second factor to ask for.
resource "snowflake_service_user" "this" {
  provider = snowflake.roles
  for_each = module.access.users

  name                           = "${var.prefix}_${each.key}"
  default_role                   = snowflake_account_role.function[each.value.role].name
  default_warehouse              = snowflake_warehouse.this[each.value.warehouse].name
  default_secondary_roles_option = "NONE"
  network_policy                 = local.policies[each.key]
  rsa_public_key                 = lookup(var.public_keys, each.key, null)
  timezone                       = "UTC"
  comment                        = "Hallmark, as ${each.value.role} alone"

  lifecycle {
    # Rotation puts a new key into whichever place is free, and empties the other: both places are its own.
    ignore_changes = [rsa_public_key, rsa_public_key_2]
  }
}

resource "snowflake_grant_account_role" "user" {
  provider = snowflake.roles
  for_each = module.access.users

  role_name = local.role_names[each.value.role]
  user_name = snowflake_service_user.this[each.key].fully_qualified_name
}

# Rotation logs in as the user whose key it is, and changes that. The transformer, in which the loader is, could change
# the loader's too: it has all of its rights anyway.
resource "snowflake_grant_privileges_to_account_role" "own_keys" {
  provider = snowflake.grants
  for_each = module.access.users

  account_role_name = local.role_names[each.value.role]
  privileges        = ["MODIFY PROGRAMMATIC AUTHENTICATION METHODS"]

  on_account_object {
    object_type = "USER"
    object_name = snowflake_service_user.this[each.key].fully_qualified_name
  }
}
