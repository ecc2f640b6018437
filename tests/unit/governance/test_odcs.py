"""A contract as the Open Data Contract Standard writes it. Its JSON schema is held against it in tests/integration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.contracts import Terms, contract_of
from governance.declared_tests import DeclaredTest
from governance.model import Column, Dataset
from governance.odcs import odcs
from governance.oncall import Team

NAME = "gold.t"
TEAM = Team(name="delivery", description="Projects.", slack="#delivery-data")
DATASET = Dataset(
    name=NAME, layer="gold", owner="delivery", tier="tier1", domain="projects", description="Rows.", tags=("gold",),
    columns=(Column(name="a", type="varchar", pii="email", tags=("x",)), Column(name="b", type="interval")),
)  # fmt: skip


def rule(type: str, column: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """What the document has of a test."""
    test = DeclaredTest(check_id=f"{NAME}.x", dataset=NAME, column=column, type=type, kwargs=kwargs, severity="warning")
    (table,) = odcs(contract_of(DATASET, [test], Terms()))["schema"]
    (found,) = table.get("quality") or next(p["quality"] for p in table["properties"] if "quality" in p)
    return {k: v for k, v in found.items() if k not in ("name", "description", "dimension", "severity")}


def sql(query: str) -> dict[str, Any]:
    """A query that counts what is wrong."""
    return {"type": "sql", "query": query, "mustBe": 0}


def library(metric: str, **arguments: Any) -> dict[str, Any]:
    """A metric that is to be 0."""
    return {"type": "library", "metric": metric, "mustBe": 0} | ({"arguments": arguments} if arguments else {})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (rule("not_null", "a"), library("nullValues")),
        (rule("unique", "a"), library("duplicateValues")),
        (rule("accepted_values", "a", values=["x", "y"]), library("invalidValues", validValues=["x", "y"])),
        (
            rule("unique_combination", combination_of_columns=["a", "b"]),
            library("duplicateValues", properties=["a", "b"]),
        ),
        (rule("expression_is_true", "a", expression="> 'b'"), sql("SELECT count(*) FROM gold.t WHERE NOT (a > 'b')")),
        (rule("expression_is_true", expression="a <> b"), sql("SELECT count(*) FROM gold.t WHERE NOT (a <> b)")),
        (
            rule("expression_is_true", expression="a <> b", where="b > 1"),
            sql("SELECT count(*) FROM (SELECT * FROM gold.t WHERE b > 1) AS checked WHERE NOT (a <> b)"),
        ),
        (
            rule("accepted_range", "b", min_value=0, max_value=5),
            sql("SELECT count(*) FROM gold.t WHERE NOT (b >= 0 AND b <= 5)"),
        ),
        (
            rule("relationships", "a", to="gold.p", field="k"),
            sql(
                "SELECT count(*) FROM (SELECT a AS child_key FROM gold.t) AS child WHERE child_key IS NOT NULL AND "
                "NOT EXISTS (SELECT 1 FROM gold.p AS parent WHERE parent.k = child_key)"
            ),
        ),
        (
            rule("share_below", condition="a is null", max_share=0.1),
            {
                "type": "sql",
                "query": "SELECT coalesce(avg(CASE WHEN a is null THEN 1.0 ELSE 0.0 END), 0) FROM gold.t",
                "mustBeLessOrEqualTo": 0.1,
            },
        ),
        (
            rule("not_null", "a", where="b > 1"),
            {
                "type": "custom",
                "engine": "dbt",
                "implementation": {"test": "not_null", "arguments": {"where": "b > 1"}},
            },
        ),
        (
            rule("looks_right", "a", eye="left"),
            {
                "type": "custom",
                "engine": "dbt",
                "implementation": {"test": "looks_right", "arguments": {"eye": "left"}},
            },
        ),
    ],
)
def test_a_check_is_a_quality_rule(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found == expected


def test_what_is_promised_stands_in_its_place() -> None:
    contract = contract_of(
        DATASET,
        [],
        Terms(
            status="active", version="1.0.0", frequency=timedelta(hours=6), latency=timedelta(minutes=90), usage="U."
        ),
    )
    contract = contract.model_copy(update={"team": TEAM, "readers": ("READER",), "consumers": ("revenue",)})
    found = odcs(contract, [{"server": "local", "type": "duckdb", "database": "w.duckdb", "schema": "gold"}])
    assert (found["apiVersion"], found["kind"], found["name"], found["version"]) == (
        "v3.1.0", "DataContract", "t", "1.0.0",
    )  # fmt: skip
    assert (found["status"], found["domain"], found["id"]) == ("active", "projects", contract.id)
    assert found["description"] == {"purpose": "Rows.", "usage": "U."}
    assert [(s["property"], s["value"], s["unit"]) for s in found["slaProperties"]] == [
        ("frequency", 6, "h"), ("latency", 90, "minutes"),
    ]  # fmt: skip
    assert found["team"] == {"name": "delivery", "description": "Projects."}
    assert found["support"] == [{"channel": "#delivery-data", "tool": "slack", "scope": "issues"}]
    assert found["roles"] == [{"role": "READER", "access": "read"}]
    custom = {c["property"]: c["value"] for c in found["customProperties"]}
    assert custom == {
        "dataset": NAME, "tier": "tier1", "consumers": ["revenue"], "fingerprint": contract.fingerprint,
    }  # fmt: skip
    a, b = found["schema"][0]["properties"]
    assert (a["logicalType"], a["classification"], a["tags"]) == ("string", "personal", ["x", "pii.email"])
    assert "logicalType" not in b and b["physicalType"] == "interval"
