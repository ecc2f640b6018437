variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev."
}

variable "landing_days" {
  type        = number
  description = "After how many days a landed file is deleted, should `hallmark gc` not have done so; null for never."
  default     = null
}

variable "drops_days" {
  type        = number
  description = "After how many days a dropped file is deleted."
  default     = 400
}

variable "force_destroy" {
  type        = bool
  description = "Whether `terraform destroy` deletes buckets that are not empty; never in prod."
  default     = false
}
