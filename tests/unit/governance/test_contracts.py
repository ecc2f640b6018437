"""Data contracts: what is promised, and whether a publish kept it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.contracts import ContractResult, DataContract, Terms, contract_of, judge, terms_of
from governance.declared_tests import DeclaredTest
from governance.errors import ConfigurationError
from governance.logical_types import logical_type
from governance.model import CheckResult, Column, Dataset, Severity

NAME = "gold.dim_customer"
DATASET = Dataset(
    name=NAME,
    layer="gold",
    description="Customers.",
    owner="delivery",
    columns=(
        Column(name="id", type="bigint"),
        Column(name="name", type="varchar", pii="name"),
        Column(name="revenue", type="numeric(38,2)"),
    ),
)


def check(type: str, column: str | None = None, severity: Severity = "critical", **kwargs: Any) -> DeclaredTest:
    """A declared test."""
    check_id = ".".join(p for p in (NAME, column, type) if p)
    return DeclaredTest(
        check_id=check_id, dataset=NAME, column=column, type=type, severity=severity, kwargs=kwargs
    )  # fmt: skip


CHECKS = [
    check("not_null", "id"),
    check("unique", "id"),
    check("not_null", "name", "warning"),
    check("expression_is_true", "revenue", "warning", expression=">= 0"),
    check("share_below", None, "info", condition="name is null", max_share=0.1),
]
CONTRACT = contract_of(DATASET, CHECKS, Terms(status="active", version="1.2.0", latency=timedelta(hours=9)))
COLUMNS = {"id": "BIGINT", "NAME": "VARCHAR", "revenue": "DECIMAL(38,2)"}


def results(*failed: str, without: str = "") -> list[CheckResult]:
    """One for each check of the contract."""
    return [
        CheckResult(check_id=c.check_id, layer="gold", dataset=NAME, column=c.column, type=c.type,
                    severity=c.severity, success=c.type not in failed, failed_rows=c.type in failed)
        for c in CONTRACT.checks if c.type != without
    ]  # fmt: skip


def judged(*failed: str, without: str = "", age: float | None = 1, **columns: str) -> ContractResult:
    """The verdict on a publish of this age in hours."""
    return judge(
        CONTRACT, COLUMNS | columns, results(*failed, without=without), None if age is None else timedelta(hours=age)
    )


def test_a_contract_says_what_the_yaml_says() -> None:
    by_name = {c.name: c for c in CONTRACT.columns}
    assert (by_name["id"].required, by_name["id"].unique, by_name["id"].key) == (True, True, 1)
    assert (by_name["name"].required, by_name["name"].pii, by_name["name"].key) == (False, "name", None)
    assert (CONTRACT.name, CONTRACT.owner, CONTRACT.terms.version) == ("dim_customer", "delivery", "1.2.0")
    assert [c.type for c in CONTRACT.semantics] == ["expression_is_true"]
    assert CONTRACT.check_ids == tuple(c.check_id for c in CHECKS)
    assert DataContract.model_validate_json(CONTRACT.model_dump_json()) == CONTRACT


def test_a_key_may_be_of_several_columns() -> None:
    found = contract_of(
        DATASET,
        [check("not_null", "id"), check("not_null", "name"),
         check("unique_combination", None, combination_of_columns=["name", "id"])],
        Terms(),
    )  # fmt: skip
    assert {c.name: c.key for c in found.columns} == {"id": 2, "name": 1, "revenue": None}


def test_the_fingerprint_changes_with_the_promise_and_not_with_its_version() -> None:
    later = contract_of(DATASET, CHECKS, CONTRACT.terms.model_copy(update={"version": "1.3.0"}))
    assert later.fingerprint == CONTRACT.fingerprint and later.id == CONTRACT.id
    assert contract_of(DATASET, CHECKS[:-1], CONTRACT.terms).fingerprint != CONTRACT.fingerprint


def test_a_publish_that_keeps_all_of_it() -> None:
    found = judged(id="NUMBER(38,0)", more="VARCHAR")
    assert (found.overall, found.sla, found.not_run) == ("kept", True, ())
    assert (found.columns.total, found.semantics.total, found.quality.total) == (3, 1, 5)
    assert found.columns.ok and found.semantics.ok and found.quality.ok


@pytest.mark.parametrize(
    ("verdict", "overall", "broken"),
    [
        (judged("not_null"), "broken", ["gold.dim_customer.id.not_null", "gold.dim_customer.name.not_null"]),
        (judged("expression_is_true"), "partly", ["gold.dim_customer.revenue.expression_is_true"]),
        (judged("share_below"), "kept", ["gold.dim_customer.share_below"]),
        (judged(age=9), "kept", []),
        (judged(age=9.1), "broken", []),
        (judged(age=None), "kept", []),
    ],
)
def test_the_verdict_follows_the_severity_and_the_age(verdict: ContractResult, overall: str, broken: list[str]) -> None:
    assert (verdict.overall, list(verdict.quality.failures)) == (overall, broken)


def test_the_semantics_are_judged_on_their_own() -> None:
    found = judged("expression_is_true")
    assert (found.semantics.passed, found.semantics.failed) == (0, 1)
    assert (found.quality.passed, found.quality.failed) == (4, 1)


def test_a_check_that_did_not_run_is_no_success() -> None:
    found = judged(without="unique")
    assert (found.overall, found.not_run, found.quality.total) == ("partly", ("gold.dim_customer.id.unique",), 4)


def test_the_result_of_another_check_does_not_count() -> None:
    other = CheckResult(
        check_id="gold.x.y", layer="gold", dataset=NAME, type="unique", severity="critical", success=False
    )
    assert judge(CONTRACT, COLUMNS, [*results(), other]).overall == "kept"


def test_a_column_that_is_gone_or_of_another_type_breaks_it() -> None:
    found = judge(CONTRACT, {"id": "VARCHAR", "revenue": ""}, results())
    assert found.overall == "broken" and not found.columns.ok
    assert found.columns.failures == ("id is VARCHAR, promised is bigint", "name is not there")


def test_terms_are_read_from_meta() -> None:
    meta = {"contract_status": "active", "contract_version": 2, "frequency": "6h", "usage": "Reports.", "tier": "x"}
    found = terms_of(NAME, meta, fresh=timedelta(days=1))
    assert found == Terms(
        status="active", version="2", frequency=timedelta(hours=6), latency=timedelta(days=1), usage="Reports."
    )
    assert terms_of(NAME, {}) == Terms(status="draft", version="0.1.0")


@pytest.mark.parametrize("meta", [{"contract_status": "live"}, {"latency": "soon"}, {"frequency": "0h"}])
def test_terms_that_cannot_be_read_are_told(meta: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=f"contract of {NAME}"):
        terms_of(NAME, meta)


@pytest.mark.parametrize(
    ("types", "logical"),
    [
        ("varchar, VARCHAR(16777216), text, UUID, ENUM('a', 'b'), character varying(3)", "string"),
        ("bigint, INTEGER, NUMBER(38,0), number, numeric(38, 0), DECIMAL(5), HUGEINT, int4", "integer"),
        ("numeric(38,2), DECIMAL(18, 4), numeric, double, FLOAT, double precision, NUMBER(9,4)", "number"),
        ("timestamp, TIMESTAMP WITH TIME ZONE, TIMESTAMP_TZ(9), timestamptz, TIMESTAMP_NS, datetime", "timestamp"),
        ("date", "date"),
        ("time, TIME WITH TIME ZONE", "time"),
        ("BOOLEAN, bool", "boolean"),
        ("JSON, VARIANT, STRUCT(a INTEGER), MAP(VARCHAR, INTEGER)", "object"),
        ("INTEGER[], ARRAY, VARCHAR[3], STRUCT(a INTEGER)[]", "array"),
        ("BLOB, INTERVAL, GEOGRAPHY, whatever", ""),
    ],
)
def test_types_mean_the_same_on_both_warehouses(types: str, logical: str) -> None:
    import re

    names = re.split(r", (?![^(]*\))", types)
    assert {name: logical_type(name) for name in names} == dict.fromkeys(names, logical)
