"""How the rows of a table are cut into slices that several connections read: conditions that leave no row out.

A stream with a cursor of time goes on with its finished slices in a later snapshot, so those are ranges of the key: a
row that changes may move to another page, but it keeps its key. Where nothing is resumed they are ranges of pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from blocks.sources.naming import literal, quote
from blocks.sources.postgres.columns import TIMES, Column, quote_table
from blocks.sources.postgres.connection import Connection
from blocks.sources.spec import StreamSpec

EVERYTHING = ("",)
TID_RANGES = 140000
"""The server version that reads a range of pages without the rest (PostgreSQL 14)."""
_SAMPLED = 100
"""Keys looked at for each bound."""
_SIZE = """
WITH RECURSIVE r AS (
  SELECT to_regclass({table})::oid AS id UNION SELECT i.inhrelid FROM r JOIN pg_inherits i ON i.inhparent = r.id
)
SELECT bool_and(c.relkind IN ('r', 'p', 'm') AND coalesce(am.amname, 'heap') = 'heap'),
       coalesce(sum(pg_table_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')), 0)::int8,
       coalesce(max(pg_relation_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')), 0)::int8
         / current_setting('block_size')::int8,
       coalesce(bool_or(pg_relation_size(c.reltoastrelid) > 0) FILTER (WHERE c.reltoastrelid <> 0), false),
       greatest(sum(c.reltuples::float8), 0)::float8, current_setting('server_version_num')::int8
FROM r JOIN pg_class c ON c.oid = r.id LEFT JOIN pg_am am ON am.oid = c.relam
"""


@dataclass(frozen=True)
class Table:
    """What the catalog says of a table, with its partitions."""

    stored: bool
    """Whether all of it is in pages of this database; a view or a foreign table is not."""
    bytes: int
    pages: int
    """Of the largest partition."""
    long_values: bool
    """Whether a value may be longer than a page."""
    rows: float
    version: int


def look(connection: Connection, stream: StreamSpec) -> Table:
    """Ask the catalog."""
    [found] = connection.rows(_SIZE.format(table=literal(quote_table(stream.table or ""))))
    stored, size, pages, toasted, rows, version = found
    return Table(bool(stored), int(size), int(pages), bool(toasted or not stored), float(rows), int(version))


def slices(
    connection: Connection, stream: StreamSpec, columns: Sequence[Column], table: Table, where: str
) -> tuple[list[str], bool]:
    """(conditions that have each row once, whether they hold in a later snapshot too)."""
    count = math.ceil(table.bytes / connection.limits.slice_bytes)
    if not table.stored or count < 2 or (where and not _reads_all(connection, stream, where)):
        return [*EVERYTHING], False
    keys = [c for k in stream.primary_key for c in columns if c.source == k]
    # Of another kind of cursor nobody knows how far it was when a finished part was read.
    by_time = any(c.source == stream.cursor and c.source_type in TIMES for c in columns)
    if by_time and keys and all(k.not_null for k in keys):
        return _by_key(connection, stream, keys, table, count), True
    if table.version < TID_RANGES:
        return [*EVERYTHING], False
    step = max(1, table.pages // count)
    bounds = [f"'({page},0)'::tid" for page in range(step, max(table.pages, 1), step)]
    return _between("ctid", bounds), False


def _by_key(connection: Connection, stream: StreamSpec, keys: Sequence[Column], table: Table, count: int) -> list[str]:
    percent = min(100.0, 100.0 * _SAMPLED * count / table.rows) if table.rows > 0 else 100.0
    names = ", ".join(quote(k.source) for k in keys)
    texts = ", ".join(f"{quote(k.source)}::text AS k{n}" for n, k in enumerate(keys))
    shown = ", ".join(f"k{n}" for n in range(len(keys)))
    found = connection.rows(
        f"SELECT {shown} FROM (SELECT {texts}, row_number() OVER (ORDER BY {names}) AS nth, count(*) OVER () AS n "
        f"FROM {quote_table(stream.table or '')} TABLESAMPLE SYSTEM ({percent})) s "
        f"WHERE nth % greatest(1, n / {count}) = 0 ORDER BY nth"
    )
    rows = [zip(row, keys, strict=True) for row in dict.fromkeys(found)]
    cast = [", ".join(f"{literal(str(value))}::{key.declared}" for value, key in row) for row in rows]
    return _between(f"({names})", [f"({values})" for values in cast])


def _between(what: str, bounds: Sequence[str]) -> list[str]:
    """Below the first bound, between each two, from the last one on."""
    if not bounds:
        return [*EVERYTHING]
    inner = [f"{what} >= {a} AND {what} < {b}" for a, b in pairwise(bounds)]
    return [f"{what} < {bounds[0]}", *inner, f"{what} >= {bounds[-1]}"]


def _reads_all(connection: Connection, stream: StreamSpec, where: str) -> bool:
    """Whether the database would read the whole table for a condition: then slices of it cost nothing more."""
    sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {quote_table(stream.table or '')} WHERE {where}"
    [[plan]] = connection.rows(sql, copied=False)
    return all(node == "Seq Scan" for node in _scans(json.loads(plan)[0]["Plan"]))


def _scans(plan: dict[str, Any]) -> list[str]:
    below = [node for child in plan.get("Plans", ()) for node in _scans(child)]
    return below or [plan["Node Type"]]
