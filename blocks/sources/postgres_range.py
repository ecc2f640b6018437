"""A part of a table between two values of its cursor column: how much it is, by the catalog, and reading it again.

What a table's rows are and how they land is in `postgres/`. Nothing here moves a cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from blocks.landing import Landing
from blocks.sources.base import Manifest, Planned
from blocks.sources.naming import literal, quote
from blocks.sources.postgres import PostgresReader
from blocks.sources.postgres.columns import Column, columns_of, quote_table
from blocks.sources.spec import StreamSpec
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Estimate:
    """What the planner of the database expects of a SELECT; no row is read for it. 0 rows are certain."""

    rows: int
    bytes: int


class PostgresRange(PostgresReader):
    """A PostgreSQL source of which ranges are read, each from `lower` up to `upper`, both inside; None is open."""

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Read the range into Parquet parts. It says nothing of keys that are gone, and nothing of the cursor."""
        found = super().land(stream.model_copy(update={"deletes": "none"}), planned, landing)
        if found.by_cursor:
            found = replace(found, by_cursor=False)
            landing.write_manifest(found)
        return found

    def estimate(self, stream: StreamSpec, lower: str | None, upper: str | None, *, inside: bool = True) -> Estimate:
        """Rows and bytes of a range; unless `inside`, of what a batch after the cursor `lower` would read.

        Raises ConfigurationError for a bound that is no value of the cursor.
        """
        from blocks.discovery.postgres import connected

        if self.spec.url is None:
            raise ConfigurationError(f"source {self.spec.name}", "it has no url", "give url in sources.yml")
        planned, table = Planned("", lower, upper), quote_table(stream.table or "")
        with self._connection(stream) as connection:
            columns = columns_of(connection, stream)
        where = self._where(stream, columns, planned) if inside else super()._where(stream, columns, planned)
        with connected(self.spec.url.get_secret_value()) as database:
            read = f"SELECT 1 FROM {table}{f' WHERE {where}' if where else ''}"
            if inside:
                self._check_bounds(database, stream, columns, planned)
                if database.execute(f"SELECT EXISTS ({read})".encode()).fetchone() == (False,):
                    return Estimate(0, 0)
            named = f"to_regclass({literal(table)})"
            sql = f"SELECT reltuples::float8, pg_relation_size(oid) FROM pg_class WHERE oid = {named}"
            held = database.execute(sql.encode()).fetchone()
            body = database.execute(f"EXPLAIN (FORMAT JSON) {read}".encode()).fetchone()
        known, size = held or (0.0, 0)
        expected = float(body[0][0]["Plan"]["Plan Rows"]) if body else 0.0
        # A table that was never analysed has -1 rows; its whole size is then the best guess.
        share = min(1.0, expected / known) if known > 0 else 1.0
        return Estimate(max(1, round(expected)) if inside else round(expected), round(size * share))

    def _check_bounds(
        self, database: psycopg.Connection[Any], stream: StreamSpec, columns: Sequence[Column], planned: Planned
    ) -> None:
        import psycopg

        kind = next((c.source_type for c in columns if c.source == stream.cursor), "text")
        for option, value in (("--from", planned.lower), ("--to", planned.upper)):
            try:
                database.execute(f"SELECT {literal(value)}::{kind}".encode() if value is not None else b"SELECT")
            except psycopg.DataError as error:
                cause = f"{option} {value} is no value of its cursor {stream.cursor}: {error.diag.message_primary}"
                name = f"stream {self.spec.name}.{stream.name}"
                raise ConfigurationError(name, cause, f"give a value of type {kind}") from None

    def _where(self, stream: StreamSpec, columns: Sequence[Column], planned: Planned) -> str:
        column = next((c for c in columns if c.source == stream.cursor), None)
        bounds = [(">=", planned.lower), ("<=", planned.upper)]
        if column is None:
            return ""
        name, kind = quote(column.source), column.source_type
        wanted = [f"{name} {sign} {literal(value)}::{kind}" for sign, value in bounds if value is not None]
        return " AND ".join(wanted)


def check_range(name: str, kind: str, stream: StreamSpec) -> None:
    """Raises ConfigurationError for a stream that has no range of a cursor."""
    if kind != "postgres" or not stream.cursor:
        cause = "only a table with a cursor has ranges of it"
        raise ConfigurationError(f"stream {name}", cause, "give slots, such as 2026-11-22T06:00:00Z, or --loads")
