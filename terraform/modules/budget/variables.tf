variable "name" {
  type        = string
  description = "Name of the budget."
}

variable "limit_usd" {
  type        = number
  description = "What a month may cost."
}

variable "alert_topic_arn" {
  type        = string
  description = "Who is told at 80 % of it, and when a forecast is beyond it."
}
