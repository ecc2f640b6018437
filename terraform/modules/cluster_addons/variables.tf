variable "cluster_name" {
  type        = string
  description = "The cluster."
}

variable "addons" {
  type        = map(string)
  description = "Add-on → version; null for the newest that fits the cluster."
}

variable "role_arns" {
  type        = map(string)
  description = "Add-on → the role of its service account, where it has one."
  default     = {}
}

variable "access" {
  type = map(object({
    principal_arn = string
    policy        = optional(string)
    groups        = optional(set(string))
  }))
  description = "Who may enter the cluster: a principal of IAM, by a policy of EKS for all of it, or as one of groups."
}
