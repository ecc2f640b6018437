"""The tables that a stream has in bronze and in staging: their names, their columns, and how they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec
from blocks.sources.naming import bronze_names, quote
from blocks.sources.tables import RAW_LIMIT
from blocks.warehouses.base import StreamLoad

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

META = (
    ColumnSpec("_load_id", "VARCHAR"), ColumnSpec("_source_position", "VARCHAR"),
    ColumnSpec("_extracted_at", "TIMESTAMP WITH TIME ZONE"), ColumnSpec("_row_hash", "VARCHAR"),
)  # fmt: skip
KEYED_META = (*META, ColumnSpec("_deleted_at", "TIMESTAMP WITH TIME ZONE"))
PART = "$shard"
"""In the names of the tables of a part of a stream, after that of its table."""
OUTCOME = ColumnSpec("_outcome", "VARCHAR")
LOADS = (ColumnSpec("load_id", "VARCHAR"), ColumnSpec("place", "BIGINT"))


def staged_rows(load: StreamLoad) -> str:
    """The table of a stream's staged rows: of a keyed one with what becomes of each, else where they will stay."""
    if load.stream.primary_key:
        return f"bronze__staging.{quote(load.table + '$rows')}"
    return f"bronze__loads.{quote(load.table)}"


def rejects_table(load: StreamLoad) -> str:
    """The table of what is kept back of a stream's load. No stream can have a dollar sign in its name."""
    return f"bronze__staging.{quote(load.table + '$rejects')}"


def keys_table(load: StreamLoad) -> str:
    """The table of the keys that the source has now, where deletes are found by key."""
    return f"bronze__staging.{quote(load.table + '$keys')}"


def loads_table(load: StreamLoad) -> str:
    """The table of the loads that are staged, which may be as many as there are files."""
    return f"bronze__staging.{quote(load.table + '$loads')}"


def these_loads(load: StreamLoad) -> str:
    """The right side of IN for the loads that are staged."""
    return f"(SELECT load_id FROM {loads_table(load)})"


def create(warehouse: SqlWarehouse, table: str, columns: Sequence[ColumnSpec]) -> None:
    """Make a table of these columns."""
    cells = ", ".join(f"{quote(c.name)} {warehouse.dialect.type(c.type)}" for c in columns)
    warehouse.execute(f"CREATE {warehouse.dialect.table} {table} ({cells})")


def note(warehouse: SqlWarehouse, table: str, columns: Sequence[ColumnSpec], rows: Sequence[Sequence[object]]) -> None:
    """Make a table of what would be too long to stand in a statement."""
    create(warehouse, table, columns)
    warehouse.insert(table, [c.name for c in columns], rows)


def meta_of(load: StreamLoad) -> Sequence[ColumnSpec]:
    """The columns that a stream's rows have beside those of the source."""
    return KEYED_META if load.stream.primary_key else META


def drop_staging(warehouse: SqlWarehouse, table: str, but_parts: bool = False) -> None:
    """Remove what a stream has in staging; `but_parts`: not what its parts loaded."""
    warehouse.execute(f"DROP VIEW IF EXISTS bronze__staging.{quote(table)}")
    for name in warehouse.tables("bronze__staging"):
        if name.startswith(f"{table}$") and not (but_parts and name.startswith(f"{table}{PART}")):
            warehouse.execute(f"DROP TABLE bronze__staging.{quote(name)}")


def cursor_of(load: StreamLoad, columns: Sequence[ColumnSpec]) -> ColumnSpec | None:
    """Which of these columns is the stream's cursor; None where it has none."""
    asked = bronze_names([load.stream.cursor]) if load.stream.cursor else []
    return next((c for c in columns if [c.name] == asked), None)


def in_order(value: str, type_: str) -> str:
    """SQL that sorts as a cursor grows: text by the number that it is, where it is one, since "9" is before "10"."""
    if type_ != "VARCHAR":
        return value
    number = f"TRY_CAST({value} AS DECIMAL(37, 9)) + CAST('{10**27}' AS DECIMAL(38, 9))"  # never below zero
    return f"coalesce(lpad(CAST({number} AS VARCHAR), 40, '0'), {value})"


def raw_row(warehouse: SqlWarehouse, load: StreamLoad) -> str:
    """SQL of a staged row as JSON, of the source's own columns, cut to what the quarantine keeps."""
    # The table that keeps a keyed stream's rows may have columns that this load does not.
    keyed = bool(load.stream.primary_key)
    schema, table = ("bronze__staging", f"{load.table}$rows") if keyed else ("bronze__loads", load.table)
    not_its_own = {c.name for c in (*KEYED_META, OUTCOME)}
    own = (c for c in warehouse.columns(schema, table) if c not in not_its_own)
    return f"left({warehouse.dialect.row_json(own)}, {RAW_LIMIT})"
