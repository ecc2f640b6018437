variable "prefix" {
  type        = string
  description = "Name of the database, and before the names of roles, users and warehouses: HALLMARK, or HALLMARK_DEV."

  validation {
    condition     = can(regex("^[A-Z][A-Z0-9_]*$", var.prefix))
    error_message = "A prefix has upper-case letters, digits and _ alone: the flows do not quote it."
  }
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

variable "external_stage" {
  type        = bool
  description = "Whether COPY reads from the landing bucket, by a storage integration."
  default     = true
}
