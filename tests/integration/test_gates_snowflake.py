"""Gates on the emulated Snowflake: the same verdicts and counts as on DuckDB, by few statements."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import duckdb
import pytest
from snowflake.connector import SnowflakeConnection

from expectations import gate, suites
from expectations.sql import QUERIES
from governance.declared_tests import DeclaredTest, declared_tests
from governance.errors import UnreachableError
from governance.model import CheckResult
from tests.integration.dbt_support import Warehouse
from tests.integration.gates_support import Recorded, connector, copy_schemas, on_both

DATABASE = "GATES"
PER_GATE = 2
"""Statements of a connection, whatever it is for: the version, the current database."""
PER_TABLE = 3
"""Statements of a suite beside its checks: that the table is there, its columns, its rows."""

Connect = Callable[[], SnowflakeConnection]


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("""
        create schema silver; create schema silver__audit; create schema bronze__staging;
        create table silver__audit.broken (
            id bigint, status varchar, team bigint, low bigint, high decimal(18,3), mail varchar, seen_at timestamptz,
            "order" bigint, "2nd" varchar, note varchar
        );
        insert into silver__audit.broken values
            (1, 'open', 1, 1, 2, 'jane.doe@example.com', '2026-01-01 00:00:00+00', 1, '5%', 'a:b'),
            (1, 'open', 2, 5, 2.5, 'jane.doe@example.com', null, null, '%%', 'it''s {batch}'),
            (null, 'odd', 999, 1, 2, null, '2026-01-02 00:00:00+01', 1, null, 'back\\slash'),
            (null, null, null, null, 2, null, null, null, null, null),
            (3, 'done', 1, 1, 2, 'x', '2026-01-02 00:00:00+00', 3, '%', ':v');
        create table silver__audit.teams as select i as team_id from range(10) r(i);
        create table silver__audit.empty (id bigint, status varchar, team bigint);
        create table bronze__staging.crm__projects as
        select i as id, 'n' as name, now() as updated_at, 'l1' as _load_id, 'public.projects#' || i as _source_position
        from range(3) r(i);
    """)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def connect(snowflake: dict[str, str], duck: duckdb.DuckDBPyConnection) -> Connect:
    """Opens a connection to the emulator, where the tables of `duck` are."""
    opened = connector(snowflake, DATABASE)
    with opened() as snow:
        snow.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        snow.cursor().execute(f"USE DATABASE {DATABASE}")
        copy_schemas(duck, snow, ["silver__audit", "bronze__staging"])
    return opened


def check(column: str | None, type_: str, *, table: str = "broken", n: str = "", **kwargs: object) -> DeclaredTest:
    path = ".".join(p for p in ("silver", table, column, type_, n) if p)
    return DeclaredTest(
        check_id=path, dataset=f"silver.{table}", column=column, type=type_, kwargs=kwargs, severity="critical",
        description="",
    )  # fmt: skip


CHECKS = [
    check("id", "not_null"),
    check("id", "not_null", n="filtered", where="status is not null"),
    check("order", "not_null"),
    check("2nd", "not_null"),
    check("id", "unique"),
    check("2nd", "unique"),
    check("id", "unique", n="filtered", where="low = 1"),
    check(None, "unique_combination", combination_of_columns=["id", "status"]),
    check("status", "accepted_values", values=["open", "done"]),
    check("low", "accepted_values", values=[1, 2], quote=False),
    check("2nd", "accepted_values", values=["5%", "%%"]),
    check("note", "accepted_values", values=[":v", "a:b", "back\\slash", "it's {batch}"]),
    check("team", "relationships", to="silver.teams", field="team_id"),
    check(None, "expression_is_true", expression="low <= high"),
    check("note", "expression_is_true", n="like", expression="not like '%{batch}%' -- nor others"),
    check("note", "expression_is_true", n="colon", expression="<> ':v'"),
    check("high", "expression_is_true", n="cast", expression="::varchar is not null"),
    check(None, "share_below", condition="status is null", max_share=0.1),
    check(None, "share_below", n="passes", condition="status is null", max_share=0.2),
    check(None, "row_count_at_least", minimum=6),
    check(None, "columns_present", columns=["id", "order", "2nd"]),
    check(None, "columns_present", n="missing", columns=["id", "nowhere"]),
    *(check("id", type_, table="empty") for type_ in ("not_null", "unique")),
    check("team", "relationships", table="empty", to="silver.teams", field="team_id"),
]


def test_every_type_of_check_counts_the_same_rows_on_both(duck: duckdb.DuckDBPyConnection, connect: Connect) -> None:
    here, there = on_both(CHECKS, duck, connect, gate.audit("silver"))
    assert there == here
    assert {t.type for t in CHECKS} >= set(QUERIES)
    assert {t.type for t, r in zip(CHECKS, here, strict=True) if r.failed_rows} >= set(QUERIES)
    assert not [r for r in there if r.observed.startswith("not run")]


def test_a_staged_load_is_read_by_its_folded_name(duck: duckdb.DuckDBPyConnection, connect: Connect) -> None:
    suite = suites.bronze(
        "bronze.crm__projects", primary_key=["id"], cursor="updated_at", columns=["id", "name", "updated_at"]
    )
    for table in ("bronze__staging.crm__projects", "BRONZE__STAGING.CRM__PROJECTS"):
        results = gate.run(suite, gate.on_snowflake(connect), gate.staged({"bronze.crm__projects": table}))
        assert [(r.check_id, r.success) for r in results] == [(t.check_id, True) for t in suite]
        assert {r.dataset for r in results} == {"bronze.crm__projects"}


def test_a_suite_is_as_many_statements_as_checks_and_none_reads_all_schemas(connect: Connect) -> None:
    statements = recorded(CHECKS[:-3], connect)
    assert len(statements) <= len(CHECKS[:-3]) + PER_GATE + PER_TABLE
    # Of one table, all of these are one statement.
    columns = ["id", "status", "team", "low", "high", "mail", "seen_at", "order", "2nd", "note"]
    assert len(recorded([check(c, "not_null") for c in columns], connect)) <= 1 + PER_GATE + PER_TABLE


def test_checks_that_cannot_run_cost_no_more_and_spare_the_others(connect: Connect) -> None:
    broken = [
        check("gone", "not_null"),
        check("gone", "unique"),
        check("team", "relationships", n="nowhere", to="silver.nowhere", field="team_id"),
        check("mail", "expression_is_true", expression="::integer > 0"),
        check("low", "expression_is_true", expression="low >"),
    ]
    absent = check("id", "not_null", table="absent")
    results: list[CheckResult] = []
    statements = recorded([*broken, *CHECKS[:-3], absent], connect, results)
    assert len(statements) <= len(broken) + len(CHECKS[:-3]) + 1 + PER_GATE + 2 * PER_TABLE
    told = {r.check_id: r.observed for r in results}
    assert [t.check_id for t in (*broken, absent) if not told[t.check_id].startswith("not run: ")] == []
    assert "gone" in told["silver.broken.gone.not_null"]
    assert "NOWHERE" in told["silver.broken.team.relationships.nowhere"] and "ABSENT" in told[absent.check_id].upper()
    assert "jane" not in str(results)
    assert not [r for r in results[len(broken) : -1] if r.observed.startswith("not run")]


def test_every_connection_is_closed_and_one_is_opened_per_schema(connect: Connect) -> None:
    opened: list[SnowflakeConnection] = []

    def counted() -> SnowflakeConnection:
        opened.append(connect())
        return opened[-1]

    gate.run([CHECKS[0], check("gone", "unique")], gate.on_snowflake(counted), gate.audit("silver"))
    assert len(opened) == 1
    assert not Recorded.open


def test_a_connection_that_cannot_be_made_is_told_as_it_is() -> None:
    error = UnreachableError("Snowflake account org-name", "refused", "try later")

    def refused() -> SnowflakeConnection:
        raise error

    with pytest.raises(UnreachableError) as raised:
        gate.run([CHECKS[0]], gate.on_snowflake(refused), gate.audit("silver"))
    assert raised.value is error


def test_all_that_dbt_declares_counts_the_same_rows_on_both(
    three_slots: Warehouse, snowflake: dict[str, str], connect: Connect
) -> None:
    """On tables with doubled rows, and rows where everything is NULL."""
    manifest = json.loads((three_slots.home / "dbt" / "manifest.json").read_text("utf-8"))
    schemas = ["bronze", "silver__audit", "gold__audit"]
    duck = duckdb.connect()
    duck.execute(f"ATTACH '{three_slots.file}' AS built (READ_ONLY)")
    there = set()
    for schema, table in duck.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'built'"
        " AND list_contains(?, schema_name)", [schemas],
    ).fetchall():  # fmt: skip
        there.add(f"{schema.removesuffix('__audit')}.{table}")
        duck.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        duck.execute(f"CREATE TABLE {schema}.{table} AS FROM built.{schema}.{table}")
        duck.execute(f"INSERT INTO {schema}.{table} FROM {schema}.{table} LIMIT 2")
        duck.execute(f"INSERT INTO {schema}.{table} BY NAME SELECT NULL AS {first_column(duck, schema, table)}")
    duck.execute("DETACH built")
    opened = connector(snowflake, "DECLARED")
    with opened() as snow:
        snow.cursor().execute("CREATE DATABASE IF NOT EXISTS DECLARED")
        snow.cursor().execute("USE DATABASE DECLARED")
        copy_schemas(duck, snow, schemas)
    tests = [t for t in declared_tests(manifest) if t.dataset in there and str(t.kwargs.get("to", t.dataset)) in there]
    results, others = on_both(tests, duck, opened, place)
    duck.close()
    assert {t.type for t in tests} >= {"not_null", "unique", "expression_is_true", "share_below", "relationships"}
    assert not [r for r in results if r.observed.startswith("not run")]
    assert [differ for differ in zip(results, others, strict=True) if differ[0] != differ[1]] == []
    assert len([r for r in results if r.failed_rows]) > len(tests) / 4


def place(dataset: str) -> str:
    """Bronze as published, the rest in its audit schema."""
    schema, table = dataset.split(".")
    return dataset if schema == "bronze" else f"{schema}__audit.{table}"


def first_column(duck: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    """The name of a table's first column."""
    return str(duck.execute(f"SELECT * FROM {schema}.{table} LIMIT 0").description[0][0])


def recorded(tests: list[DeclaredTest], connect: Connect, results: list[CheckResult] | None = None) -> list[str]:
    """The statements that reached the server for these tests; none of them may look beyond the schema."""
    Recorded.statements.clear()
    found = gate.run(tests, gate.on_snowflake(connect), gate.audit("silver"))
    if results is not None:
        results.extend(found)
    statements = list(Recorded.statements)
    for statement in statements:
        assert not re.search(r"information_schema|\bshow\b|alter session", statement, re.IGNORECASE), statement
    return statements
