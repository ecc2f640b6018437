name       = "hallmark-prod"
account_id = "210987654321"
region     = "eu-central-1"
domain     = "data.example.com"

cidr          = "10.30.0.0/16"
nat_per_zone  = true
company_cidrs = ["10.0.0.0/16"]

landing_prefix = "prod"

kubernetes_version = "1.33"
addons = {
  vpc-cni = null, coredns = null, kube-proxy = null, aws-ebs-csi-driver = null, amazon-cloudwatch-observability = null
}
node_groups = {
  platform = { spot = false, instance_types = ["m7i.large"], min = 3, max = 6, disk_gb = 50 }
  flows = {
    spot = true, instance_types = ["m7i.4xlarge", "m6i.4xlarge", "m7a.4xlarge"], min = 2, max = 24, disk_gb = 500
  }
}

database = { instance_class = "db.m7g.xlarge", storage_gb = 200, multi_az = true, backup_days = 35 }
search   = { instance_type = "m7g.large.search", nodes = 3, masters = 3, storage_gb = 100 }

budget_usd          = 15000
log_retention_days  = 365
deletion_protection = true

github_repository        = "acme/hallmark"
github_subjects          = ["ref:refs/heads/main", "environment:production"]
github_oidc_provider_arn = "arn:aws:iam::210987654321:oidc-provider/token.actions.githubusercontent.com"
snowflake_account        = "ACME-PROD"

secrets = {
  snowflake_ingest = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what only ingests"
    readers     = ["ingest"]
    user        = "HALLMARK_INGEST"
    role        = "HALLMARK_LOADER"
  }
  snowflake_batch = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what loads and builds"
    readers     = ["batch", "transform"]
    user        = "HALLMARK_BATCH"
    role        = "HALLMARK_TRANSFORMER"
  }
  snowflake_deliver = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what tells events"
    readers     = ["deliver"]
    user        = "HALLMARK_DELIVER"
    role        = "HALLMARK_DELIVERER"
  }
  snowflake_watch = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what watches"
    readers     = ["watch"]
    user        = "HALLMARK_WATCH"
    role        = "HALLMARK_WATCHER"
  }
  snowflake_catalog = {
    kind        = "snowflake_key_pair"
    description = "Key of Snowflake's user of what fills the catalog"
    readers     = ["catalog"]
    user        = "HALLMARK_CATALOG"
    role        = "HALLMARK_CATALOGER"
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
