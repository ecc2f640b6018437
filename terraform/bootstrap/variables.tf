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
}

variable "search_role" {
  type        = bool
  description = "Whether the account has no service-linked role of OpenSearch yet."
  default     = true
}
