variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev. A secret is NAME/KEY."
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
  description = <<-EOT
    The secrets. `kind` is snowflake_key_pair (of `user`, with the Snowflake role `role`),
    postgres (of `database`, for a
    member of the role `group`, as a URL of `scheme`) or token. `readers` are roles of the module identity. `field` is
    the key of the JSON object under which a reader finds the value: a setting's name, such as slack_token.
  EOT

  validation {
    condition = alltrue([
      for secret in var.secrets : contains(["snowflake_key_pair", "postgres", "token"], secret.kind)
    ])
    error_message = "A kind is snowflake_key_pair, postgres or token."
  }

  validation {
    condition = alltrue([
      for secret in var.secrets :
      secret.kind != "snowflake_key_pair" || (can(regex("^\\w+$", secret.user)) && can(regex("^\\w+$", secret.role)))
    ])
    error_message = "A snowflake_key_pair has a user and a role."
  }

  validation {
    condition = alltrue([
      for secret in var.secrets : secret.kind != "postgres" || (
        can(regex("^[a-z_][a-z0-9_]{0,40}$", secret.group)) && can(regex("^[a-z_][a-z0-9_]*$", secret.database))
        && can(regex("^postgresql(\\+asyncpg)?$", secret.scheme))
      )
    ])
    error_message = "A postgres secret has a group and a database, and the scheme postgresql or postgresql+asyncpg."
  }
}

variable "database_endpoint" {
  type = object({
    host             = string
    port             = optional(number, 5432)
    admin_secret_arn = string
    admin_key_arns   = optional(list(string), [])
  })
  description = "The PostgreSQL whose users rotate, and the secret (username, password) of its administrator."
}

variable "snowflake_account" {
  type        = string
  description = "Organization and account, such as ACME-PROD."
}


variable "subnet_ids" {
  type        = list(string)
  description = "Subnets that reach the database, and Snowflake over NAT."
}

variable "security_group_ids" {
  type        = list(string)
  description = "What they may reach: 5432 of the database, 443."

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "Without a group of its own the function has the VPC's default one."
  }
}

variable "rotation_zip" {
  type        = string
  description = "The function's archive, made by `make lambda`."
}

variable "rotation_days" {
  type        = number
  description = "After how many days a secret is rotated, or a reminder of it is sent."
  default     = 90

  validation {
    condition     = var.rotation_days >= 2 && var.rotation_days <= 90
    error_message = "Between 2 and 90 days."
  }
}

variable "overlap_hours" {
  type        = number
  description = "How long Snowflake takes the key before the current one: longer than any process keeps it."
  default     = 24
}

variable "alert_topic_arn" {
  type        = string
  description = "The SNS topic of reminders and alarms."
}

variable "alert_key_arns" {
  type        = list(string)
  description = "The key of that topic, if it has one of its own."
  default     = []
}

variable "log_key_arn" {
  type        = string
  description = "The key of the function's log group."
  default     = null
}

variable "log_retention_days" {
  type        = number
  description = "How long its log is kept."
  default     = 365
}

variable "boundary_arn" {
  type        = string
  description = "The permissions boundary of the function's role: lambda_boundary_arn of the module identity."
}

variable "recovery_days" {
  type        = number
  description = "For how long a deleted secret can be restored."
  default     = 30
}
