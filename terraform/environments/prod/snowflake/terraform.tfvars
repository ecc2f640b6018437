organization = "ACME"
account      = "PROD"
user         = "HALLMARK_TERRAFORM"
prefix       = "HALLMARK"

enterprise    = true
account_usage = true
ledger        = false

# Sizes and credits at the scale of docs/capacity.md: 2.5 TB a batch, four batches a day.
warehouses = {
  LOAD      = { size = "XLARGE", timeout = 3600, monthly_credits = 3000, comment = "Loading, gates and publishing" }
  TRANSFORM = { size = "LARGE", timeout = 3600, monthly_credits = 1500, comment = "dbt" }
  WATCH     = { size = "XSMALL", timeout = 300, monthly_credits = 150, comment = "Watch and deliver" }
  CATALOG   = { size = "SMALL", timeout = 1800, monthly_credits = 100, comment = "Profiler and usage" }
  READ      = { size = "MEDIUM", timeout = 600, max_clusters = 3, monthly_credits = 1500, comment = "Dashboards" }
}

# Addresses for documentation: the NAT gateways', one for each zone, stand in the outputs of the AWS side.
allowed_addresses = ["198.51.100.10/32", "198.51.100.11/32", "198.51.100.12/32"]

landing = {
  url      = "s3://hallmark-prod-landing-210987654321/prod/"
  role_arn = "arn:aws:iam::210987654321:role/hallmark-prod-snowflake"
}
