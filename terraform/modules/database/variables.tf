variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev; the domain's is at most 28 characters."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Isolated subnets, one in each zone."
}

variable "security_group_ids" {
  type = object({
    database = string
    search   = string
  })
  description = "The groups of PostgreSQL and OpenSearch."
}

variable "instance_class" {
  type        = string
  description = "Size of PostgreSQL."
}

variable "storage_gb" {
  type        = number
  description = "Its disk; it grows by itself to four times that."
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

variable "search_instance_type" {
  type        = string
  description = "Size of a node of OpenSearch."
}

variable "search_nodes" {
  type        = number
  description = "How many nodes, over as many zones: 1, 2 or 3."

  validation {
    condition     = contains([1, 2, 3], var.search_nodes)
    error_message = "1, 2 or 3."
  }
}

variable "search_masters" {
  type        = number
  description = "How many nodes do nothing but keep the others together: 0 or 3."
  default     = 0
}

variable "search_storage_gb" {
  type        = number
  description = "Disk of a node."
  default     = 20
}

variable "catalog_role_arn" {
  type        = string
  description = "OpenMetadata's role, which alone speaks to OpenSearch."
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
