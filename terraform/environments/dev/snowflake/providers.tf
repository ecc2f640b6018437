# One login, by the key in SNOWFLAKE_PRIVATE_KEY, and a role for each kind of work. bootstrap/snowflake.sql makes both.

locals {
  roles = {
    objects = "${var.prefix}_TERRAFORM_OBJECTS" # as SYSADMIN: database, warehouses, integration
    roles   = "${var.prefix}_TERRAFORM_ROLES"   # as USERADMIN: roles, users, network policy
    grants  = "${var.prefix}_TERRAFORM_GRANTS"  # as SECURITYADMIN: grants
  }
}

# What names no provider has no rights, and fails.
provider "snowflake" {
  organization_name = var.organization
  account_name      = var.account
  user              = var.user
  authenticator     = "SNOWFLAKE_JWT"
  role              = "PUBLIC"
}

provider "snowflake" {
  alias                    = "objects"
  organization_name        = var.organization
  account_name             = var.account
  user                     = var.user
  authenticator            = "SNOWFLAKE_JWT"
  role                     = local.roles.objects
  preview_features_enabled = ["snowflake_stage_resource", "snowflake_storage_integration_resource"]
}

provider "snowflake" {
  alias             = "roles"
  organization_name = var.organization
  account_name      = var.account
  user              = var.user
  authenticator     = "SNOWFLAKE_JWT"
  role              = local.roles.roles
}

provider "snowflake" {
  alias             = "grants"
  organization_name = var.organization
  account_name      = var.account
  user              = var.user
  authenticator     = "SNOWFLAKE_JWT"
  role              = local.roles.grants
}
