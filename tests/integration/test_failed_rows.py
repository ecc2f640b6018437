"""A failed check shows the rows that it is about: where a reader finds them, masked, and no more than can be sent."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from blocks.warehouses.sql import SqlWarehouse
from expectations import gate
from flows import failed_rows
from flows.commands.sql import _on_duckdb, _on_snowflake
from flows.context import SOURCES, Context
from flows.failed_rows import with_rows
from flows.gates import gate_on
from governance.declared_tests import DeclaredTest
from governance.errors import HallmarkError
from governance.model import CheckResult, Sample
from governance.protection import Protection

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)
PERSONAL = {"silver.broken": Protection(personal={"mail": "email", "name": "name", "pay": "salary"})}
BROKEN = """
    SELECT 1 AS id, 'open' AS status, 1 AS team, 1 AS low, 2 AS high, 'jane.doe@example.com' AS mail,
        'Jane Doe' AS name, 1234567 AS pay, 'Jane' AS name__varchar
    UNION ALL SELECT 1, 'open', 2, 5, 2, 'no address of jane@home, but@two', 'Jane Doe', 1234567, NULL
    UNION ALL SELECT NULL, 'odd', 999, 1, 2, NULL, NULL, NULL, NULL
    UNION ALL SELECT NULL, NULL, NULL, NULL, 2, 'x', 'Jim 100%', 1234567, NULL
    UNION ALL SELECT 3, 'done', 1, 1, 2, 'jim@example.org', NULL, NULL, NULL
"""
SECRETS = ("jane", "Jane", "Jim", "jim", "1234567", "home")


def context_of(settings: Settings, declared: Mapping[str, Protection] | None = None) -> Context:
    context = Context(settings, SOURCES, Batch("run", SLOT))
    context.__dict__["declared_protections"] = PERSONAL if declared is None else declared
    return context


def check(column: str | None, type_: str, n: str = "", severity: Any = "critical", **kwargs: object) -> DeclaredTest:
    path = ".".join(p for p in ("silver", "broken", column, type_, n) if p)
    return DeclaredTest(
        check_id=path, dataset="silver.broken", column=column, type=type_, kwargs=kwargs, severity=severity
    )


@pytest.fixture
def broken(settings: Settings) -> Iterator[SqlWarehouse]:
    """A warehouse in which silver is built, and nothing published."""
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", [], full=False)
        warehouse.execute(f"CREATE TABLE silver__audit.broken AS {BROKEN}")
        warehouse.execute("CREATE TABLE silver__audit.teams AS SELECT 1 AS team_id UNION ALL SELECT 2")
        yield warehouse


def gated(warehouse: SqlWarehouse, context: Context, *tests: DeclaredTest) -> list[CheckResult]:
    place = gate.audit("silver")
    return list(with_rows(warehouse, context, tests, gate.run(tests, gate_on(warehouse), place), place))


def asked(settings: Settings, query: str | None) -> list[dict[str, Any]]:
    """What `hallmark sql` answers."""
    assert query
    return (_on_snowflake if settings.profile == "snowflake" else _on_duckdb)(settings, query, False)[1]


CASES = (
    check("id", "not_null"),
    check("id", "not_null", "filtered", where="status is not null -- not all"),
    check("id", "unique"),
    check(None, "unique_combination", combination_of_columns=["id", "status"]),
    check("status", "accepted_values", values=["open", "done", "it's {batch}:v"]),
    check("team", "relationships", to="silver.teams", field="team_id"),
    check(None, "expression_is_true", expression="low <= high"),
    check("name", "expression_is_true", "like", expression="not like '%100\\%%' escape '\\'"),
    check(None, "share_below", condition="status is null", max_share=0.1),
)


def test_each_type_shows_its_rows_where_a_blocked_layer_has_them(settings: Settings, broken: SqlWarehouse) -> None:
    tests = CASES if settings.profile == "local" else [t for t in CASES if not t.check_id.endswith("like")]
    results = gated(broken, context_of(settings), *tests)
    assert [r.failed_rows for r in results][:7] == [2, 1, 2, 2, 1, 1, 1]
    for result in results:
        assert result.query and "silver__audit" in result.query.lower()
        assert result.sample and len(result.sample.rows) == result.failed_rows, result
        assert set(result.sample.columns) == set(broken.columns("silver__audit", "broken"))
        if result.column:
            assert result.sample.columns[0] == result.column
    assert results[0].sample and {row[0] for row in results[0].sample.rows} == {None}
    combined = results[3].sample
    assert combined and combined.columns[:2] == ("id", "status") and combined.rows[0][:2] == ("1", "open")
    expression = next(r for r in results if r.check_id.endswith("broken.expression_is_true"))
    assert expression.sample and (expression.sample.columns[:2], expression.sample.rows[0][:2]) == (
        ("low", "high"), ("5", "2"),
    )  # fmt: skip


def test_the_query_is_one_that_the_command_runs(settings: Settings) -> None:
    context = context_of(settings)
    tests = [t for t in CASES if not t.check_id.endswith("like")]
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", [], full=False)
        warehouse.execute(f"CREATE TABLE silver__audit.broken AS {BROKEN}")
        warehouse.execute("CREATE TABLE silver__audit.teams AS SELECT 1 AS team_id UNION ALL SELECT 2")
        blocked = gated(warehouse, context, *tests)
        warned = gated(warehouse, context, *(t.model_copy(update={"severity": "warning"}) for t in tests))
        warehouse.execute("CREATE TABLE silver.broken AS SELECT * FROM silver__audit.broken")
        warehouse.execute("CREATE TABLE silver.teams AS SELECT * FROM silver__audit.teams")
    for result in blocked:
        assert len(asked(settings, result.query)) == result.failed_rows, result.query
    with open_warehouse(settings) as warehouse:
        warehouse.execute("DROP SCHEMA silver__audit CASCADE")
    for result in warned:
        rows = asked(settings, result.query)
        assert len(rows) == result.failed_rows and "__audit" not in str(result.query).lower()
        assert set(rows[0]) == {"id", "status", "team", "low", "high", "mail", "name", "pay", "name__varchar"}


def test_personal_values_are_masked_everywhere(
    settings: Settings, broken: SqlWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    context = context_of(settings)
    with caplog.at_level(logging.DEBUG):
        results = gated(broken, context, check("mail", "not_null"), check("id", "unique"), check("id", "not_null"))
    event = context.tell.gate("silver.broken", results, owner="team")
    for secret in SECRETS:
        assert secret not in str(results) and secret not in str(event.data) and secret not in caplog.text, secret
    unique = results[1].sample
    assert unique is not None
    rows = [dict(zip(unique.columns, row, strict=True)) for row in unique.rows]
    assert {(r["name"], r["pay"], r["name__varchar"]) for r in rows} == {
        ("*****", "*****", "*****"), ("*****", "*****", None),
    }  # fmt: skip
    assert {r["mail"] for r in rows} == {"*****@example.com", "*****"}, "of an address the domain, of two nothing"
    assert {r["status"] for r in rows} == {"open"}
    assert results[0].sample and results[0].sample.rows[0][0] is None, "that it is missing is no value"


def test_rows_that_are_for_one_team_are_in_no_event(settings: Settings, broken: SqlWarehouse) -> None:
    declared = {"silver.broken": Protection(teams=("a", "b"), team_column="team")}
    [result] = gated(broken, context_of(settings, declared), check("id", "unique"))
    assert (result.failed_rows, bool(result.query), result.sample) == (2, True, Sample())


def test_a_check_that_passes_costs_and_carries_nothing(
    settings: Settings, broken: SqlWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Any:
        raise AssertionError("nothing is to be asked")

    for name in ("peek", "columns", "query", "execute"):
        monkeypatch.setattr(type(broken), name, refused)
    results = gated(broken, context_of(settings), check("high", "not_null"), check("high", "expression_is_true",
                    expression="= 2"))  # fmt: skip
    assert [(r.success, r.query, r.sample) for r in results] == [(True, None, None)] * 2


def test_what_has_no_failing_rows_shows_none(settings: Settings, broken: SqlWarehouse) -> None:
    results = gated(
        broken, context_of(settings), check("gone", "unique"), check(None, "row_count_at_least", minimum=9),
        check(None, "columns_present", columns=["gone"]),
    )  # fmt: skip
    assert [r.success for r in results] == [False] * 3
    assert results[0].query and results[0].sample == Sample()
    assert [(r.query, r.sample) for r in results[1:]] == [(None, None)] * 2


def test_a_sample_that_cannot_be_taken_is_empty_and_logged(
    settings: Settings, broken: SqlWarehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> Any:
        raise HallmarkError("a look at rows", "could not convert 'jane.doe@example.com'", "")

    monkeypatch.setattr(type(broken), "peek", fails)
    tests = [check("id", "unique"), check("id", "not_null")]
    results = gated(broken, context_of(settings), *tests)
    assert [(r.success, r.failed_rows, bool(r.query), r.sample) for r in results] == [(False, 2, True, Sample())] * 2
    assert "silver.broken.id.unique: there is no sample" in caplog.text and "jane" not in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(failed_rows, "GATE_SECONDS", 0.0)
    assert [r.sample for r in gated(broken, context_of(settings), *tests)] == [Sample()] * 2, "their time is used up"


def test_a_look_that_takes_too_long_is_ended(settings: Settings) -> None:
    if settings.profile != "local":
        pytest.skip("the emulator does not end a statement that the connector gives up")
    with open_warehouse(settings) as warehouse:
        numbers, began = "range(100000) AS a, range(100000) AS b, range(100000) AS c", time.monotonic()
        with pytest.raises(HallmarkError, match="InterruptException"):
            warehouse.peek(f"SELECT count(*) FROM {numbers} WHERE hash(a.range * b.range + c.range) = 1", 0.3)
        assert time.monotonic() - began < 10
        assert warehouse.peek("SELECT 1", 5) == [(1,)]
        with pytest.raises(HallmarkError) as refused:
            warehouse.peek("SELECT CAST('jane' AS INTEGER)", 5)
        assert "jane" not in str(refused.value)


def test_an_event_holds_the_worst_and_stays_small(settings: Settings, broken: SqlWarehouse) -> None:
    tests = [check("id", "not_null", f"info{n}", "info", where=f"{n} = {n}") for n in range(30)]
    tests += [check(None, "expression_is_true", f"{n:02}", expression=f"low is null and {n} = {n}") for n in range(15)]
    results = gated(broken, context_of(settings), *tests)
    assert [r.check_id for r in results] == [t.check_id for t in tests], "in their order"
    sampled = [r for r in results if r.sample and r.sample.rows]
    assert len(sampled) == 20 and all(r.query for r in results)
    assert sum(r.severity == "critical" for r in sampled) == 15, "the worst first"


def test_wide_tables_and_long_values_are_cut(settings: Settings, broken: SqlWarehouse) -> None:
    cells = ", ".join(f"repeat('é', 1000) AS c{n}" for n in range(100))
    broken.execute(f"CREATE TABLE silver__audit.wide AS SELECT {cells} FROM (SELECT 1 AS x UNION ALL SELECT 2) AS two")
    for _ in range(3):
        broken.execute("INSERT INTO silver__audit.wide SELECT * FROM silver__audit.wide")
    tests = [
        DeclaredTest(check_id=f"silver.wide.{n}", dataset="silver.wide", column=f"c{n}", type="accepted_values",
                     kwargs={"values": ["x"]}) for n in range(70, 80)
    ]  # fmt: skip
    context = context_of(settings)
    results = gated(broken, context, *tests)
    first = results[0].sample
    assert first and (len(first.columns), first.columns[:2], len(first.rows)) == (30, ("c70", "c0"), 1)
    assert {value for row in first.rows for value in row} == {"é" * 200}
    assert [r.failed_rows for r in results] == [16] * 10
    assert len([r for r in results if r.sample and r.sample.rows]) == 5
    event = context.tell.gate("silver.wide", results, owner="team")
    assert len(json.dumps(event.data)) < failed_rows.BYTES + 20_000
