variable "name" {
  type        = string
  description = "Prefix of every name; the bootstrap has the same."
}

variable "account_id" {
  type        = string
  description = "The account; in any other Terraform stops."
}

variable "region" {
  type        = string
  description = "The region, that of the Snowflake account."
}

variable "cidr" {
  type        = string
  description = "The VPC's range, a /16 that nothing else in the company has."
}

variable "nat_per_zone" {
  type        = bool
  description = "A NAT gateway for each zone, or one for all."
}

variable "company_cidrs" {
  type        = set(string)
  description = "Ranges of the company's network, attached to the VPC: they reach user interfaces and API server."
  default     = []
}

variable "cluster_public_cidrs" {
  type        = list(string)
  description = "Who reaches the API server over the internet; empty for nobody."
  default     = []
}

variable "cluster_admin_arns" {
  type        = set(string)
  description = "Roles of the people who look after the cluster."
  default     = []
}

variable "source_cidrs" {
  type        = set(string)
  description = "Ranges of the PostgreSQL databases that are sources."
  default     = []
}

variable "landing_prefix" {
  type        = string
  description = "What HALLMARK_LANDING has after the bucket."
}

variable "kubernetes_version" {
  type        = string
  description = "Version of Kubernetes."
}

variable "addons" {
  type        = map(string)
  description = "Add-on of EKS → version; null for the newest that fits."
}

variable "node_groups" {
  type = map(object({
    spot           = bool
    instance_types = list(string)
    min            = number
    max            = number
    disk_gb        = number
  }))
  description = "Node groups by their label `workload`."
}

variable "database" {
  type = object({
    instance_class = string
    storage_gb     = number
    multi_az       = bool
    backup_days    = number
  })
  description = "PostgreSQL."
}

variable "search" {
  type = object({
    instance_type = string
    nodes         = number
    masters       = number
    storage_gb    = number
  })
  description = "OpenSearch; storage is that of a node."
}

variable "domain" {
  type        = string
  description = "The domain of the user interfaces."
}

variable "alert_emails" {
  type        = set(string)
  description = "Who is mailed of alarms."
  default     = []
}

variable "budget_usd" {
  type        = number
  description = "What a month may cost."
}

variable "record_config" {
  type        = bool
  description = "Whether the account has no recorder of AWS Config yet."
  default     = true
}

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept."
}

variable "deletion_protection" {
  type        = bool
  description = "Whether what holds data resists `terraform destroy`."
}

variable "snowflake_account" {
  type        = string
  description = "Organization and account, such as ACME-PROD."
}

variable "snowflake_principal" {
  type = object({
    user_arn    = string
    external_id = string
  })
  description = "Who reads staged/ for Snowflake: from DESC INTEGRATION, after the first apply of the Snowflake side."
  default     = null
}

variable "secrets" {
  type = map(object({
    kind        = string
    description = string
    readers     = list(string)
    field       = optional(string)
    user        = optional(string)
    role        = optional(string)
    group       = optional(string)
    database    = optional(string)
    scheme      = optional(string, "postgresql")
  }))
  description = "The secrets, without values: see the module secrets. `prefect` must be one of them."

  validation {
    condition     = contains(keys(var.secrets), "prefect")
    error_message = "The function of file events reads the secret prefect."
  }
}

variable "github_repository" {
  type        = string
  description = "OWNER/NAME of the repository whose workflows take the role ci."
}

variable "github_oidc_provider_arn" {
  type        = string
  description = "GitHub's OIDC provider, an output of the bootstrap."
}

variable "emulated" {
  type        = bool
  description = "True against the emulator of the tests: without the modules that it cannot (terraform/README.md)."
  default     = false
}

variable "github_subjects" {
  type        = list(string)
  description = "What of the repository may release here: the ends of the subjects of GitHub's tokens."
}

variable "snowflake_stage_buckets" {
  type        = set(string)
  description = "Buckets of Snowflake's account that pods fetch results from: type STAGE in SYSTEM$ALLOWLIST()."
  default     = []
}
