"""The embedded warehouse: one DuckDB file, one process at a time.

Opening and waiting for it, and the primitives that `sql.py` asks for.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks.disk import room
from blocks.migrate import migrate_duckdb
from blocks.sources.base import ColumnSpec
from blocks.warehouses.base import Row
from blocks.warehouses.dialect import DuckDB, names
from blocks.warehouses.sql import SCHEMAS, SqlWarehouse
from governance.errors import HallmarkError, LockedError
from governance.protection import Protection

if TYPE_CHECKING:
    import duckdb

WAIT_SECONDS = 60.0
SETTINGS = "SET TimeZone = 'UTC'; SET force_compression = 'zstd'; SET memory_limit = '1GB'"
"""Of the whole file. Trying every way of compression for text costs more than zstd does, for a size about the same.

What needs more memory goes on beside the file, on disk.
"""

_guard = threading.RLock()
_open: dict[Path, tuple[duckdb.DuckDBPyConnection, int]] = {}


@contextmanager
def open_duckdb(path: Path, wait: float = WAIT_SECONDS) -> Iterator[DuckDBWarehouse]:
    """The warehouse in `path`, made when it is not there; threads of one process share it.

    Raises LockedError, naming the holder, when another process holds the file for longer than `wait` seconds.
    """
    root = _acquire(path, wait)
    cursor = root.cursor()
    try:
        yield DuckDBWarehouse(cursor)
    finally:
        cursor.close()
        _release(path)


def _acquire(path: Path, wait: float) -> duckdb.DuckDBPyConnection:
    with _guard:
        connection, users = _open.get(path, (None, 0))
        if connection is None:
            connection = connect(path, wait)
            connection.execute(SETTINGS)
            try:
                migrate_duckdb(connection, SCHEMAS)
            except BaseException:
                connection.close()
                raise
        _open[path] = (connection, users + 1)
        return connection


def _release(path: Path) -> None:
    with _guard:
        connection, users = _open[path]
        if users > 1:
            _open[path] = (connection, users - 1)
        else:
            del _open[path]
            connection.close()


def connect(path: Path, wait: float = WAIT_SECONDS, **options: Any) -> duckdb.DuckDBPyConnection:
    """`duckdb.connect`, waiting its turn."""
    import duckdb

    until = time.monotonic() + wait
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            return duckdb.connect(str(path), **options)
        except duckdb.IOException as error:
            held = re.search(r"held in (\S+ \(PID \d+\)[^.]*)", str(error))
            if not held:
                raise
            if time.monotonic() > until:
                raise LockedError(
                    f"warehouse {path}", f"it is held by {held[1]}", "wait for it to end, or end that process"
                ) from None
            time.sleep(0.2)


class DuckDBWarehouse(SqlWarehouse):
    """One open connection to the embedded warehouse. It is the engine too: landed parts are read straight into it."""

    name = "duckdb"
    dialect = DuckDB()

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self.engine = self.connection = connection
        self.connection.execute("SET TimeZone = 'UTC'")

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement as tuples."""
        with room("the warehouse"):
            return self.connection.execute(sql, list(parameters) or None).fetchall()

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT."""
        result = self.connection.execute(sql, list(parameters) or None)
        names = [d[0] for d in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def peek(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Rows of a SELECT, which is interrupted after that time; it sees what is committed."""
        import duckdb

        with closing(self.connection.cursor()) as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            alarm = threading.Timer(seconds, cursor.interrupt)
            alarm.start()
            try:
                return cursor.execute(sql).fetchall()
            except duckdb.Error as error:
                raise HallmarkError("a look at rows", type(error).__name__, "run the query by hand") from error
            finally:
                alarm.cancel()
                alarm.join()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Put rows into a table: as a list for each column, since a mark for each value costs twenty times as much."""
        if rows:
            lists = ", ".join(["unnest(?)"] * len(columns))
            of_columns = [list(values) for values in zip(*rows, strict=True)]
            self.execute(f"INSERT INTO {table} ({names(columns)}) SELECT {lists}", of_columns)

    def fill(self, table: str, columns: Sequence[ColumnSpec], sql: str) -> None:
        """Put the rows of a SELECT into a table."""
        listed = names(c.name for c in columns)
        self.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM ({sql})")

    def copy_table(self, source: str, target: str) -> None:
        """Make `target` a copy of `source`."""
        self.execute(f"CREATE TABLE {target} AS SELECT * FROM {source}")

    def replace_rows(self, source: str, target: str, columns: Sequence[str]) -> None:
        """Let `target` hold just the rows of `source`."""
        self.execute(f"DELETE FROM {target}")
        self.execute(f"INSERT INTO {target} ({names(columns)}) SELECT {names(columns)} FROM {source}")

    def make_anew(self, source: str, target: str, declared: Protection) -> None:
        """Replace `target`."""
        self.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM {source}")

    def protect(self, table: str, columns: Collection[str], declared: Protection) -> None:
        """Nothing: who may open the file sees all of it."""

    def is_hidden(self, view: str, columns: Sequence[str], declared: Protection) -> bool:
        """As much as can be."""
        return True

    def view_columns(self, columns: Sequence[str], declared: Protection) -> str:
        """Nothing."""
        return ""

    def announce(self, source: str, streams: Sequence[str], run_id: str) -> None:
        """Nothing: the file is taken by one process at a time, and what a killed one was in is rolled back."""

    def columns(self, schema: str, table: str) -> dict[str, str]:
        """Column → type of a table or view, in order; empty if it is not there."""
        rows = self.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database() ORDER BY column_index",
            (schema, table),
        )
        return dict(rows)

    def tables(self, schema: str, views: bool = False) -> list[str]:
        """Tables of a schema, or its views."""
        kind = "view" if views else "table"
        rows = self.execute(
            f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE schema_name = ? AND database_name = current_database() "
            "ORDER BY 1",
            (schema,),
        )
        return [name for (name,) in rows]

    def catalog(self) -> dict[str, dict[str, dict[str, str]]]:
        """schema → table → column → type, of everything."""
        found: dict[str, dict[str, dict[str, str]]] = {}
        for schema, table, column, kind in self.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() ORDER BY schema_name, table_name, column_index"
        ):
            found.setdefault(schema, {}).setdefault(table, {})[column] = kind
        return found
