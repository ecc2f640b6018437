"""Rows that are gone at the source: how many may be, and how they are marked and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blocks.sources.naming import bronze_names, quote
from blocks.warehouses.base import StreamLoad, now
from blocks.warehouses.bronze_tables import keys_table, staged_rows
from governance.errors import HeldError

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse


def hold(warehouse: SqlWarehouse, load: StreamLoad, *, empty: bool) -> None:
    """Raise HeldError for a load that would delete too much, or found a table empty, and that nobody has confirmed."""
    stream, physical = load.stream, f"bronze__loads.{quote(load.table)}"
    if stream.deletes == "none" or not load.planned:
        return
    [[live]] = warehouse.execute(f"SELECT count(*) FROM {physical} WHERE _deleted_at IS NULL")
    if stream.deletes == "column":
        gone = (
            f"SELECT count(*) FROM {physical} AS b JOIN {staged_rows(load)} AS s ON {same_key(load, 'b', 's')} "
            "WHERE b._deleted_at IS NULL AND s._outcome = 'published' AND s._deleted_at IS NOT NULL"
        )
    else:
        # Where its keys were not read, nobody knows of any.
        gone = f"SELECT count(*) FROM {physical} AS b WHERE {_is_gone(load) if _has_keys(warehouse, load) else '1 = 0'}"
    [[missing]] = warehouse.execute(gone)
    why = f"{missing} of {live} rows are gone from the source, more than max_delete_share"
    if empty and live:
        why = f"the source has no row, and bronze has {live}"
    elif missing <= stream.max_delete_share * live:
        return
    if not warehouse.ledger.confirmed(load.planned[-1].load_id):
        name = f"{load.source}.{stream.name}"
        remedy = f"mend the source, or confirm it: `hallmark stream accept {name}`; then run again"
        raise HeldError(f"stream {name}", why, remedy)


def mark_deleted(warehouse: SqlWarehouse, load: StreamLoad) -> dict[str, int]:
    """Mark rows whose key the source no longer has, and unmark those whose key it has again; load id → how many went.

    A row that comes back as it was, behind the cursor, is not read again: bronze still has it.
    """
    if load.stream.deletes != "keys" or not load.planned or not _has_keys(warehouse, load):
        return {}
    physical, newest = f"bronze__loads.{quote(load.table)}", load.planned[-1].load_id
    found = {}
    marks = {
        "deleted": (now(), _is_gone(load)),
        "returned": (None, f"b._deleted_at IS NOT NULL AND {_is_there(load)}"),
    }
    for mark, (at, which) in marks.items():
        [[rows]] = warehouse.execute(f"SELECT count(*) FROM {physical} AS b WHERE {which}")
        found[mark] = int(rows)
        # The row is this load's from now on, so that incremental models see it; the hash keeps its position unique.
        if rows:
            warehouse.execute(
                f"UPDATE {physical} AS b SET _deleted_at = ?, _load_id = ?, _source_position = ? || b._row_hash "
                f"WHERE {which}",
                (at, newest, f"{load.stream.table or load.stream.path}#{mark}-"),
            )
    return {newest: found["deleted"]}


def _is_gone(load: StreamLoad) -> str:
    """SQL: of a live row `b` the source no longer has the key."""
    return f"b._deleted_at IS NULL AND NOT {_is_there(load)}"


def _is_there(load: StreamLoad) -> str:
    """SQL: the source has the key of a row `b` now."""
    return f"EXISTS (SELECT 1 FROM {keys_table(load)} AS k WHERE {same_key(load, 'k', 'b')})"


def _has_keys(warehouse: SqlWarehouse, load: StreamLoad) -> bool:
    return f"{load.table}$keys" in warehouse.tables("bronze__staging")


def same_key(load: StreamLoad, a: str, b: str) -> str:
    """SQL: rows of these two have the same key."""
    return " AND ".join(f"{a}.{quote(k)} = {b}.{quote(k)}" for k in bronze_names(load.stream.primary_key))
