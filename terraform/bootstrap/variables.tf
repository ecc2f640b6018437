variable "name" {
  type        = string
  description = "Prefix of every name; the environment's root has the same."
}

variable "account_id" {
  type        = string
  description = "The account; in any other Terraform stops."
}

variable "region" {
  type        = string
  description = "Region of the state's bucket."
}

variable "operator_arns" {
  type        = list(string)
  description = "Who applies: roles of people."

  validation {
    condition     = alltrue([for arn in var.operator_arns : can(regex("^arn:aws:iam::\\d{12}:role/[^*]+$", arn))])
    error_message = "Name each role: the Terraform role is an administrator."
  }
}

variable "autoscaling_role" {
  type        = bool
  description = "Whether the account has no service-linked role of Auto Scaling yet."
  default     = true
}

variable "search_role" {
  type        = bool
  description = "Whether the account has no service-linked role of OpenSearch yet."
  default     = true
}
