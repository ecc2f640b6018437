"""Databases of the first release with rows in them, and processes that migrate them and are killed in the midst."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Engine, inspect, text

from blocks.migrate import statements
from governance.outbox_tables import make_engine

FIRST = Path(__file__).parent / "first_release"
AT = "2026-11-22T00:00:00+00:00"
VALUES = {"BOOLEAN": "TRUE", "BIGINT": "7", "INTEGER": "7", "DOUBLE": "0.5", "TIMESTAMP WITH TIME ZONE": f"'{AT}'"}
STATE_ROWS = (
    "INSERT INTO hallmark_versions VALUES ('outbox', 1)",
    "INSERT INTO outbox_events VALUES ('e1', 'hallmark.gate.passed.v1', 'silver.a', '{}')",
    "INSERT INTO outbox_deliveries (event_id, destination, entity, state, attempts, next_at) "
    "VALUES ('e1', 'file', 'silver.a', 'pending', 2, 5.5)",
    "INSERT INTO snapshots VALUES ('status', '{\"slots\": []}')",
)
# Each takes what leads to the database, and migrates it.
MIGRATE = {
    "duckdb": "import duckdb; from blocks.migrate import migrate_duckdb; migrate_duckdb(duckdb.connect(place))",
    "state": "from governance.outbox_tables import make_engine; from governance.state_database import migrate_state; "
    "migrate_state(make_engine(place))",
    "snowflake": "import json, snowflake.connector as c; from blocks.migrate import migrate_snowflake; "
    "migrate_snowflake(c.connect(**json.loads(place)))",
}
KILLED_BEFORE = """
import os, signal, sys
from sqlalchemy import Engine, event
place, fatal = sys.argv[1:]
@event.listens_for(Engine, "before_cursor_execute")
def _listen(_connection, _cursor, statement, *_):
    if " ".join(statement.split()).startswith(fatal):
        os.kill(os.getpid(), signal.SIGKILL)
"""
WHEN_TOLD = "import sys; place = sys.argv[1]; import alembic.command, sqlalchemy; print('ready', flush=True); input()\n"


def first_ledger(dialect: str) -> list[str]:
    """The statements that make the first release's ledger with a row in each table."""
    made = list(statements(FIRST / "ops.sql", dialect))
    with duckdb.connect() as example:
        example.execute("CREATE SCHEMA ops")
        for statement in statements(FIRST / "ops.sql", "duckdb"):
            example.execute(statement)
        tables = example.execute(
            "SELECT table_name, list(data_type ORDER BY column_index) FROM duckdb_columns() "
            "WHERE schema_name = 'ops' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    rows = [f"INSERT INTO ops.{t} VALUES ({', '.join(VALUES.get(k, repr(t)) for k in kinds)})" for t, kinds in tables]
    return ["CREATE SCHEMA ops", *made, *rows]


def first_state(url: str) -> None:
    """Make the first release's state database, with rows, in an empty one."""
    kind = "postgres" if url.startswith("postgresql:") else "sqlite"
    with state_engine(url) as engine, engine.begin() as connection:
        for statement in (*statements(FIRST / f"state_{kind}.sql", kind), *STATE_ROWS):
            connection.exec_driver_sql(statement)


def contents(execute: Callable[[str], list[tuple[Any, ...]]], tables: Mapping[str, str | None]) -> dict[str, list[str]]:
    """table → its rows, as text: of these columns, or of all."""
    return {t: sorted(map(repr, execute(f"SELECT {columns or '*'} FROM {t}"))) for t, columns in tables.items()}


@contextmanager
def state_engine(url: str) -> Iterator[Engine]:
    """An engine as the outbox has it, closed afterwards."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def state_contents(url: str) -> dict[str, list[str]]:
    """Every table of a state database → its rows."""
    with state_engine(url) as engine, engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        return contents(lambda sql: [tuple(row) for row in connection.execute(text(sql))], dict.fromkeys(tables))


def kill_before(kind: str, place: str, statement: str) -> None:
    """Migrate in a process that is killed before it runs a statement that begins so."""
    command = [sys.executable, "-c", KILLED_BEFORE + MIGRATE[kind], place, statement]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def at_once(kind: str, place: str, processes: int) -> list[tuple[int, str]]:
    """Migrate in several processes that begin together; how each ended."""
    command = [sys.executable, "-c", WHEN_TOLD + MIGRATE[kind], place]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1) for _ in range(processes)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [(process.returncode, err) for process in started for err in [process.communicate(timeout=120)[1]]]
