variable "prefix" {
  type        = string
  description = "Name of the database, and before the names of roles, users and warehouses: HALLMARK, or HALLMARK_DEV."
}

variable "enterprise" {
  type        = bool
  description = "Whether the account has masking policies and tags, which Standard edition has not."
  default     = true
}

variable "account_usage" {
  type        = bool
  description = "Whether the cost model reads the account's own usage: the variable account_usage of dbt."
  default     = false
}

variable "ledger" {
  type        = bool
  description = "Whether the first batch has made the ledger: a right on one table can be granted when it is there."
  default     = false
}

variable "objects_role" {
  type        = string
  description = "Role of the provider snowflake.objects: it gets the roles that own schemas, to go on changing these."
}

variable "warehouses" {
  type = map(object({
    size            = string
    auto_suspend    = optional(number, 60)
    timeout         = number
    queued_timeout  = optional(number, 600)
    max_clusters    = optional(number, 1)
    monthly_credits = number
    comment         = string
  }))
  description = <<-EOT
    Name without the prefix → size, seconds until it sleeps, seconds that a statement may run and may wait, clusters of
    the Enterprise edition, and the credits of a month after which its resource monitor suspends it.
  EOT

  validation {
    condition     = alltrue([for row in var.warehouses : row.auto_suspend > 0 && row.auto_suspend <= 600])
    error_message = "A warehouse sleeps after 600 s at most, and never not at all (0)."
  }

  validation {
    condition     = alltrue([for row in var.warehouses : min(row.timeout, row.queued_timeout, row.monthly_credits) > 0])
    error_message = "No timeout and no quota is 0, which to Snowflake is none."
  }

  validation {
    condition     = toset(keys(var.warehouses)) == toset(["LOAD", "TRANSFORM", "WATCH", "CATALOG", "READ"])
    error_message = "The warehouses are those of the table of rights: LOAD, TRANSFORM, WATCH, CATALOG, READ."
  }
}

variable "public_keys" {
  type        = map(string)
  description = "Service user without the prefix → its first public key on one line. Later ones are rotation's."
  default     = {}

  validation {
    condition     = alltrue([for key in var.public_keys : !strcontains(key, "PRIVATE") && !strcontains(key, "-----")])
    error_message = "A public key is one line without header and trailer, and no private key."
  }
}

variable "allowed_addresses" {
  type        = set(string)
  description = "IPv4 ranges that the service users come from: the NAT gateways, or private ranges by PrivateLink."

  validation {
    condition     = length(var.allowed_addresses) > 0 && !contains(var.allowed_addresses, "0.0.0.0/0")
    error_message = "A service user comes from known addresses, not from everywhere."
  }

  validation {
    condition     = alltrue([for range in var.allowed_addresses : can(cidrhost(range, 0))])
    error_message = "A range is written as 192.0.2.0/24."
  }
}

variable "dashboard_addresses" {
  type        = set(string)
  description = "IPv4 ranges that the user DASHBOARDS comes from, such as Sigma's; none for the allowed_addresses."
  default     = []

  validation {
    condition     = alltrue([for range in var.dashboard_addresses : can(cidrhost(range, 0)) && range != "0.0.0.0/0"])
    error_message = "A range is written as 192.0.2.0/24, and is not everywhere."
  }
}

variable "landing" {
  type = object({
    url      = string
    role_arn = string
  })
  description = "The landing zone's s3:// prefix and the role of AWS that Snowflake takes; null for an internal stage."
  default     = null

  validation {
    condition     = var.landing == null || can(regex("^s3://.+/$", var.landing.url))
    error_message = "A URL of the landing zone begins with s3:// and ends with a slash."
  }
}

variable "notify_users" {
  type        = set(string)
  description = "Users with a confirmed e-mail address who are told of a quota."
  default     = []
}
