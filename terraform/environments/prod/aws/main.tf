# The AWS side of an environment. The files of dev and prod are the same but for terraform.tfvars.

locals {
  sources = yamldecode(file("${path.module}/../../../../flows/sources.yml")).sources
  # Sources of files read the bucket of drops, each below a prefix of its own.
  drops = {
    for source, declared in local.sources :
    source => "${source}/" if contains(["files", "documents"], declared.kind)
  }
  lambdas = "${path.module}/../../../lambda/dist"
}

module "observability" {
  source    = "../../../modules/observability"
  providers = { aws = aws.platform }

  name                = var.name
  alert_emails        = var.alert_emails
  log_retention_days  = var.log_retention_days
  record_config       = var.record_config
  logs_bucket         = module.landing.logs_bucket
  database_identifier = module.database.identifier
  database_storage_gb = var.database.storage_gb
  cluster_name        = module.cluster.name
  balancers           = { interfaces = module.ingress.balancer_suffix }
}

module "budget" {
  source    = "../../../modules/budget"
  providers = { aws = aws.platform }
  count     = var.emulated ? 0 : 1

  name            = var.name
  limit_usd       = var.budget_usd
  alert_topic_arn = module.observability.alert_topic_arn
}

module "network" {
  source    = "../../../modules/network"
  providers = { aws = aws.platform }

  name               = var.name
  cidr               = var.cidr
  nat_per_zone       = var.nat_per_zone
  ui_cidrs           = var.company_cidrs
  cluster_api_cidrs  = var.company_cidrs
  source_cidrs       = var.source_cidrs
  log_key_arn        = module.observability.log_key_arn
  log_retention_days = var.log_retention_days

  snowflake_stage_buckets = var.snowflake_stage_buckets
}

module "landing" {
  source    = "../../../modules/landing"
  providers = { aws = aws.platform }

  name          = var.name
  force_destroy = !var.deletion_protection
}

module "cluster" {
  source    = "../../../modules/cluster"
  providers = { aws = aws.platform }

  name                = var.name
  kubernetes_version  = var.kubernetes_version
  subnet_ids          = module.network.subnet_ids["private"]
  security_group_ids  = module.network.security_group_ids
  public_access_cidrs = var.cluster_public_cidrs
  node_groups         = var.node_groups
  log_key_arn         = module.observability.log_key_arn
  log_retention_days  = var.log_retention_days
}

module "cluster_addons" {
  source    = "../../../modules/cluster_addons"
  providers = { aws = aws.platform }
  count     = var.emulated ? 0 : 1

  cluster_name = module.cluster.name
  addons       = var.addons
  role_arns = {
    amazon-cloudwatch-observability = module.cluster.service_account_role_arns["logs"]
    aws-ebs-csi-driver              = module.cluster.service_account_role_arns["volumes"]
    vpc-cni                         = module.cluster.service_account_role_arns["network"]
  }
  access = merge(
    { for arn in var.cluster_admin_arns : arn => { principal_arn = arn, policy = "AmazonEKSClusterAdminPolicy" } },
    { ci = { principal_arn = module.identity.role_arns["ci"], groups = ["hallmark-release"] } },
  )
}

module "ingress" {
  source    = "../../../modules/ingress"
  providers = { aws = aws.platform }

  name                = var.name
  domain              = var.domain
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.subnet_ids["private"]
  security_group_id   = module.network.security_group_ids["balancer"]
  logs_bucket         = module.landing.logs_bucket
  deletion_protection = var.deletion_protection
}

module "database" {
  source    = "../../../modules/database"
  providers = { aws = aws.platform }

  name              = var.name
  subnet_ids        = module.network.subnet_ids["isolated"]
  security_group_id = module.network.security_group_ids["database"]
  instance_class    = var.database.instance_class
  storage_gb        = var.database.storage_gb
  multi_az          = var.database.multi_az
  # The provider sets it by a change of its own, for which it waits another 80 s.
  ca_certificate      = var.emulated ? null : "rds-ca-rsa2048-g1"
  backup_days         = var.database.backup_days
  deletion_protection = var.deletion_protection
  log_key_arn         = module.observability.log_key_arn
  log_retention_days  = var.log_retention_days
}

module "search" {
  source    = "../../../modules/search"
  providers = { aws = aws.platform }
  count     = var.emulated ? 0 : 1

  name               = var.name
  subnet_ids         = module.network.subnet_ids["isolated"]
  security_group_id  = module.network.security_group_ids["search"]
  instance_type      = var.search.instance_type
  nodes              = var.search.nodes
  masters            = var.search.masters
  storage_gb         = var.search.storage_gb
  kms_key_arn        = module.database.kms_key_arn
  catalog_role_arn   = module.cluster.service_account_role_arns["openmetadata"]
  alert_topic_arn    = module.observability.alert_topic_arn
  log_key_arn        = module.observability.log_key_arn
  log_retention_days = var.log_retention_days
}

module "secrets" {
  source    = "../../../modules/secrets"
  providers = { aws = aws.platform }

  name               = var.name
  secrets            = var.secrets
  snowflake_account  = var.snowflake_account
  subnet_ids         = module.network.subnet_ids["private"]
  security_group_ids = [module.network.security_group_ids["functions"]]
  rotation_zip       = "${local.lambdas}/rotation.zip"
  alert_topic_arn    = module.observability.alert_topic_arn
  alert_key_arns     = [module.observability.log_key_arn]
  log_key_arn        = module.observability.log_key_arn
  log_retention_days = var.log_retention_days
  boundary_arn       = module.identity.lambda_boundary_arn
  recovery_days      = var.deletion_protection ? 30 : 7

  database_endpoint = {
    host             = module.database.host
    port             = module.database.port
    admin_secret_arn = module.database.admin_secret_arn
    admin_key_arns   = [module.database.kms_key_arn]
  }
}

module "events" {
  source    = "../../../modules/events"
  providers = { aws = aws.platform }

  name               = var.name
  bucket_id          = module.landing.bucket_ids["drops"]
  file_event_zip     = "${local.lambdas}/file_event.zip"
  prefect_api_url    = module.ingress.prefect_api_url
  prefect_secret_arn = module.secrets.secret_arns["prefect"]
  secrets_key_arn    = module.secrets.kms_key_arn
  subnet_ids         = module.network.subnet_ids["private"]
  security_group_ids = [module.network.security_group_ids["functions"]]
  alert_topic_arn    = module.observability.alert_topic_arn
  log_key_arn        = module.observability.log_key_arn
  log_retention_days = var.log_retention_days
  boundary_arn       = module.identity.lambda_boundary_arn

  streams = merge([
    for source, prefix in local.drops : {
      for stream, declared in local.sources[source].streams :
      "${source}.${stream}" => { prefix = prefix, path = declared.path }
    }
  ]...)
}

module "identity" {
  source    = "../../../modules/identity"
  providers = { aws = aws.platform }

  name                     = var.name
  sources                  = keys(local.sources)
  landing_bucket_arn       = module.landing.bucket_arns["landing"]
  archive_bucket_arn       = module.landing.bucket_arns["archive"]
  landing_prefix           = var.landing_prefix
  kms_key_arns             = { landing = module.landing.kms_key_arn, secrets = module.secrets.kms_key_arn }
  secret_arns              = module.secrets.secret_arns
  secret_readers           = module.secrets.secret_readers
  oidc_provider_arn        = module.cluster.oidc_provider_arn
  oidc_provider_url        = module.cluster.oidc_provider_url
  github_oidc_provider_arn = var.github_oidc_provider_arn
  github_repository        = var.github_repository
  github_subjects          = var.github_subjects
  snowflake_principal      = var.snowflake_principal

  source_buckets = {
    for source, prefix in local.drops : source => {
      bucket_arn   = module.landing.bucket_arns["drops"]
      prefix       = prefix
      kms_key_arns = [module.landing.kms_key_arn]
    }
  }
}
