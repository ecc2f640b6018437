# What is planned, by a provider that is not asked. It needs the provider's schema: see terraform/README.md.

mock_provider "snowflake" {
  alias = "objects"
}

mock_provider "snowflake" {
  alias = "roles"
}

mock_provider "snowflake" {
  alias = "grants"
}

variables {
  prefix            = "HALLMARK_TEST"
  objects_role      = "HALLMARK_TEST_TERRAFORM_OBJECTS"
  allowed_addresses = ["192.0.2.10/32"]
  ledger            = true

  warehouses = {
    LOAD      = { size = "XSMALL", timeout = 3600, monthly_credits = 1, comment = "Loading" }
    TRANSFORM = { size = "XSMALL", timeout = 3600, monthly_credits = 1, comment = "dbt" }
    WATCH     = { size = "XSMALL", timeout = 300, monthly_credits = 1, comment = "Watch and deliver" }
    CATALOG   = { size = "XSMALL", timeout = 1800, monthly_credits = 1, comment = "Profiler and usage" }
    READ      = { size = "XSMALL", timeout = 600, monthly_credits = 1, comment = "Dashboards" }
  }

  landing = {
    url      = "s3://hallmark-test-landing/landing/"
    role_arn = "arn:aws:iam::111111111111:role/hallmark-test-snowflake"
  }
}

run "everything_is_made" {
  command = plan

  assert {
    condition     = toset([for user in snowflake_service_user.this : user.default_role]) == toset([for role in snowflake_account_role.function : role.name])
    error_message = "A service user begins as something else than its functional role."
  }

  assert {
    condition     = alltrue([for warehouse in snowflake_warehouse.this : warehouse.auto_suspend == 60])
    error_message = "A warehouse does not sleep."
  }

  assert {
    condition     = length(snowflake_grant_account_role.user) == length(snowflake_service_user.this)
    error_message = "A user has another number of roles than one."
  }

  assert {
    condition     = one(snowflake_tag.pii[*].name) == "PII"
    error_message = "The tag is not the flows'."
  }

  assert {
    condition     = output.settings["INGEST"]["HALLMARK_SNOWFLAKE_STAGE"] == "HALLMARK_TEST.OPS.LANDING"
    error_message = "The flows are told another stage."
  }
}

run "without_a_landing_zone_there_is_no_stage" {
  command = plan

  variables {
    landing = null
  }

  assert {
    condition     = length(snowflake_stage.landing) == 0 && output.landing_trust == null
    error_message = "A stage over nothing."
  }
}

run "standard_edition_has_no_masks" {
  command = plan

  variables {
    enterprise = false
  }

  assert {
    condition     = length(snowflake_masking_policy.pii) == 0 && length(snowflake_tag.pii) == 0
    error_message = "A mask that Standard edition refuses."
  }
}

run "nobody_comes_from_everywhere" {
  command = plan

  variables {
    allowed_addresses = ["0.0.0.0/0"]
  }

  expect_failures = [var.allowed_addresses]
}

run "a_private_key_is_refused" {
  command = plan

  variables {
    public_keys = { BATCH = "-----BEGIN KEY-----" }
  }

  expect_failures = [var.public_keys]
}

run "a_warehouse_that_never_sleeps_is_refused" {
  command = plan

  variables {
    warehouses = {
      LOAD      = { size = "XSMALL", timeout = 3600, monthly_credits = 1, auto_suspend = 0, comment = "Loading" }
      TRANSFORM = { size = "XSMALL", timeout = 3600, monthly_credits = 1, comment = "dbt" }
      WATCH     = { size = "XSMALL", timeout = 300, monthly_credits = 1, comment = "Watch and deliver" }
      CATALOG   = { size = "XSMALL", timeout = 1800, monthly_credits = 1, comment = "Profiler and usage" }
      READ      = { size = "XSMALL", timeout = 600, monthly_credits = 1, comment = "Dashboards" }
    }
  }

  expect_failures = [var.warehouses]
}

run "dashboards_have_addresses_of_their_own" {
  command = plan

  variables {
    dashboard_addresses = ["203.0.113.0/28"]
  }

  assert {
    condition     = toset(snowflake_network_policy.dashboards.allowed_ip_list) == toset(["203.0.113.0/28"])
    error_message = "They come from where their partner is."
  }

  assert {
    condition     = !contains(snowflake_network_policy.services.allowed_ip_list, "203.0.113.0/28")
    error_message = "Nobody else comes from there."
  }
}
