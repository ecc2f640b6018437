"""Who may do what in Snowflake, as Terraform makes it of the tables of the module snowflake_access.

What is judged is what would be granted.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

import pytest

from blocks.migrate import tables
from blocks.warehouses.snowflake_policies import MASKS, masks
from blocks.warehouses.sql import SCHEMAS
from tests.terraform.access_support import Access, Granted, inherited, rights
from tests.terraform.trees import TERRAFORM, parts, tree

pytestmark = pytest.mark.terraform
SYSTEM = ("ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN", "ORGADMIN", "PUBLIC")
STRONG = (
    "MANAGE GRANTS",
    "CREATE ROLE",
    "CREATE USER",
    "OWNERSHIP",
    "ALL",
    "ALL PRIVILEGES",
    "IMPERSONATE",
    "CREATE DATABASE",
)


def each(kind: str, names: str, privileges: str) -> Granted:
    """Rows of an expectation."""
    return {(kind, name, p) for name in names.split() for p in privileges.split(", ")}


LOADER = (
    each("database", "X", "USAGE")
    | each("account", "X", "APPLY MASKING POLICY, APPLY TAG")
    | each("schema", "BRONZE BRONZE__LOADS BRONZE__STAGING OPS", "OWNERSHIP")
    | each("made", "BRONZE__STAGING", "TABLES, VIEWS")
    | {("made", "BRONZE", "VIEWS"), ("made", "BRONZE__LOADS", "TABLES")}
    | each("made", "OPS", "TABLES, STAGES")
    | each("warehouse", "LOAD", "USAGE")
    | each("integration", "LANDING", "USAGE")
)
LEDGER = "ALEMBIC_VERSION BATCHES STREAMS"
EXPECTED: dict[str, Granted] = {
    "LOADER": LOADER,
    "TRANSFORMER": LOADER
    | each("database", "X", "CREATE SCHEMA")
    | each("account", "X", "APPLY ROW ACCESS POLICY")
    | each("schema", "SILVER GOLD", "OWNERSHIP")
    | each("warehouse", "TRANSFORM", "USAGE"),
    "DELIVERER": each("database", "X", "USAGE")
    | each("schema", "OPS", "USAGE")
    | each("table", f"{LEDGER} BUILDS GATES LOADS", "SELECT")
    | each("table", "EVENTS", "SELECT, UPDATE")
    | each("warehouse", "WATCH", "USAGE"),
    "WATCHER": each("database", "X", "USAGE")
    | each("schema", "OPS", "USAGE")
    | each("table", f"{LEDGER} BUILDS GATES LOADS PROFILES", "SELECT")
    | each("table", "EVENTS", "INSERT, SELECT, UPDATE")
    | each("table", "GATES", "INSERT")
    | each("warehouse", "WATCH", "USAGE"),
    "CATALOGER": each("database", "X", "USAGE")
    | each("schema", "BRONZE GOLD OPS SILVER", "USAGE")
    | each("future", "GOLD SILVER", "SELECT")
    | each("future", "BRONZE", "REFERENCES")
    | each("table", f"{LEDGER} EVENTS", "SELECT")
    | each("warehouse", "CATALOG", "USAGE")
    | {("of Snowflake", '"SNOWFLAKE"."GOVERNANCE_VIEWER"', "")},
    "READER": each("database", "X", "USAGE")
    | each("schema", "GOLD", "USAGE")
    | each("future", "GOLD", "SELECT")
    | each("warehouse", "READ", "USAGE"),
}
EXPECTED = {role: {(k, "" if n == "X" else n, p) for k, n, p in rows} for role, rows in EXPECTED.items()}


@pytest.mark.parametrize("role", EXPECTED)
def test_a_functional_role_reaches_its_row_and_no_more(access: Callable[..., Access], role: str) -> None:
    found = rights(access(), role)
    assert sorted(found - EXPECTED[role]) == [], "more than its row"
    assert sorted(EXPECTED[role] - found) == [], "less than its row"


def test_every_functional_role_is_judged(access: Callable[..., Access]) -> None:
    assert set(access()["functional_roles"]) == set(EXPECTED)


def test_each_service_user_has_just_one_functional_role_which_nobody_else_has(access: Callable[..., Access]) -> None:
    users, roles = access()["users"], access()["functional_roles"]
    assert {row["role"]: user for user, row in users.items()} == {role: row["user"] for role, row in roles.items()}
    assert len({row["role"] for row in users.values()}) == len(users) == len(roles)
    grants = [
        p for p in parts(tree(TERRAFORM / "modules" / "snowflake")) if p.labels[0] == "snowflake_grant_account_role"
    ]
    of_users = [p for p in grants if "user_name" in p.body]
    assert [(p.labels[1], p.body["for_each"]) for p in of_users] == [("user", "${module.access.users}")]


def test_nobody_reaches_a_system_role_or_what_makes_one_of_it(access: Callable[..., Access]) -> None:
    found = access()
    names = {row[side] for row in found["within"].values() for side in ("role", "parent")}
    assert names <= set(found["access_roles"]) | set(found["functional_roles"])
    assert not names & set(SYSTEM)
    for role in found["functional_roles"]:
        strong = {row for row in rights(found, role) if row[2] in STRONG and row[0] != "schema"}
        assert not strong, f"{role}: {strong}"
        assert not {row for row in rights(found, role) if row[0] == "schema" and row[2] == "OWNERSHIP"} or role in (
            "LOADER", "TRANSFORMER",
        )  # fmt: skip
    text = "\n".join(p.read_text("utf-8") for p in TERRAFORM.rglob("*.tf") if ".terraform" not in p.parts)
    code = re.sub(r"#.*", "", text)
    assert not re.search(rf"\b({'|'.join(SYSTEM[:5])})\b", code), "a system role is named in a run"
    assert "all_privileges" not in code
    assert "with_grant_option" not in code


def test_analysts_see_gold_alone_and_no_personal_data(access: Callable[..., Access]) -> None:
    found = access()
    assert {name for kind, name, _ in rights(found, "READER") if kind in ("schema", "future")} == {"GOLD"}
    assert {role for role in found["functional_roles"] if "PII_READER" in inherited(found, role)} == {
        "LOADER",
        "TRANSFORMER",
    }
    assert not list(rights(found, "PII_READER")), "it has no right of its own"


@pytest.mark.parametrize("role", ["DELIVERER", "WATCHER", "CATALOGER", "READER"])
def test_who_only_watches_or_tells_reads_no_row_as_it_came(access: Callable[..., Access], role: str) -> None:
    found = rights(access(), role)
    assert ("table", "QUARANTINE", "SELECT") not in found
    assert not {row for row in found if row[1].startswith("BRONZE") and row[2] not in ("USAGE", "REFERENCES")}
    writes = {(name, p) for kind, name, p in found if p in ("INSERT", "UPDATE", "DELETE", "TRUNCATE")}
    assert {name for name, _ in writes} <= {"EVENTS", "GATES"}
    assert "DELETE" not in {p for _, p in writes}


def test_the_schemas_are_those_that_the_code_makes(access: Callable[..., Access]) -> None:
    from blocks.warehouses.dialect import Snowflake

    assert {name.lower() for name in access()["schemas"]} == set(SCHEMAS)
    for name, days in access()["schemas"].items():
        assert Snowflake().schema(name.lower()).endswith(f"DATA_RETENTION_TIME_IN_DAYS = {days}")
    assert set(access()["grants"]["owned"]) == set(access()["schemas"]), "each has an owner"


def test_the_tables_of_the_ledger_are_there(access: Callable[..., Access]) -> None:
    named = {row["table"].lower() for row in access()["grants"]["table"].values()}
    assert named <= tables() | {"alembic_version"}


def test_before_the_first_batch_nothing_is_granted_on_a_table(access: Callable[..., Access]) -> None:
    assert access(ledger=False)["grants"]["table"] == {}


def test_standard_edition_gets_no_right_that_it_does_not_know(access: Callable[..., Access]) -> None:
    assert access(enterprise=False)["grants"]["account"] == {}
    assert access(external_stage=False)["grants"]["integration"] == {}


def test_the_masks_are_those_of_the_flows() -> None:
    """The type, what is shown instead, and who sees through, as the flows would write it for PII_READER alone."""
    files = tree(TERRAFORM / "modules" / "snowflake")
    [local] = files["masks.tf"]["locals"]
    types = set(re.findall(r'"([A-Z_]+)"', local["masks"].partition("for type in")[2].partition("]")[0]))
    assert types | {"VARCHAR"} == set(MASKS)
    text = " ".join(re.findall(r'"([^"]*)"', local["masked_text"].partition(",")[2]))
    text = text.replace("${var.prefix}.OPS.PII", "{tag}")
    assert text == MASKS["VARCHAR"]
    [mask] = [p for p in parts(files) if p.labels[0] == "snowflake_masking_policy"]
    body = mask.body["body"].strip('"').replace("${local.seeing}", local["seeing"].strip('"'))
    for type_, shown in MASKS.items():
        ours = body.replace("${var.prefix}", "HALLMARK").replace("${each.value}", shown.format(tag="HALLMARK.ops.pii"))
        theirs = [s for s in masks("HALLMARK.ops", ["HALLMARK_PII_READER"]) if f"(val {type_})" in s]
        assert [s.partition("-> ")[2] for s in theirs] == [ours]


def test_a_right_or_a_role_too_many_is_found(access: Callable[..., Access]) -> None:
    found = copy.deepcopy(access())
    found["grants"]["schema"]["READING/SILVER"] = {"role": "READING", "schema": "SILVER", "privileges": ["USAGE"]}
    assert rights(found, "READER") - EXPECTED["READER"] == {("schema", "SILVER", "USAGE")}
    found["within"]["READING/LOADING"] = {"role": "LOADING", "parent": "READING"}
    assert ("schema", "OPS", "OWNERSHIP") in rights(found, "READER")
