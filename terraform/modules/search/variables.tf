variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev; the domain's is at most 28 characters."

  validation {
    condition     = length(var.name) <= 28
    error_message = "At most 28 characters."
  }
}

variable "subnet_ids" {
  type        = list(string)
  description = "Isolated subnets, one in each zone."
}

variable "security_group_id" {
  type        = string
  description = "The domain's group."
}

variable "instance_type" {
  type        = string
  description = "Size of a node."
}

variable "nodes" {
  type        = number
  description = "How many nodes, over as many zones: 1, 2 or 3."

  validation {
    condition     = contains([1, 2, 3], var.nodes)
    error_message = "1, 2 or 3."
  }
}

variable "masters" {
  type        = number
  description = "How many nodes do nothing but keep the others together: 0 or 3."

  validation {
    condition     = contains([0, 3], var.masters)
    error_message = "0 or 3."
  }
}

variable "storage_gb" {
  type        = number
  description = "Disk of a node."
}

variable "kms_key_arn" {
  type        = string
  description = "The key of what the domain holds."
}

variable "catalog_role_arn" {
  type        = string
  description = "OpenMetadata's role, which alone speaks to the domain."
}

variable "alert_topic_arn" {
  type        = string
  description = "The topic of alarms."
}

variable "log_key_arn" {
  type        = string
  description = "The key of the logs."
}

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept."
}
