"""How rows get beside bronze, for the gate: the shape decided, the rows staged, the unreadable set apart.

`bronze__loads.x` holds the rows, `bronze.x` is a view that shows the published ones, `bronze__staging.x` is what
the gate looks at. Publishing is in `bronze_publish.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec, Manifest, Reject
from blocks.sources.extracts import Extract
from blocks.sources.naming import bronze_names, literal, quote, row_hash
from blocks.sources.tables import RAW_LIMIT
from blocks.warehouses.base import Staged, StreamLoad, now
from blocks.warehouses.bronze_tables import (
    LOADS,
    META,
    OUTCOME,
    create,
    cursor_of,
    drop_staging,
    in_order,
    keys_table,
    loads_table,
    meta_of,
    note,
    raw_row,
    rejects_table,
    staged_rows,
    these_loads,
)
from blocks.warehouses.dialect import DuckDB, names
from blocks.warehouses.schema import Shape, evolve
from governance.errors import RejectedError, SourceError

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

REJECTS = (
    *(ColumnSpec(name, "VARCHAR") for name in ("load_id", "position", "reason_code", "reason", "raw")),
    ColumnSpec("byte_from", "BIGINT"), ColumnSpec("byte_to", "BIGINT"),
)  # fmt: skip
UNEXPECTED = (*META[:2], ColumnSpec("raw", "VARCHAR"))
SHARE_FROM_ROWS = 100
_FALSE = "('', '0', 'f', 'false', 'n', 'no')"


def stage(warehouse: SqlWarehouse, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest]) -> Staged:
    """Fill staging; raises SourceError for a shape that the stream's policy does not take."""
    spec, where = load.stream, f"stream {load.source}.{load.stream.name}"
    shape = shape_of(warehouse, load, extract, manifests, where)
    _make_room(warehouse, load, shape)
    keys = bronze_names(spec.primary_key) if shape.columns else []  # a file without a byte has no column
    rows = staged_rows(load)
    if not spec.primary_key:  # what a killed or failed load left
        unpublished = "SELECT load_id FROM ops.loads WHERE source = ? AND stream = ? AND status <> 'published'"
        warehouse.execute(f"DELETE FROM {rows} WHERE _load_id IN ({unpublished})", (load.source, spec.name))
    drop_staging(warehouse, load.table, but_parts=bool(extract.tables))
    _note_loads(warehouse, load)
    columns = (*shape.columns, *meta_of(load))
    shown = names(c.name for c in columns)
    if spec.primary_key:
        create(warehouse, rows, (*columns, OUTCOME))
    fill(warehouse, load, shape, extract, rows, columns, where)
    only = "_outcome IS NULL" if spec.primary_key else f"_load_id IN {these_loads(load)}"
    view = f"bronze__staging.{quote(load.table)}"
    warehouse.execute(f"CREATE VIEW {view} AS SELECT {shown} FROM {rows} WHERE {only}")
    read = dict.fromkeys((m.load_id for m in manifests), 0)
    counted_rows = f"SELECT _load_id, count(*) FROM {rows} WHERE _load_id IN {these_loads(load)} GROUP BY _load_id"
    read |= dict(warehouse.execute(counted_rows))
    unexpected = _unexpected(warehouse, load, shape, extract, manifests)
    rejects = extract.rejects(warehouse.engine)
    for reject in rejects:
        read[reject.load_id] += 1
    write_rejects(warehouse, rejects_table(load), rejects)
    counted = len(rejects)
    for column in keys:
        why = f"the key {column} is empty"
        counted += _reject_rows(warehouse, load, rows, f"{quote(column)} IS NULL", "null_key", why)
    if unexpected:
        why = f"column {', '.join(shape.extra)} is not in the frozen schema"
        counted += _reject_unexpected(warehouse, load, rows, unexpected, why)
    if keys:
        _pass_over_older(warehouse, load, rows, shape)
    if extract.keys_sql:
        of_keys = [c for c in shape.columns if c.name in keys]
        create(warehouse, keys_table(load), of_keys)
        warehouse.fill(keys_table(load), of_keys, extract.keys_sql)
    total = sum(read.values())
    if total >= SHARE_FROM_ROWS and counted > spec.max_quarantine_share * total:
        raise RejectedError(
            where, f"{counted} of {total} rows would go to quarantine, more than max_quarantine_share",
            "correct encoding, delimiter or schema of the stream in sources.yml",
        )  # fmt: skip
    return Staged({i: int(n) for i, n in read.items()}, counted, shape.columns, shape.added, shape.changes)


def fill(
    warehouse: SqlWarehouse, load: StreamLoad, shape: Shape, extract: Extract, rows: str, columns: Sequence[ColumnSpec],
    where: str,
) -> None:  # fmt: skip
    """Put the rows of an extract into a table that has these columns, all as of one time: which is newer, they say."""
    at = now()
    for select in extract.selects:
        _read(warehouse, rows, columns, _select(load, shape, extract, select, at), where)
    for table, have in extract.tables.items():
        others = names(name for name in have if name != "_extracted_at")
        warehouse.execute(f"INSERT INTO {rows} ({others}, _extracted_at) SELECT {others}, ? FROM {table}", (at,))


def _read(warehouse: SqlWarehouse, rows: str, columns: Sequence[ColumnSpec], select: str, where: str) -> None:
    """Run the reader's SELECT; what the engine cannot read at all is the source's fault, in its words."""
    import duckdb

    try:
        warehouse.fill(rows, columns, select)
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        cause = f"it cannot be read: {str(error).splitlines()[0][:300]}"
        raise SourceError(where, cause, "is one of its files broken, or its line ends mixed?") from None


def _note_loads(warehouse: SqlWarehouse, load: StreamLoad) -> None:
    """Which loads are staged, and their order: of files the newer one counts, of one time the later name."""
    placed = [p.load_id for p in sorted(load.planned, key=lambda p: p.mtime_ns or 0)]
    note(warehouse, loads_table(load), LOADS, [(load_id, place) for place, load_id in enumerate(placed)])


def _unexpected(
    warehouse: SqlWarehouse, load: StreamLoad, shape: Shape, extract: Extract, manifests: Sequence[Manifest]
) -> str:
    """The table of the staged rows with a column that is not in the frozen schema, whole; nothing if there is none.

    Where columns are optional, a row has those that are not NULL; else each row of a file has all of the file.
    """
    if not shape.extra or load.stream.schema_policy != "freeze":
        return ""
    if extract.optional:
        of_row = [_is_nested(c) if c in shape.parted else f"{quote(c)} IS NOT NULL" for c in shape.extra]
    else:
        have = {c.name: c.type for c in shape.columns}
        of_file = {m.load_id: {c.name for c in m.schema if have.get(c.name) != c.type} for m in manifests}
        of_row = [f"_load_id = {literal(i)}" for i, columns in of_file.items() if columns & set(shape.extra)]
    found = f"bronze__staging.{quote(load.table + '$unexpected')}"
    create(warehouse, found, UNEXPECTED)
    raw = f"left({DuckDB().row_json(c.name for c in extract.columns)}, {RAW_LIMIT}) AS raw"
    for select in extract.selects:
        whole = f"SELECT _load_id, _source_position, {raw} FROM ({select}) WHERE {' OR '.join(of_row)}"
        warehouse.fill(found, UNEXPECTED, whole)
    return found


def _is_nested(column: str) -> str:
    return f"json_type({quote(column)}) IN ('OBJECT', 'ARRAY')"


def _value(shape: Shape, column: ColumnSpec) -> str:
    """SQL of what a column of bronze takes. Of JSON that is parted: what is nested, or the text of the others."""
    source = shape.source_of[column.name]
    cell = quote(source)
    if source not in shape.parted:
        return cell
    if column.type == "JSON":
        return f"CASE WHEN {_is_nested(source)} THEN {cell} END"
    return (
        f"CASE json_type({cell}) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL "
        f"WHEN 'VARCHAR' THEN {cell} ->> '$' ELSE CAST({cell} AS VARCHAR) END"
    )


def _pass_over_older(warehouse: SqlWarehouse, load: StreamLoad, rows: str, shape: Shape) -> None:
    """Of several rows of one key only the newest goes on: the same again is unchanged, another version superseded."""
    names_of_keys = bronze_names(load.stream.primary_key)
    keys = ", ".join(f"s.{quote(k)}" for k in names_of_keys)
    twice = f"SELECT {names(names_of_keys)} FROM {rows} GROUP BY {names(names_of_keys)} HAVING count(*) > 1"
    same = " AND ".join(f"s.{quote(k)} = d.{quote(k)}" for k in names_of_keys)
    cursor = cursor_of(load, shape.columns)
    newest = f"{in_order(f's.{quote(cursor.name)}', cursor.type)} DESC NULLS LAST, " if cursor else ""
    number = warehouse.dialect.trailing_number("s._source_position")  # `path#9` stands before `path#10`
    window = f"OVER (PARTITION BY {keys} ORDER BY {newest}s._extracted_at DESC, p.place DESC, {number} DESC)"
    warehouse.execute(
        f"UPDATE {rows} AS r SET _outcome = CASE WHEN r._row_hash = c.winner THEN 'unchanged' ELSE 'superseded' END "
        f"FROM (SELECT s._load_id, s._source_position, row_number() {window} AS nth, "
        f"first_value(s._row_hash) {window} AS winner "
        f"FROM {rows} AS s JOIN {loads_table(load)} AS p ON s._load_id = p.load_id "
        f"JOIN ({twice}) AS d ON {same}) AS c "
        "WHERE c.nth > 1 AND r._load_id = c._load_id AND r._source_position = c._source_position"
    )


def shape_of(
    warehouse: SqlWarehouse, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest], where: str
) -> Shape:
    """The columns of bronze after this load. Raises SourceError for a shape that the stream's policy does not take."""
    known = warehouse.ledger.stream_schema(load.source, load.stream.name)
    policy, optional = load.stream.schema_policy, extract.optional
    for manifest in manifests:  # each load by itself: a column may be missing in one file only
        if manifest.schema:
            evolve(f"{where}, {manifest.parts[0].position}", known, manifest.schema, policy, optional=optional)
    if not extract.columns:
        return Shape(tuple(known or ()))
    return evolve(where, known, extract.columns, policy, optional=optional)


def _make_room(warehouse: SqlWarehouse, load: StreamLoad, shape: Shape) -> None:
    physical, type_of = f"bronze__loads.{quote(load.table)}", warehouse.dialect.type
    have = warehouse.columns("bronze__loads", load.table)
    meta = meta_of(load)
    if not have:
        create(warehouse, physical, (*shape.columns, *meta))
        return
    known = warehouse.ledger.stream_schema(load.source, load.stream.name) or ()
    published = {c.name for c in (*known, *meta)}
    for name, type_ in ((c.name, type_of(c.type)) for c in (*shape.columns, *meta)):
        if name in have and have[name] != type_ and name not in published:  # of a load that failed
            warehouse.execute(f"ALTER TABLE {physical} DROP COLUMN {quote(name)}")
        if name not in have or (have[name] != type_ and name not in published):
            warehouse.execute(f"ALTER TABLE {physical} ADD COLUMN {quote(name)} {type_}")
    for column in shape.widened:
        if have[column.name] != (wider := type_of(column.type)):
            warehouse.execute(f"ALTER TABLE {physical} ALTER COLUMN {quote(column.name)} SET DATA TYPE {wider}")


def _select(load: StreamLoad, shape: Shape, extract: Extract, select: str, at: datetime) -> str:
    """The extract's rows in the engine: bronze's columns in order, then those of the load."""
    types = {c.name: c.type for c in shape.columns}
    mapped = [ColumnSpec(name, types[name]) for name in shape.source_of]
    cells = [f"CAST({_value(shape, c)} AS {c.type}) AS {quote(c.name)}" for c in mapped]
    meta = ["_load_id", "_source_position", f"TIMESTAMPTZ {literal(at.isoformat())} AS _extracted_at"]
    hashed = [*mapped, *([ColumnSpec(extract.content, "VARCHAR")] if extract.content else [])]
    meta.append(f"{row_hash(hashed)} AS _row_hash" if hashed else "NULL AS _row_hash")
    if load.stream.primary_key:
        flag = load.stream.deleted_column
        truth = f"lower(CAST({quote(bronze_names([flag])[0])} AS VARCHAR))" if flag else "NULL"
        gone = f"CASE WHEN {truth} IS NOT NULL AND {truth} NOT IN {_FALSE} THEN _extracted_at END"
        meta.append(f"CAST({gone if flag else 'NULL'} AS TIMESTAMPTZ) AS _deleted_at")
    more = ["_load_id", "_source_position", *([extract.content] if extract.content else [])]
    absent = [c for c in shape.columns if c.name not in shape.source_of]  # of bronze, but not of these files
    cells += [f"CAST(NULL AS {c.type}) AS {quote(c.name)}" for c in absent]
    inner = f"SELECT {', '.join([*cells, *more])} FROM ({select})"
    return f"SELECT {', '.join([*(quote(c.name) for c in shape.columns), *meta])} FROM ({inner})"


def write_rejects(warehouse: SqlWarehouse, table: str, rejects: list[Reject]) -> None:
    """Make the table of what could not be read."""
    import pyarrow as pa

    create(warehouse, table, REJECTS)
    if not rejects:
        return
    types = {"VARCHAR": pa.string(), "BIGINT": pa.int64()}
    arrow = pa.table({c.name: pa.array([getattr(r, c.name) for r in rejects], types[c.type]) for c in REJECTS})
    warehouse.engine.register("incoming_rejects", arrow)
    warehouse.fill(table, REJECTS, "SELECT * FROM incoming_rejects")
    warehouse.engine.unregister("incoming_rejects")


def _reject_unexpected(warehouse: SqlWarehouse, load: StreamLoad, rows: str, found: str, reason: str) -> int:
    """Move the rows of this table to the rejects, with what bronze has no column for; how many."""
    same = "f._load_id = r._load_id AND f._source_position = r._source_position"
    both = f"FROM {found} AS f JOIN {rows} AS r ON {same}"
    [[moved]] = warehouse.execute(f"SELECT count(*) {both}")
    warehouse.execute(
        f"INSERT INTO {rejects_table(load)} SELECT f._load_id, f._source_position, 'unexpected_column', "
        f"{literal(reason)}, f.raw, NULL, NULL {both}"
    )
    places = names(c.name for c in META[:2])
    warehouse.execute(f"DELETE FROM {rows} WHERE ({places}) IN (SELECT {places} FROM {found})")
    return int(moved)


def _reject_rows(warehouse: SqlWarehouse, load: StreamLoad, rows: str, condition: str, code: str, reason: str) -> int:
    """Move staged rows to the rejects; how many."""
    where = f"_load_id IN {these_loads(load)} AND {condition}"
    found = int(warehouse.execute(f"SELECT count(*) FROM {rows} WHERE {where}")[0][0])
    if found:
        warehouse.execute(
            f"INSERT INTO {rejects_table(load)} "
            f"SELECT _load_id, _source_position, {literal(code)}, {literal(reason)}, {raw_row(warehouse, load)}, "
            f"NULL, NULL FROM {rows} WHERE {where}"
        )
        warehouse.execute(f"DELETE FROM {rows} WHERE {where}")
    return found
