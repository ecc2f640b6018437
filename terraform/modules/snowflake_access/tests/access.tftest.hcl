# The tables as they are granted. tests/terraform/test_snowflake_access.py judges them role by role.

variables {
  prefix = "HALLMARK"
  ledger = true
}

run "each_user_has_one_role" {
  command = plan

  assert {
    condition     = length(output.users) == length(distinct([for user in output.users : user.role]))
    error_message = "Two users share a role."
  }

  assert {
    condition     = toset([for user in output.users : user.role]) == toset(keys(output.functional_roles))
    error_message = "A functional role has no user."
  }
}

run "every_schema_has_an_owner" {
  command = plan

  assert {
    condition     = toset(keys(output.grants.owned)) == toset(keys(output.schemas))
    error_message = "A schema is nobody's."
  }
}

run "readers_see_gold_alone" {
  command = plan

  assert {
    condition     = [for row in values(output.grants.schema) : row.schema if row.role == "READING"] == ["GOLD"]
    error_message = "READING reaches another schema than GOLD."
  }

  assert {
    condition     = [for row in values(output.within) : row.role if row.parent == "READER"] == ["READING"]
    error_message = "READER has another role than READING."
  }
}

run "no_table_is_named_before_it_is_there" {
  command = plan

  variables {
    ledger = false
  }

  assert {
    condition     = length(output.grants.table) == 0
    error_message = "A right is granted on a table of a ledger that is not there."
  }
}

run "standard_edition_knows_no_policies" {
  command = plan

  variables {
    enterprise = false
  }

  assert {
    condition     = length(output.grants.account) == 0
    error_message = "A right is granted that Standard edition has not."
  }
}

run "a_prefix_needs_no_quotes" {
  command = plan

  variables {
    prefix = "hallmark-dev"
  }

  expect_failures = [var.prefix]
}
