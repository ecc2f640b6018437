terraform {
  required_version = ">= 1.11"

  required_providers {
    snowflake = {
      source  = "snowflakedb/snowflake"
      version = "2.11.0"
    }
  }

  # Bucket, key of KMS and region are those of the bootstrap: -backend-config.
  backend "s3" {
    key          = "snowflake/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
