variable "organization" {
  type        = string
  description = "Name of the Snowflake organization: the part of the account before the hyphen."
}

variable "account" {
  type        = string
  description = "Name of the account within the organization."
}

variable "user" {
  type        = string
  description = "Terraform's own user, of type SERVICE."
}

variable "prefix" {
  type        = string
  description = "Name of the database, and before the names of roles, users and warehouses."
}

variable "enterprise" {
  type        = bool
  description = "Whether the account has masking policies and tags, which Standard edition has not."
}

variable "account_usage" {
  type        = bool
  description = "Whether the cost model reads the account's own usage."
}

variable "ledger" {
  type        = bool
  description = "False for the first apply; true when the first batch has made the ledger."
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
  description = "Warehouses by their name without the prefix; see the module."
}

variable "public_keys" {
  type        = map(string)
  description = "Service user without the prefix → its first public key on one line."
  default     = {}
}

variable "allowed_addresses" {
  type        = set(string)
  description = "IPv4 ranges of the NAT gateways: an output of the AWS side."
}

variable "dashboard_addresses" {
  type        = set(string)
  description = "IPv4 ranges that the user DASHBOARDS comes from, such as Sigma's; none for the allowed_addresses."
  default     = []
}

variable "landing" {
  type = object({
    url      = string
    role_arn = string
  })
  description = "The landing zone's s3:// prefix and the role of AWS that Snowflake takes; null for an internal stage."
  default     = null
}

variable "notify_users" {
  type        = set(string)
  description = "Users with a confirmed e-mail address who are told of a quota."
  default     = []
}
