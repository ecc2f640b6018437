# What names no provider has one whose role may nothing but ask who it is, and fails; the modules get the one that may.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  assume_role {
    role_arn = "arn:aws:iam::${var.account_id}:role/${var.name}-nothing"
  }
}

provider "aws" {
  alias               = "platform"
  region              = var.region
  allowed_account_ids = [var.account_id]

  assume_role {
    role_arn = "arn:aws:iam::${var.account_id}:role/${var.name}-terraform"
  }

  default_tags {
    tags = { project = "hallmark", environment = var.name, managed_by = "terraform" }
  }
}
