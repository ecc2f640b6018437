variable "name" {
  type        = string
  description = "Prefix of every name, such as hallmark-dev."
}

variable "sources" {
  type        = set(string)
  description = "The sources of flows/sources.yml; each has a role of its own."

  validation {
    condition     = alltrue([for source in var.sources : can(regex("^[a-z]\\w*$", source))])
    error_message = "A source is a lower-case letter, then letters, digits and underscores."
  }
}

variable "landing_bucket_arn" {
  type        = string
  description = "The bucket of the landing zone."
}

variable "archive_bucket_arn" {
  type        = string
  description = "The bucket of the archive, in which no role may write or delete."
}

variable "landing_prefix" {
  type        = string
  description = "What HALLMARK_LANDING has after the bucket, without slashes around it; empty for none."
  default     = ""

  validation {
    condition     = can(regex("^([\\w.=-]+(/[\\w.=-]+)*)?$", var.landing_prefix))
    error_message = "Give a/b, without a slash at the ends and without the wildcards * and ?."
  }
}

variable "external_stage" {
  type        = bool
  description = "Whether HALLMARK_SNOWFLAKE_STAGE is set: rows then wait for COPY below staged/ of the landing zone."
  default     = true
}

variable "source_buckets" {
  type = map(object({
    bucket_arn   = string
    prefix       = string
    kms_key_arns = optional(list(string), [])
  }))
  description = "The bucket that a source reads its files from (`root: s3://…` in sources.yml), and the prefix in it."
  default     = {}
}

variable "kms_key_arns" {
  type        = map(string)
  description = "The keys `landing` and `secrets`."

  validation {
    condition     = alltrue([for key in ["landing", "secrets"] : contains(keys(var.kms_key_arns), key)])
    error_message = "Both keys are needed: landing and secrets."
  }
}

variable "secret_arns" {
  type        = map(string)
  description = "Secret → ARN, as the module secrets gives them."
  default     = {}
}

variable "secret_readers" {
  type        = map(list(string))
  description = "Secret → the roles that read it, as in role_arns, or `batch`, or `ingest` for those of all sources."
  default     = {}
}

variable "oidc_provider_arn" {
  type        = string
  description = "The cluster's OIDC provider, which vouches for service accounts."
}

variable "oidc_provider_url" {
  type        = string
  description = "Its address, with or without https://."
}

variable "namespace" {
  type        = string
  description = "The namespace of the service accounts."
  default     = "hallmark"
}

variable "github_oidc_provider_arn" {
  type        = string
  description = "GitHub's OIDC provider in this account, from the bootstrap."
}

variable "github_repository" {
  type        = string
  description = "OWNER/NAME of the repository whose workflows may take the role ci."

  validation {
    condition     = can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "Give OWNER/NAME."
  }
}

variable "github_subjects" {
  type        = list(string)
  description = "What of it may: the ends of the subjects of GitHub's tokens, word for word."
  default     = ["ref:refs/heads/main"]

  validation {
    condition     = length(var.github_subjects) > 0 && !strcontains(join("", var.github_subjects), "*")
    error_message = "Name each branch or environment; a wildcard lets a pull request of anybody in."
  }
}

variable "image_repository" {
  type        = string
  description = "The ECR repository of the image, which CI pushes to."
  default     = "hallmark"
}

variable "snowflake_principal" {
  type = object({
    user_arn    = string
    external_id = string
  })
  description = "Snowflake's user (STORAGE_AWS_IAM_USER_ARN, STORAGE_AWS_EXTERNAL_ID of DESC INTEGRATION)."
  default     = null
}
