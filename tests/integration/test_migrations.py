"""The ledger from the first release on, and a whole home of it: nothing lost, never half done, never back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import text

from blocks.migrate import STEPS, migrate_duckdb, migrate_snowflake, statements
from governance import state_database
from governance.errors import ConfigurationError
from governance.migrate import head
from tests.homes import SLOT2, Home
from tests.integration.migration_support import FIRST, STATE_ROWS, contents, first_ledger, kill_before, state_engine

GATES = (
    "run_id, attempt, slot, layer, dataset, check_id, column_name, type, severity, success, observed, threshold, "
    'failed_rows, published, "at"'
)
"""As the first release had them."""
TABLES: dict[str, str | None] = dict.fromkeys(
    f"ops.{t}"
    for t in "streams batches publishes profiles loads quarantine gates builds cursors events actions".split()
) | {"ops.gates": GATES, "ops.batches": "slot, run_id, state, started_at, finished_at, summary"}
VERSIONING = ("INSERT INTO ops.alembic_version", "UPDATE ops.alembic_version")


def columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Every column of the ledger; None is left of a schema that is not there."""
    return connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE schema_name = 'ops' "
        "AND table_name <> 'alembic_version' ORDER BY ALL"
    ).fetchall()


# --- the ledger on DuckDB ----------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A DuckDB file of the first release, a row in each table."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in first_ledger("duckdb"):
            connection.execute(statement)
    return path


def test_a_ledger_of_the_first_release_keeps_its_rows(ledger: Path) -> None:
    with duckdb.connect(str(ledger)) as connection, duckdb.connect() as fresh:
        before = contents(lambda sql: connection.execute(sql).fetchall(), TABLES)
        assert all(before.values())
        migrate_duckdb(connection)
        migrate_duckdb(fresh)
        assert contents(lambda sql: connection.execute(sql).fetchall(), TABLES) == before
        assert columns(connection) == columns(fresh)
        assert connection.execute("FROM ops.alembic_version").fetchall() == [(head(STEPS),)]
    with duckdb.connect(str(ledger)) as again:  # the migration holds the file no longer
        migrate_duckdb(again)
        assert again.execute("SELECT count(*) FROM ops.kept").fetchone() == (0,)


def test_the_first_step_is_the_first_release() -> None:
    assert list(statements(STEPS / "v0001_first.sql", "duckdb")) == list(statements(FIRST / "ops.sql", "duckdb"))


@pytest.mark.parametrize("statement", ["CREATE TABLE IF NOT EXISTS ops.loads", *VERSIONING])
def test_a_kill_leaves_the_ledger_as_it_was(ledger: Path, statement: str) -> None:
    with duckdb.connect(str(ledger)) as connection:
        before = columns(connection)
    kill_before("duckdb", str(ledger), statement)
    with duckdb.connect(str(ledger)) as connection:
        assert columns(connection) == before
        assert connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'alembic_version'").fetchall() == []
        migrate_duckdb(connection)
        assert connection.execute("FROM ops.alembic_version").fetchall() == [(head(STEPS),)]
        assert all(contents(lambda sql: connection.execute(sql).fetchall(), TABLES).values())


def test_a_newer_ledger_is_left_alone(ledger: Path) -> None:
    with duckdb.connect(str(ledger)) as connection:
        migrate_duckdb(connection)
        connection.execute("UPDATE ops.alembic_version SET version_num = '0999'")
        connection.execute("DROP TABLE ops.kept")
        before = columns(connection)
        with pytest.raises(ConfigurationError, match="version 0999.*up to " + head(STEPS)):
            migrate_duckdb(connection)
        assert columns(connection) == before
        assert connection.execute("FROM ops.alembic_version").fetchall() == [("0999",)]


def test_opening_what_is_new_enough_imports_no_alembic(ledger: Path) -> None:
    with duckdb.connect(str(ledger)) as connection:
        migrate_duckdb(connection)
    code = (
        "import sys, duckdb; from blocks.migrate import migrate_duckdb; migrate_duckdb(duckdb.connect(sys.argv[1])); "
        "print(*sorted({'alembic', 'sqlalchemy', 'duckdb_engine'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ledger)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- the ledger on Snowflake -------------------------------------------------------------------------------------


@pytest.fixture
def account(snowflake: dict[str, str], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the connector needs for an empty database of this test."""
    from snowflake.connector import connect

    arguments: dict[str, Any] = {
        name: snowflake[f"HALLMARK_SNOWFLAKE_{name.upper()}"]
        for name in ("account", "user", "password", "host", "port", "protocol")
    }
    arguments |= {"network_timeout": 20, "paramstyle": "qmark"}
    database = f"MIGRATIONS_{abs(hash(request.node.name))}"
    with connect(**arguments) as connection:
        connection.cursor().execute(f"CREATE DATABASE {database}")
    return {**arguments, "database": database}


@pytest.fixture
def connection(account: dict[str, Any]) -> Iterator[Any]:
    """A connection to a ledger of the first release, a row in each table."""
    from snowflake.connector import connect

    with connect(**account) as opened:
        for statement in first_ledger("snowflake"):
            opened.cursor().execute(statement)
        yield opened


def rows(connection: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    """What runs a query on Snowflake."""
    return lambda sql: connection.cursor().execute(sql).fetchall()


def test_the_same_steps_on_snowflake(connection: Any) -> None:
    before = contents(rows(connection), TABLES)
    assert all(before.values())
    migrate_snowflake(connection)
    assert contents(rows(connection), TABLES) == before
    assert rows(connection)("SELECT version_num FROM ops.alembic_version") == [(head(STEPS),)]
    with duckdb.connect() as fresh:
        migrate_duckdb(fresh)
        wanted = {(table.upper(), column.upper()) for table, column, *_ in columns(fresh)}
    found = rows(connection)(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'OPS' "
        "AND table_name <> 'ALEMBIC_VERSION'"
    )
    assert set(found) == wanted
    connection.cursor().execute("INSERT INTO ops.alembic_version VALUES ('nothing waits for a COMMIT')")
    connection.cursor().execute("ROLLBACK")
    assert len(rows(connection)("SELECT * FROM ops.alembic_version")) == 2


def test_a_newer_ledger_on_snowflake_is_left_alone(connection: Any) -> None:
    connection.cursor().execute("CREATE TABLE ops.alembic_version (version_num VARCHAR(32))")
    connection.cursor().execute("INSERT INTO ops.alembic_version VALUES ('0999')")
    with pytest.raises(ConfigurationError, match="version 0999"):
        migrate_snowflake(connection)
    assert "KEPT" not in {row[1] for row in rows(connection)("SHOW TABLES IN SCHEMA OPS")}


@pytest.mark.parametrize("statement", ["CREATE TABLE IF NOT EXISTS ops.kept", *VERSIONING])
def test_what_a_kill_left_on_snowflake_is_done_again(connection: Any, account: dict[str, Any], statement: str) -> None:
    before = contents(rows(connection), TABLES)
    kill_before("snowflake", json.dumps(account), statement)
    migrate_snowflake(connection)
    assert rows(connection)("SELECT version_num FROM ops.alembic_version") == [(head(STEPS),)]
    assert contents(rows(connection), TABLES) == before


@pytest.mark.parametrize("left", [["0001", "0001"], ["0002", "0001"]])
def test_two_that_migrated_at_once_leave_one_version(connection: Any, left: list[str]) -> None:
    """No key is enforced: both wrote a row. The emulator does not let two run at once."""
    connection.cursor().execute("CREATE TABLE ops.alembic_version (version_num VARCHAR(32))")
    for version in left:
        connection.cursor().execute(f"INSERT INTO ops.alembic_version VALUES ('{version}')")
    migrate_snowflake(connection)
    assert rows(connection)("SELECT max(version_num) FROM ops.alembic_version") == [(head(STEPS),)]
    assert len(rows(connection)("SHOW TABLES LIKE 'KEPT' IN SCHEMA OPS")) == (1 if max(left) < "0002" else 0)


# --- a home ------------------------------------------------------------------------------------------------------


def test_a_home_of_the_first_release_runs_its_next_batch(waved: Home, new_home: Callable[..., Home]) -> None:
    home = new_home(waved)
    with duckdb.connect(str(home.path / "warehouse.duckdb")) as warehouse, duckdb.connect() as example:
        for table in ("kept", "heartbeats", "shards", "alembic_version"):
            warehouse.execute(f"DROP TABLE ops.{table}")
        warehouse.execute("ALTER TABLE ops.gates DROP COLUMN waived")
        warehouse.execute("ALTER TABLE ops.batches DROP COLUMN attempt")
        for statement in first_ledger("duckdb"):
            example.execute(statement)
        assert columns(warehouse) == columns(example)
    state = f"sqlite:///{home.path / 'state.db'}"
    with state_engine(state) as engine, engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {state_database.VERSION_TABLE}"))
        connection.execute(text("CREATE TABLE hallmark_versions (component VARCHAR(40) PRIMARY KEY, version INTEGER)"))
        connection.execute(text(STATE_ROWS[0]))
    loads = home.value("SELECT count(*) FROM ops.loads")
    told = {check["check"]: check["detail"] for check in home.hallmark("doctor", "--json").json}
    assert told["state"] == "version of the first release, the next run makes it " + head(state_database.STEPS)
    summary = home.run()
    assert (summary["slot"], summary["state"]) == (SLOT2, "completed")
    assert home.value("SELECT count(*) FROM ops.loads") > loads
    told = {check["check"]: check["detail"] for check in home.hallmark("doctor", "--json").json}
    assert told["warehouse"].startswith(f"version {head(STEPS)}, ")
    assert told["state"] == f"version {head(state_database.STEPS)}"
