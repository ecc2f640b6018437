organization = "ACME"
account      = "DEV"
user         = "HALLMARK_DEV_TERRAFORM"
prefix       = "HALLMARK_DEV"

enterprise    = true
account_usage = false
ledger        = false

warehouses = {
  LOAD      = { size = "XSMALL", timeout = 3600, monthly_credits = 60, comment = "Loading, gates and publishing" }
  TRANSFORM = { size = "XSMALL", timeout = 3600, monthly_credits = 60, comment = "dbt" }
  WATCH     = { size = "XSMALL", timeout = 300, monthly_credits = 20, comment = "Watch and deliver" }
  CATALOG   = { size = "XSMALL", timeout = 1800, monthly_credits = 10, comment = "Profiler and usage" }
  READ      = { size = "XSMALL", timeout = 600, monthly_credits = 20, comment = "Dashboards" }
}

# Addresses for documentation: the NAT gateways' stand in the outputs of the AWS side.
allowed_addresses = ["192.0.2.10/32"]

landing = {
  url      = "s3://hallmark-dev-landing-123456789012/dev/"
  role_arn = "arn:aws:iam::123456789012:role/hallmark-dev-snowflake"
}
