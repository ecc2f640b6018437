"""Checks in the catalog: a case for each, a result for each run, and the rows that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from governance.model import Column, Sample
from tests.unit.governance.openmetadata.world import (
    CUSTOMERS,
    DAY,
    ORDERS,
    SILVER,
    World,
    check,
    with_columns,
)

SAMPLE = Sample(columns=("id", "email"), rows=(("1", None), ("2", "***")))
QUERY = "select * from silver.orders where email is null"
LATER = DAY + timedelta(hours=6)


@pytest.fixture
def ordered(world: World) -> World:
    world.push(ORDERS, CUSTOMERS)
    return world


def cases(world: World) -> dict[str, Any]:
    fields = "testDefinition,testSuite,failedRowsSample,inspectionQuery,testCaseResult"
    found = world.bot.get("dataQuality/testCases", fields=fields, limit=100)["data"]
    return {case["name"]: case for case in found}


def results(world: World, case: str) -> list[dict[str, Any]]:
    return list(world.bot.get(f"dataQuality/testCases/testCaseResults/{quote(case, safe='')}")["data"])


def test_two_checks_of_a_type_on_a_column_are_two_cases(ordered: World) -> None:
    ordered.checks(check(1), check(2))
    found = cases(ordered)
    assert set(found) == {"silver.orders.email.not_null.1", "silver.orders.email.not_null.2"}
    for case in found.values():
        assert case["entityLink"] == f"<#E::table::{SILVER}.orders::columns::email>"
        assert case["testDefinition"]["name"] == "hallmark_not_null"
        assert case["testSuite"]["name"] == f"{SILVER}.orders.testSuite"
        assert case["testCaseResult"]["testCaseStatus"] == "Success"
    definition = ordered.bot.named("dataQuality/testDefinitions", "hallmark_not_null")
    assert (definition["entityType"], definition["dataQualityDimension"]) == ("COLUMN", "Completeness")


def test_results_say_how_many_rows_passed_and_failed(ordered: World) -> None:
    ordered.checks(check(1), check(2, success=False, threshold="mostly 0.9"), check(3, rows=None), check(4, rows=0))
    found = cases(ordered)
    passed, failed, unknown, none = (found[f"silver.orders.email.not_null.{n}"]["testCaseResult"] for n in range(1, 5))
    assert (passed["passedRows"], passed["failedRows"], passed["passedRowsPercentage"]) == (200, 0, 100)
    assert (failed["testCaseStatus"], failed["passedRows"], failed["failedRows"]) == ("Failed", 150, 50)
    assert (failed["passedRowsPercentage"], failed["failedRowsPercentage"]) == (75, 25)
    assert failed["result"] == "50 of 200 (mostly 0.9)"
    assert {v["name"]: v["value"] for v in failed["testResultValue"]} == {"observed": "50 of 200", "failed_rows": "50"}
    assert "passedRows" not in unknown and (none["passedRows"], "passedRowsPercentage" in none) == (0, False)


def test_a_waived_failure_is_one_and_says_who_waived_it(ordered: World) -> None:
    ordered.checks(check(1, success=False, waived="by ann: known"))
    [case] = cases(ordered).values()
    assert case["testCaseResult"]["testCaseStatus"] == "Failed"
    assert case["testCaseResult"]["result"].endswith("; blocked nothing: waived by ann: known")


def test_a_failure_shows_its_rows_and_the_query_that_finds_them(ordered: World) -> None:
    ordered.checks(check(success=False, sample=SAMPLE, query=QUERY))
    [case] = cases(ordered).values()
    assert case["failedRowsSample"] == {"columns": ["id", "email"], "rows": [["1", None], ["2", "***"]]}
    assert case["inspectionQuery"] == QUERY


def test_again_nothing_is_added(ordered: World) -> None:
    both = (check(1), check(2, success=False, sample=SAMPLE, query=QUERY))
    ordered.checks(*both)
    before = ordered.server.snapshot(times=True)
    ordered.checks(*both)
    assert ordered.server.snapshot(times=True) == before
    assert {c.status for c in ordered.server.calls if c.method == "POST" and "testCaseResults" in c.path} == {201, 409}


def test_rows_of_a_result_whose_answer_was_lost_are_told_when_it_comes_again(ordered: World) -> None:
    ordered.server.fail("POST", "testCaseResults", 1, "accept-then-die")
    one = check(success=False, sample=SAMPLE, query=QUERY)
    with pytest.raises(Exception, match="OpenMetadata"):
        ordered.checks(one)
    ordered.checks(one)
    [case] = cases(ordered).values()
    assert case["failedRowsSample"]["columns"] == ["id", "email"] and case["inspectionQuery"] == QUERY


def test_an_older_failure_that_comes_late_leaves_the_newer_rows_alone(ordered: World) -> None:
    ordered.checks(check(), at=LATER)
    ordered.checks(check(success=False, sample=SAMPLE, query=QUERY), at=DAY)
    [case] = cases(ordered).values()
    assert "failedRowsSample" not in case and case["testCaseResult"]["testCaseStatus"] == "Success"
    assert [r["testCaseStatus"] for r in results(ordered, case["fullyQualifiedName"])] == ["Success", "Failed"]


def test_passing_again_takes_the_rows_away(ordered: World) -> None:
    ordered.checks(check(success=False, sample=SAMPLE, query=QUERY))
    ordered.checks(check(), at=LATER)
    [case] = cases(ordered).values()
    assert "failedRowsSample" not in case


ODD = ("a.b", 'say "so"', "a::b", "x>y", "c|d", "e<f", "naïve ☃")


@pytest.mark.parametrize("name", ODD)
def test_a_check_of_a_column_with_an_odd_name(world: World, name: str) -> None:
    world.push(with_columns(ORDERS, Column(name=name, type="VARCHAR")))
    world.checks(check(column=name, check_id=f"silver.orders.{name}.not_null"))
    [case] = cases(world).values()
    assert "::columns::" in case["entityLink"] and case["testCaseResult"]["testCaseStatus"] == "Success"


def test_a_check_of_a_column_that_is_not_there_or_cannot_be_named_is_one_of_the_table(world: World) -> None:
    world.push(CUSTOMERS)
    columns = [{"name": "a|b", "dataType": "STRING"}]
    world.person.put("tables", name="orders", databaseSchema=SILVER, columns=columns)
    world.checks(check(1, column="gone"), check(2, column="a|b"), check(3, column=None))
    found = cases(world)
    assert {c["entityLink"] for c in found.values()} == {f"<#E::table::{SILVER}.orders>"} and len(found) == 3
    assert {c["testDefinition"]["name"] for c in found.values()} == {"hallmark_table_not_null"}


def test_a_check_of_a_column_that_the_catalog_has_in_another_case(world: World) -> None:
    world.push(CUSTOMERS)
    columns = [{"name": "EMAIL", "dataType": "STRING"}]
    world.person.put("tables", name="ORDERS", databaseSchema=SILVER, columns=columns)
    world.catalog.look_again()
    world.checks(check())
    [case] = cases(world).values()
    assert case["entityLink"] == f"<#E::table::{SILVER}.ORDERS::columns::EMAIL>"


def test_a_dataset_that_is_not_there_yet_is_waited_for(world: World) -> None:
    with pytest.raises(Exception, match=r"silver\.orders is not in the catalog") as error:
        world.checks(check())
    assert getattr(error.value, "reason", "") == "absent"
    world.push(ORDERS)
    world.checks(check())
    assert len(cases(world)) == 1


def test_a_very_long_id_and_text_are_cut(ordered: World) -> None:
    ordered.checks(check(check_id="x" * 1000, observed="y" * 9000), check(check_id="x" * 1001))
    assert sorted(len(name) for name in cases(ordered)) == [256, 256]
