"""Snowflake as the warehouse: the primitives that `sql.py` asks for, over a session.

What this process reads is read by a DuckDB in memory and copied in by `snowflake_copy.py`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blocks.migrate import migrate_snowflake
from blocks.settings import Settings
from blocks.sources.base import ColumnSpec
from blocks.sources.naming import quote
from blocks.warehouses import snowflake_policies
from blocks.warehouses.base import Row
from blocks.warehouses.dialect import Snowflake, names, portions
from blocks.warehouses.snowflake_copy import copy_in, stage_of
from blocks.warehouses.snowflake_errors import NotThereError, translated
from blocks.warehouses.snowflake_session import acquire, connect, patience, release
from blocks.warehouses.sql import SCHEMAS, SqlWarehouse
from blocks.warehouses.tags import query_tag
from governance.errors import LockedError, UnreachableError
from governance.protection import Protection

if TYPE_CHECKING:
    import duckdb
    from snowflake.connector import SnowflakeConnection

_ready: set[tuple[object, ...]] = set()
_migrating = threading.Lock()
_Answer = tuple[list[str], list[tuple[Any, ...]]]
_DEFAULT_LENGTHS = {"VARCHAR": ("16777216", "134217728"), "BINARY": ("8388608", "67108864")}
PAUSE_SECONDS = 0.2  # Snowflake itself has waited for LOCK_TIMEOUT before it refuses


@contextmanager
def open_snowflake(settings: Settings) -> Iterator[SnowflakeWarehouse]:
    """The warehouse for one step, in a session of its own; its schemas and ledger are made where they are missing."""
    import duckdb

    session = acquire(settings)
    try:
        place = (
            settings.snowflake_host,
            settings.snowflake_port,
            settings.snowflake_account,
            settings.snowflake_database,
        )
        with _migrating:  # threads of one process do not make the same tables at once
            if place not in _ready:
                _migrate(session)
                _ready.add(place)
        with duckdb.connect(":memory:") as engine:
            engine.execute("SET TimeZone = 'UTC'").fetchall()
            yield SnowflakeWarehouse(session, engine, settings)
    except BaseException:
        session.close()  # whatever it was in the midst of is rolled back with it
        raise
    release(settings, session)


def _migrate(session: SnowflakeConnection) -> None:
    """Bring the ledger up to date. Raises what `translated` makes of Snowflake's errors, also within SQLAlchemy's."""
    from snowflake.connector.errors import Error

    try:
        migrate_snowflake(session, SCHEMAS)
    except Exception as error:
        said = getattr(error, "orig", error)
        if isinstance(said, Error):
            raise translated(said, "Snowflake, the ledger in OPS") from error
        raise


class SnowflakeWarehouse(SqlWarehouse):
    """One session of Snowflake."""

    name = "snowflake"
    dialect = Snowflake()

    def __init__(self, connection: SnowflakeConnection, engine: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        super().__init__()
        self.connection, self.engine, self.settings = connection, engine, settings

    def execute(self, sql: str, parameters: Sequence[object] = (), repeat: bool = False) -> list[tuple[Any, ...]]:
        """Rows of a statement as tuples; `repeat` one once that may be done twice, when its answer did not arrive.

        One that is locked out by the transaction of a run that is over is done once more when that is aborted. Raises
        LockedError when another run holds the lock for as long as a statement may take.
        """
        return self._answer(sql, [_bound(p) for p in parameters], repeat=repeat)[1]

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT, their names in lower case."""
        columns, rows = self._answer(sql, [_bound(p) for p in parameters])
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def peek(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Rows of a SELECT, which the connector cancels after that time."""
        return self._run(sql, (), many=False, seconds=max(1, round(seconds)))[1]

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Put rows into a table, bound as arrays."""
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({names(columns)}) VALUES ({marks})"
        for some in portions(rows):
            self._answer(sql, [[_bound(value) for value in row] for row in some], many=True)

    def _answer(self, sql: str, values: Sequence[Any], many: bool = False, repeat: bool = False) -> _Answer:
        """What `_run` gives, once nothing is in the way any more; see `execute`."""
        from snowflake.connector.errors import ProgrammingError

        until = time.monotonic() + self.settings.snowflake_statement_timeout
        while True:
            try:
                return self._run(sql, values, many)
            except UnreachableError as error:
                if not repeat or isinstance(error.__cause__, ProgrammingError):  # Snowflake's answer: it refuses
                    raise
                repeat = False
            except LockedError:
                # Snowflake locks tables, not rows: who waits may wait for another stream of this very run.
                if not abort_detached(self) and time.monotonic() > until:
                    raise
                time.sleep(PAUSE_SECONDS)

    def _run(self, sql: str, values: Sequence[Any], many: bool, seconds: int | None = None) -> _Answer:
        """(columns, rows) of a statement. Raises what `translated` makes of Snowflake's errors."""
        from snowflake.connector.errors import Error

        with self.connection.cursor() as cursor:
            run, tag = cursor.executemany if many else cursor.execute, {"QUERY_TAG": query_tag()}
            try:
                patient = seconds or patience(self.settings)
                run(self.dialect.fold(sql), values, _statement_params=tag, timeout=patient)
                rows = [tuple(row) for row in cursor.fetchall()]
            except Error as error:
                raise translated(error, f"Snowflake, {sql.split('(', 1)[0].strip()[:80]}") from error
            return [column.name.lower() for column in cursor.description or ()], rows

    def another_session(self) -> SnowflakeConnection:
        """A session beside this one, tagged as it, for a library that writes its statements by pyformat."""
        return connect(self.settings, paramstyle="pyformat", network_seconds=patience(self.settings))

    def announce(self, source: str, streams: Sequence[str], run_id: str) -> None:
        """Say who is about to publish, for whoever finds its rows locked: see `abort_detached`."""
        self.ledger.announce(source, streams, run_id, str(self.connection.session_id))

    def fill(self, table: str, columns: Sequence[ColumnSpec], sql: str) -> None:
        """Put the rows of a SELECT in the engine into a table."""
        copy_in(self, table, columns, sql, stage_of(self.settings), self.settings.home / "scratch")

    def copy_table(self, source: str, target: str) -> None:
        """A clone: it holds no data of its own until one of the two changes."""
        self.execute(f"CREATE TABLE {target} CLONE {source}")

    def replace_rows(self, source: str, target: str, columns: Sequence[str]) -> None:
        """Let `target` hold just the rows of `source`."""
        listed = names(columns)
        self.execute(f"INSERT OVERWRITE INTO {target} ({listed}) SELECT {listed} FROM {source}")

    def make_anew(self, source: str, target: str, declared: Protection) -> None:
        """What has something to hide becomes a clone, masks and all, of a table that is where no reader can be."""
        if not snowflake_policies.hides(self, declared):
            self.execute(f"CREATE OR REPLACE TABLE {target} COPY GRANTS AS SELECT * FROM {source}")
            return
        schema, _, name = source.replace('"', "").partition(".")
        made = f"{schema}.{quote(f'{name}$made')}"  # permanent: of dbt's own, transient tables none can be cloned
        self.execute(f"CREATE OR REPLACE TABLE {made} AS SELECT * FROM {source}")
        snowflake_policies.hide(self, made, self.columns(schema, f"{name}$made"), declared)
        self.execute(f"CREATE OR REPLACE TABLE {target} CLONE {made} COPY GRANTS")
        self.execute(f"DROP TABLE {made}")

    def protect(self, table: str, columns: Collection[str], declared: Protection) -> None:
        """By `snowflake_policies.py`."""
        snowflake_policies.protect(self, table, columns, declared)

    def is_hidden(self, view: str, columns: Sequence[str], declared: Protection) -> bool:
        """By the tags that it has."""
        return not snowflake_policies.untagged(self, view, columns, declared)

    def view_columns(self, columns: Sequence[str], declared: Protection) -> str:
        """Their tags. Not COPY GRANTS: with it the future grants of the schema, its owner among them, do not hold."""
        return snowflake_policies.view_columns(self, columns, declared)

    def columns(self, schema: str, table: str) -> dict[str, str]:
        """Column → type of a table or view, in order; empty if it is not there."""
        try:
            rows = self.query(f'DESC TABLE {schema}."{table}"')
        except NotThereError:
            return {}
        return {row["name"].lower(): plain_type(row["type"]) for row in rows}

    def tables(self, schema: str, views: bool = False) -> list[str]:
        """Tables of a schema, or its views."""
        kind = "VIEWS" if views else "TABLES"
        try:
            return sorted(row["name"].lower() for row in self.query(f"SHOW {kind} IN SCHEMA {schema}"))
        except NotThereError:
            return []

    def catalog(self) -> dict[str, dict[str, dict[str, str]]]:
        """schema → table → column → type, of our schemas."""
        found: dict[str, dict[str, dict[str, str]]] = {}
        for schema, table, column, kind in self.execute(
            "SELECT lower(table_schema), lower(table_name), lower(column_name), data_type "
            "FROM information_schema.columns WHERE table_schema IN "
            f"({', '.join(repr(s.upper()) for s in (*SCHEMAS, 'silver__audit', 'gold__audit', 'seeds'))}) "
            "ORDER BY table_schema, table_name, ordinal_position"
        ):
            found.setdefault(schema, {}).setdefault(table, {})[column] = kind
        return found


def abort_detached(warehouse: SnowflakeWarehouse) -> bool:
    """Abort the transactions that publishers of runs that are over left open; whether there was one.

    A process that was killed in its transaction leaves it open, with all of its locks, until Snowflake notices: that
    takes five minutes after somebody waits for it.
    """
    announced = [h for (h,) in warehouse.execute("SELECT holder FROM ops.streams WHERE holder IS NOT NULL")]
    running = {run for (run,) in warehouse.execute("SELECT run_id FROM ops.batches WHERE state = 'running'")}
    holders = (re.search(r"run (\S+), session (\S+)$", holder) for holder in announced)
    over = {found[2] for found in holders if found and found[1] not in running}
    detached = [t for t in warehouse.query("SHOW TRANSACTIONS") if str(t["session"]) in over]
    for transaction in detached:
        warehouse.execute(f"SELECT SYSTEM$ABORT_TRANSACTION({int(transaction['id'])})")
    return bool(detached)


def _bound(value: object) -> object:
    """Times as text: the connector binds a datetime only with its Snowflake type beside it, and not in arrays."""
    return value.isoformat() if isinstance(value, datetime) else value


def plain_type(type_: str) -> str:
    """A type without a length or precision that only repeats the default, today's or that of older accounts."""
    name, _, length = type_.rstrip(")").partition("(")
    return name if length in _DEFAULT_LENGTHS.get(name, ("9",) if name.startswith("TIME") else ()) else type_
