variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Isolated subnets, one in each zone."
}

variable "security_group_id" {
  type        = string
  description = "The group of PostgreSQL."
}

variable "instance_class" {
  type        = string
  description = "Size of PostgreSQL."
}

variable "storage_gb" {
  type        = number
  description = "Its disk; it grows by itself to four times that."
}

variable "ca_certificate" {
  type        = string
  description = "The authority that signs its certificate; null for what RDS takes."
  default     = "rds-ca-rsa2048-g1"
}

variable "multi_az" {
  type        = bool
  description = "Whether a standby in another zone takes over."
}

variable "backup_days" {
  type        = number
  description = "For how many days it can be restored to any second."
}

variable "deletion_protection" {
  type        = bool
  description = "Whether it cannot be deleted, and leaves a last snapshot if it is."
}

variable "log_key_arn" {
  type        = string
  description = "The key of the logs."
}

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept."
  default     = 365
}
