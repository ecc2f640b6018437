variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev."
}

variable "cidr" {
  type        = string
  description = "The VPC's range, a /16."

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "Give a /16, such as 10.20.0.0/16."
  }
}

variable "zone_count" {
  type        = number
  description = "Over how many zones."
  default     = 3

  validation {
    condition     = var.zone_count >= 2 && var.zone_count <= 4
    error_message = "EKS and RDS need two zones; the ranges are laid out for four at most."
  }
}

variable "nat_per_zone" {
  type        = bool
  description = "A NAT gateway for each zone, so that the loss of one does not cut the others off; or one for all."
}

variable "interface_endpoints" {
  type        = set(string)
  description = "Services that are reached by an interface in the VPC."
  default     = ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sqs", "sts"]
}

variable "ui_cidrs" {
  type        = set(string)
  description = "Who reaches the load balancer of the user interfaces: ranges of the company's network."
  default     = []

  validation {
    condition     = !contains(var.ui_cidrs, "0.0.0.0/0")
    error_message = "Not the whole internet."
  }
}

variable "cluster_api_cidrs" {
  type        = set(string)
  description = "Who reaches the private endpoint of the cluster from outside the VPC: ranges of the company's network."
  default     = []

  validation {
    condition     = !contains(var.cluster_api_cidrs, "0.0.0.0/0")
    error_message = "Not the whole internet."
  }
}

variable "source_cidrs" {
  type        = set(string)
  description = "Ranges of the PostgreSQL databases that are read as sources."
  default     = []
}

variable "log_key_arn" {
  type        = string
  description = "The key of the flow logs."
}

variable "log_retention_days" {
  type        = number
  description = "How long flow logs are kept."
  default     = 365
}

variable "snowflake_stage_buckets" {
  type        = set(string)
  description = "Buckets of Snowflake's account, which signs the addresses by which pods fetch from them."
  default     = []
}
