"""What an account administrator runs once, against what Terraform takes over from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.terraform.trees import TERRAFORM

pytestmark = pytest.mark.terraform


def _statements() -> Iterator[str]:
    text = (TERRAFORM / "bootstrap" / "snowflake.sql").read_text("utf-8")
    for statement in re.sub(r"^--.*$", "", text, flags=re.M).split(";"):
        if statement.strip():
            yield " ".join(statement.split())


FORMS = (
    r"USE ROLE ACCOUNTADMIN",
    r"CREATE ROLE IF NOT EXISTS HALLMARK_TERRAFORM_[A-Z]+ COMMENT = '[^']+'",
    r"GRANT ROLE HALLMARK_TERRAFORM_OBJECTS TO ROLE SYSADMIN",
    r"GRANT [A-Z ]+ ON ACCOUNT TO ROLE HALLMARK_TERRAFORM_[A-Z]+",
    r"GRANT ROLE HALLMARK_TERRAFORM_[A-Z]+ TO USER HALLMARK_TERRAFORM",
    r"CREATE USER IF NOT EXISTS HALLMARK_TERRAFORM TYPE = SERVICE RSA_PUBLIC_KEY = 'PUBLIC_KEY' DEFAULT_ROLE = PUBLIC "
    r"DEFAULT_SECONDARY_ROLES = \(\) COMMENT = '[^']+'",
    r"CREATE RESOURCE MONITOR IF NOT EXISTS HALLMARK_[A-Z]+ WITH CREDIT_QUOTA = 1 FREQUENCY = MONTHLY "
    r"START_TIMESTAMP = IMMEDIATELY TRIGGERS ON 100 PERCENT DO SUSPEND",
    r"GRANT MODIFY, MONITOR ON RESOURCE MONITOR HALLMARK_[A-Z]+ TO ROLE HALLMARK_TERRAFORM_OBJECTS",
)


@pytest.mark.parametrize("statement", _statements(), ids=lambda s: "-".join(s.split()[:7]))
def test_a_statement_of_the_bootstrap_has_its_form(statement: str) -> None:
    assert any(re.fullmatch(form, statement) for form in FORMS)


def test_the_bootstrap_makes_the_roles_and_the_monitors_that_a_run_takes_over() -> None:
    text = "\n".join(_statements())
    roles = set(re.findall(r"CREATE ROLE IF NOT EXISTS HALLMARK(_\w+)", text))
    for name in ("dev", "prod"):
        root = TERRAFORM / "environments" / name / "snowflake"
        providers = (root / "providers.tf").read_text("utf-8")
        assert set(re.findall(r"\$\{var\.prefix\}(_TERRAFORM_\w+)", providers)) == roles
        values = (root / "terraform.tfvars").read_text("utf-8")
        warehouses = set(re.findall(r"^  ([A-Z]+)\s+= \{ size", values, re.M))
        assert warehouses == set(re.findall(r"CREATE RESOURCE MONITOR IF NOT EXISTS HALLMARK_(\w+)", text))
        assert warehouses == set(re.findall(r"ON RESOURCE MONITOR HALLMARK_(\w+)", text))
