"""Child tables: their rows go where the record goes that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blocks.sources.naming import quote
from blocks.warehouses.base import StreamLoad
from blocks.warehouses.bronze_tables import raw_row, rejects_table, staged_rows, these_loads

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse


def ancestors(warehouse: SqlWarehouse, load: StreamLoad) -> list[str]:
    """The tables above a child table, from its own parent up to the records; none while it has no row."""
    above: list[str] = []
    while load.parent and (not above or above[-1] != load.parent.table):
        found = warehouse.execute(
            "SELECT l.source || '__' || l.stream FROM ops.loads l WHERE l.load_id = "
            f"(SELECT _parent_load_id FROM bronze__loads.{quote(above[-1] if above else load.table)} LIMIT 1)"
        )
        if not found:
            return []
        above.append(found[0][0])
    return above


def follow_parent(warehouse: SqlWarehouse, load: StreamLoad, above: Sequence[str]) -> dict[str, int]:
    """After the records were merged: rows of an unchanged record go, those of a record kept back go to quarantine.

    The rows of a record that a newer one replaced go with it. Deeper tables come first: they find their record
    through the tables above. Gives load id → rows that were unchanged.
    """
    if not above or load.parent is None:
        return {}
    rows, keyed = f"bronze__loads.{quote(load.table)}", bool(load.parent.stream.primary_key)
    mine = f"c._load_id IN {these_loads(load)}"
    alive = _of_record(above, f"bronze__loads.{quote(above[-1])}")
    counted: dict[str, int] = {}
    if keyed:
        unchanged = _of_record(above, staged_rows(load.parent), " AND {}._outcome = 'unchanged'")
        warehouse.execute(f"DELETE FROM {rows} AS c WHERE NOT {mine} AND NOT {alive}")
        found = f"SELECT c._load_id, count(*) FROM {rows} AS c WHERE {mine} AND {unchanged} GROUP BY c._load_id"
        counted = {load_id: int(number) for load_id, number in warehouse.execute(found)}
        warehouse.execute(f"DELETE FROM {rows} AS c WHERE {mine} AND {unchanged}")
    warehouse.execute(
        f"INSERT INTO {rejects_table(load)} "
        "SELECT _load_id, _source_position, 'parent_kept_back', 'the record that it belongs to was not published', "
        f"{raw_row(warehouse, load)}, NULL, NULL FROM {rows} AS c WHERE {mine} AND NOT {alive}"
    )
    warehouse.execute(f"DELETE FROM {rows} AS c WHERE {mine} AND NOT {alive}")
    return counted


def _of_record(above: Sequence[str], records: str, also: str = "") -> str:
    """SQL that is true for a row `c` whose record, found through the tables above, is in `records`.

    `also` is a condition on the record, with a place for its name.
    """
    tables = [*(f"bronze__loads.{quote(t)}" for t in above[:-1]), records]
    rows = [f"p{number}" for number in range(len(tables))]
    steps = (
        f"EXISTS (SELECT 1 FROM {table} AS {own} WHERE {own}._load_id = {child}._parent_load_id "
        f"AND {own}._source_position = {child}._parent_id"
        for table, own, child in zip(tables, rows, ["c", *rows], strict=False)
    )
    return " AND ".join(steps) + also.format(rows[-1]) + ")" * len(tables)
