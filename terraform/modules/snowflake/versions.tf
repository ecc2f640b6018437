terraform {
  required_version = ">= 1.11"

  required_providers {
    snowflake = {
      # The version whose schema the tests know: that of cdktf-cdktf-provider-snowflake, see requirements-terraform.in.
      source                = "snowflakedb/snowflake"
      version               = "2.11.0"
      configuration_aliases = [snowflake.objects, snowflake.roles, snowflake.grants]
    }
  }
}
