name       = "hallmark-dev"
account_id = "123456789012"
region     = "eu-central-1"
domain     = "data-dev.example.com"

cidr          = "10.20.0.0/16"
nat_per_zone  = false
company_cidrs = ["10.0.0.0/16"]

landing_prefix = "dev"

kubernetes_version = "1.33"
addons = {
  vpc-cni = null, coredns = null, kube-proxy = null, aws-ebs-csi-driver = null, amazon-cloudwatch-observability = null
}
node_groups = {
  platform = { spot = false, instance_types = ["m7i.large"], min = 2, max = 3, disk_gb = 50 }
  flows = {
    spot = true, instance_types = ["m7i.xlarge", "m6i.xlarge", "m7a.xlarge"], min = 1, max = 4, disk_gb = 200
  }
}

database = { instance_class = "db.t4g.medium", storage_gb = 50, multi_az = false, backup_days = 7 }
search   = { instance_type = "t3.medium.search", nodes = 1, masters = 0, storage_gb = 20 }

budget_usd          = 1500
log_retention_days  = 365
deletion_protection = false

github_repository        = "acme/hallmark"
github_subjects          = ["ref:refs/heads/main", "environment:staging"]
github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
snowflake_account        = "ACME-DEV"

secrets = {
  snowflake_ingest = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what only ingests"
    readers     = ["ingest"]
    user        = "HALLMARK_DEV_INGEST"
    role        = "HALLMARK_DEV_LOADER"
  }
  snowflake_batch = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what loads and builds"
    readers     = ["batch", "transform"]
    user        = "HALLMARK_DEV_BATCH"
    role        = "HALLMARK_DEV_TRANSFORMER"
  }
  snowflake_deliver = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what tells events"
    readers     = ["deliver"]
    user        = "HALLMARK_DEV_DELIVER"
    role        = "HALLMARK_DEV_DELIVERER"
  }
  snowflake_watch = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what watches"
    readers     = ["watch"]
    user        = "HALLMARK_DEV_WATCH"
    role        = "HALLMARK_DEV_WATCHER"
  }
  snowflake_catalog = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what fills the catalog"
    readers     = ["catalog"]
    user        = "HALLMARK_DEV_CATALOG"
    role        = "HALLMARK_DEV_CATALOGER"
  }
  snowflake_dashboards = {
    kind        = "token"
    description = "Key of Sigma's user; Sigma takes a new one by hand alone"
    readers     = []
    field       = "snowflake_private_key"
  }
  state = {
    kind        = "postgres"
    description = "Outbox and incidents"
    readers     = ["ingest", "batch", "transform", "watch", "catalog", "deliver"]
    group       = "hallmark"
    database    = "hallmark"
    field       = "state_url"
  }
  crm = {
    kind        = "token"
    description = "The CRM's database"
    readers     = ["ingest_crm", "batch"]
    field       = "url"
  }
  slack = {
    kind        = "token"
    description = "Slack's token"
    readers     = ["deliver"]
    field       = "slack_token"
  }
  prefect = {
    kind        = "token"
    description = "The login to Prefect's API"
    readers     = ["file_event"]
    field       = "prefect_api_auth_string"
  }
}
