"""The embedded warehouse: one DuckDB file, one process at a time.

Opening and waiting for it, and the protocol of `base.py`. What bronze does with rows is in `bronze_stage.py`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks.sources.base import Extract, Manifest
from blocks.sources.naming import quote
from blocks.warehouses import bronze_publish, bronze_stage
from blocks.warehouses.base import Accounts, LayerPublish, Ready, Row, Staged, StreamLoad, TellLayer, TellLoads
from blocks.warehouses.ledger import Ledger
from governance.errors import LockedError
from governance.model import CheckResult

if TYPE_CHECKING:
    import duckdb

OPS = (Path(__file__).parent / "ops.sql").read_text(encoding="utf-8")
WAIT_SECONDS = 60.0

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
            connection.execute("SET TimeZone = 'UTC'")
            for schema in ("bronze", "bronze__loads", "bronze__staging", "silver", "gold", "ops"):
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            connection.execute(OPS)
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


class DuckDBWarehouse:
    """One open connection to the embedded warehouse; see `Warehouse` for what each method promises."""

    name = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.connection.execute("SET TimeZone = 'UTC'")
        self.ledger = Ledger(self.execute)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement as tuples."""
        return self.connection.execute(sql, list(parameters) or None).fetchall()

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT."""
        result = self.connection.execute(sql, list(parameters) or None)
        names = [d[0] for d in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, roll back on an error."""
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def load(self, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest]) -> Staged:
        """Stage the rows of a stream's loads."""
        return bronze_stage.stage(self, load, extract, manifests)

    def publish(self, ready: Sequence[Ready], tell: TellLoads) -> list[Accounts]:
        """Publish the staged rows of a stream and its child tables."""
        return bronze_publish.publish(self, ready, tell)

    def show(self, load: StreamLoad) -> None:
        """Let `bronze.x` show what is published, and clear staging."""
        bronze_publish.show(self, load)

    def columns(self, schema: str, table: str) -> dict[str, str]:
        """Column → type of a table or view, in order; empty if it is not there."""
        rows = self.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database() ORDER BY column_index",
            (schema, table),
        )
        return dict(rows)

    def tables(self, schema: str) -> list[str]:
        """Tables and views of a schema."""
        rows = self.execute(
            "SELECT DISTINCT table_name FROM duckdb_columns() WHERE schema_name = ? "
            "AND database_name = current_database() ORDER BY 1",
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

    def prepare_layer(self, layer: str, incremental: Sequence[str], full: bool) -> None:
        """An empty audit schema, with a copy of what is published of each incremental model."""
        audit = f"{layer}__audit"
        self.execute(f"DROP SCHEMA IF EXISTS {audit} CASCADE")
        self.execute(f"CREATE SCHEMA {audit}")
        for model in () if full else incremental:
            if self.columns(layer, model):
                self.execute(f"CREATE TABLE {audit}.{quote(model)} AS SELECT * FROM {layer}.{quote(model)}")

    def publish_layer(
        self,
        publish: LayerPublish,
        checks: Sequence[CheckResult],
        tell: TellLayer,
    ) -> Mapping[str, int]:
        """Put the audited build in the place of the published one."""
        layer, batch = publish.layer, publish.batch
        for model in (*publish.models, *publish.rejected):
            self._make_published(layer, model)
        with self.transaction():
            before = {m: self._count(layer, m) for m in publish.models}
            for model, key in publish.models.items():
                self._replace(publish, model, key)
            for model in publish.rejected:
                self._replace(publish, model, None)
                self.execute(
                    "INSERT INTO ops.quarantine (id, load_id, source, stream, layer, position, reason_code, reason, "
                    f"raw, quarantined_at, attempts) SELECT quarantine_id, load_id, source, stream, '{layer}', "
                    f"position, reason_code, reason, raw, now(), 1 FROM {layer}.{quote(model)} r "
                    "WHERE NOT EXISTS (SELECT 1 FROM ops.quarantine q WHERE q.id = r.quarantine_id)"
                )
            after = {m: self._count(layer, m) for m in publish.models}
            rejected = {m: self._count(layer, m) for m in publish.rejected}
            self.ledger.layer(publish, before, after, rejected)
            self.ledger.gates(batch, checks, published=True)
            self.ledger.events(tell(after))
        return after

    def _make_published(self, layer: str, model: str) -> None:
        """An empty table where the model was never published."""
        if not self.columns(layer, model):
            source = f"{layer}__audit.{quote(model)}"
            self.execute(f"CREATE TABLE {layer}.{quote(model)} AS SELECT * FROM {source} LIMIT 0")

    def _replace(self, publish: LayerPublish, model: str, key: str | None) -> None:
        source, target = (f"{schema}.{quote(model)}" for schema in (f"{publish.layer}__audit", publish.layer))
        if self.columns(publish.layer, model) != self.columns(f"{publish.layer}__audit", model):
            # Another shape. DuckDB takes a table's definition back with the transaction; not every warehouse does.
            self.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM {source}")
            return
        if key is None or publish.full:
            self.execute(f"DELETE FROM {target}")
            self.execute(f"INSERT INTO {target} BY NAME SELECT * FROM {source}")
            return
        changed, slot = f"(SELECT * FROM {source} WHERE _slot = ?)", (publish.batch.slot,)
        self.execute(f"DELETE FROM {target} WHERE {quote(key)} IN (SELECT {quote(key)} FROM {changed})", slot)
        self.execute(f"INSERT INTO {target} BY NAME SELECT * FROM {changed}", slot)

    def _count(self, schema: str, table: str) -> int:
        return int(self.execute(f"SELECT count(*) FROM {schema}.{quote(table)}")[0][0])
