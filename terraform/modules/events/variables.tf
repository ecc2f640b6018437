variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev."
}

variable "bucket_id" {
  type        = string
  description = "The bucket that files are dropped into. Its notifications must go to EventBridge."
}

variable "streams" {
  type = map(object({
    prefix = string
    path   = string
  }))
  description = "SOURCE.STREAM → prefix of its source, a slash at its end, and the stream's path in sources.yml."

  validation {
    condition     = alltrue([for name in keys(var.streams) : can(regex("^[a-z]\\w*\\.[a-z]\\w*$", name))])
    error_message = "A stream is SOURCE.STREAM."
  }
}

variable "file_event_zip" {
  type        = string
  description = "The function's archive, made by `make lambda`."
}

variable "prefect_api_url" {
  type        = string
  description = "Prefect's API, such as https://prefect.example.com/api."

  validation {
    condition     = can(regex("^https?://[^/@]+/api$", var.prefect_api_url))
    error_message = "Give http(s)://HOST/api, without a user."
  }
}

variable "prefect_secret_arn" {
  type        = string
  description = "The secret with USER:PASSWORD of Prefect's API; none where it asks for none."
  default     = null
}

variable "secrets_key_arn" {
  type        = string
  description = "The key of that secret, and of the function's variables."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets that reach Prefect's API."
}

variable "security_group_ids" {
  type        = list(string)
  description = "What they may reach: Prefect's API, Secrets Manager."

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "Without a group of its own the function has the VPC's default one."
  }
}

variable "max_concurrency" {
  type        = number
  description = "How many batches of notifications are worked on at once."
  default     = 2

  validation {
    condition     = var.max_concurrency >= 2 && var.max_concurrency <= 1000
    error_message = "SQS takes 2 to 1000."
  }
}

variable "batch_size" {
  type        = number
  description = "How many notifications are one batch at most; a batch makes one event for each of its streams."
  default     = 500
}

variable "batch_seconds" {
  type        = number
  description = "How long a batch is waited for: so much later an ingest begins."
  default     = 20
}

variable "max_receives" {
  type        = number
  description = "How often a notification is tried before it is a dead letter."
  default     = 5
}

variable "alert_topic_arn" {
  type        = string
  description = "The SNS topic of alarms."
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
