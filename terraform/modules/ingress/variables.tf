variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev; at most 19 characters, since a target group has 32."

  validation {
    condition     = length(var.name) <= 19
    error_message = "At most 19 characters."
  }
}

variable "domain" {
  type        = string
  description = "The domain that is delegated to the hosted zone, such as data.example.com."
}

variable "vpc_id" {
  type        = string
  description = "The VPC."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Private subnets, one in each zone."
}

variable "security_group_id" {
  type        = string
  description = "The load balancer's group."
}

variable "logs_bucket" {
  type        = string
  description = "The bucket of its access logs."
}

variable "deletion_protection" {
  type        = bool
  description = "Whether load balancer and user pool cannot be deleted."
}
