variable "name" {
  type        = string
  description = "The cluster's name, and the prefix of every other, such as hallmark-dev."
}

variable "kubernetes_version" {
  type        = string
  description = "Version of Kubernetes; Jobs need 1.31 for their pod failure policies."
  default     = "1.33"
}

variable "subnet_ids" {
  type        = list(string)
  description = "Private subnets, one in each zone."
}

variable "security_group_ids" {
  type = object({
    cluster = string
    nodes   = string
  })
  description = "The groups of the control plane's interfaces and of the nodes."
}

variable "public_access_cidrs" {
  type        = list(string)
  description = "Who reaches the API server over the internet; empty for nobody: it is then reached in the VPC alone."
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : tonumber(split("/", cidr)[1]) >= 16])
    error_message = "Ranges of /16 or smaller; 0.0.0.0/0 is everybody."
  }
}

variable "node_groups" {
  type = map(object({
    spot           = bool
    instance_types = list(string)
    min            = number
    max            = number
    disk_gb        = number
  }))
  description = "Node groups by their label `workload`."
}

variable "log_key_arn" {
  type        = string
  description = "The key of the control plane's logs."
}

variable "log_retention_days" {
  type        = number
  description = "How long they are kept."
  default     = 365
}
