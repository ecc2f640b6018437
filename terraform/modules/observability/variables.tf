variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev."
}

variable "alert_emails" {
  type        = set(string)
  description = "Who is mailed of alarms; each address confirms once."
  default     = []
}

variable "log_retention_days" {
  type        = number
  description = "How long the pods' logs are kept."
  default     = 365
}

variable "record_config" {
  type        = bool
  description = "Whether the account has no recorder of AWS Config yet."
}

variable "logs_bucket" {
  type        = string
  description = "The bucket that AWS Config delivers to."
}

variable "database_identifier" {
  type        = string
  description = "The RDS instance."
}

variable "database_storage_gb" {
  type        = number
  description = "Its disk: the alarm comes at a tenth of it."
}

variable "database_connections" {
  type        = number
  description = "How many connections are too many."
  default     = 300
}

variable "cluster_name" {
  type        = string
  description = "The EKS cluster."
}

variable "balancers" {
  type        = map(string)
  description = "Load balancers by a name of ours: the suffix of their ARN."
  default     = {}
}
