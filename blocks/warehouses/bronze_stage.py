"""How rows get beside bronze on DuckDB, for the gate: the shape decided, the rows staged, the unreadable set apart.

`bronze__loads.x` holds the rows, `bronze.x` is a view that shows the published ones, `bronze__staging.x` is what
the gate looks at. Publishing is in `bronze_publish.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec, Extract, Manifest, Reject
from blocks.sources.naming import bronze_names, literal, quote, row_hash
from blocks.sources.tables import RAW_LIMIT
from blocks.warehouses.base import Staged, StreamLoad
from blocks.warehouses.ledger import now
from blocks.warehouses.schema import Shape, evolve
from governance.errors import SourceError

if TYPE_CHECKING:
    from blocks.warehouses.duckdb import DuckDBWarehouse

META = {
    "_load_id": "VARCHAR", "_source_position": "VARCHAR", "_extracted_at": "TIMESTAMP WITH TIME ZONE",
    "_row_hash": "VARCHAR",
}  # fmt: skip
KEYED_META = {**META, "_deleted_at": "TIMESTAMP WITH TIME ZONE"}
SHARE_FROM_ROWS = 100
_FALSE = "('', '0', 'f', 'false', 'n', 'no')"


def stage(warehouse: DuckDBWarehouse, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest]) -> Staged:
    """Fill staging; raises SourceError for a shape that the stream's policy does not take."""
    spec, where = load.stream, f"stream {load.source}.{load.stream.name}"
    staging, physical = f"bronze__staging.{quote(load.table)}", f"bronze__loads.{quote(load.table)}"
    shape = _shape(warehouse, load, extract, manifests, where)
    _make_room(warehouse, load, shape, physical)
    keys = bronze_names(spec.primary_key) if shape.columns else []  # a file without a byte has no column
    ids = ", ".join(literal(m.load_id) for m in manifests)
    if not spec.primary_key:  # what a killed or failed load left
        unpublished = "SELECT load_id FROM ops.loads WHERE source = ? AND stream = ? AND status <> 'published'"
        warehouse.execute(f"DELETE FROM {physical} WHERE _load_id IN ({unpublished})", (load.source, spec.name))
    drop_staging(warehouse, load.table)
    select = _select(load, shape, extract)
    rows = staged_rows(load)
    _read(warehouse, load, rows, select, where)
    if spec.primary_key:
        warehouse.execute(f"CREATE VIEW {staging} AS SELECT * EXCLUDE (_outcome) FROM {rows} WHERE _outcome IS NULL")
    else:
        warehouse.execute(f"CREATE VIEW {staging} AS SELECT * FROM {rows} WHERE _load_id IN ({ids})")
    rejects = extract.rejects(warehouse.connection)
    read = {m.load_id: 0 for m in manifests}
    read |= dict(warehouse.execute(f"SELECT _load_id, count(*) FROM {rows} WHERE _load_id IN ({ids}) GROUP BY 1"))
    for reject in rejects:
        read[reject.load_id] += 1
    _write_rejects(warehouse, load, rejects)
    for column in keys:
        _reject_rows(warehouse, load, rows, f"{quote(column)} IS NULL", "null_key", f"the key {column} is empty")
    if shape.extra and spec.schema_policy == "freeze":
        frozen = [m.load_id for m in manifests if {c.name for c in m.schema} & set(shape.extra)]
        among = ", ".join(literal(i) for i in frozen)
        reason = f"column {', '.join(shape.extra)} is not in the frozen schema"
        _reject_rows(warehouse, load, rows, f"_load_id IN ({among})", "unexpected_column", reason)
    if keys:
        _pass_over_older(warehouse, load, rows)
    if extract.keys_sql:
        warehouse.execute(f"CREATE TABLE {keys_table(load)} AS {extract.keys_sql}")
    counted = warehouse.execute(f"SELECT count(*) FROM {rejects_table(load)}")[0][0]
    total = sum(read.values())
    if total >= SHARE_FROM_ROWS and counted > spec.max_quarantine_share * total:
        raise SourceError(
            where, f"{counted} of {total} rows would go to quarantine, more than max_quarantine_share",
            "correct encoding, delimiter or schema of the stream in sources.yml",
        )  # fmt: skip
    return Staged(read, int(counted), shape.columns, shape.added, shape.changes)


def _read(warehouse: DuckDBWarehouse, load: StreamLoad, rows: str, select: str, where: str) -> None:
    """Run the reader's SELECT; what the engine cannot read at all is the source's fault, in its words."""
    import duckdb

    try:
        if load.stream.primary_key:
            warehouse.execute(f"CREATE TABLE {rows} AS SELECT *, NULL::VARCHAR AS _outcome FROM ({select})")
        else:
            warehouse.execute(f"INSERT INTO {rows} BY NAME {select}")
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        cause = f"it cannot be read: {str(error).splitlines()[0][:300]}"
        raise SourceError(where, cause, "is one of its files broken, or its line ends mixed?") from None


def staged_rows(load: StreamLoad) -> str:
    """The table of a stream's staged rows: of a keyed one with what becomes of each, else where they will stay."""
    if load.stream.primary_key:
        return f"bronze__staging.{quote(load.table + '.rows')}"
    return f"bronze__loads.{quote(load.table)}"


def rejects_table(load: StreamLoad) -> str:
    """The table of what is kept back of a stream's load. No stream can have a dot in its name."""
    return f"bronze__staging.{quote(load.table + '.rejects')}"


def keys_table(load: StreamLoad) -> str:
    """The table of the keys that the source has now, where deletes are found by key."""
    return f"bronze__staging.{quote(load.table + '.keys')}"


def order_by_newest(load: StreamLoad) -> str:
    """SQL that puts the newest of several rows of one key first."""
    cursor = bronze_names([load.stream.cursor])[0] if load.stream.cursor else None
    newest = f"{quote(cursor)} DESC NULLS LAST, " if cursor else ""
    number = "TRY_CAST(regexp_extract(_source_position, '[0-9]+$') AS BIGINT)"  # `path#9` stands before `path#10`
    return f"{newest}_extracted_at DESC, _place DESC, {number} DESC"


def _pass_over_older(warehouse: DuckDBWarehouse, load: StreamLoad, rows: str) -> None:
    """Of several rows of one key only the newest goes on: the same again is unchanged, another version superseded."""
    keys = ", ".join(map(quote, bronze_names(load.stream.primary_key)))
    # Loads of one run are extracted at one time: of files the newer one counts, of one time the later name.
    placed = [p.load_id for p in sorted(load.planned, key=lambda p: p.mtime_ns or 0)]
    places = "(SELECT unnest(?::VARCHAR[]) AS _load_id, unnest(range(?)) AS _place)"
    warehouse.execute(
        f"UPDATE {rows} SET _outcome = CASE WHEN {rows}._row_hash = c.winner THEN 'unchanged' ELSE 'superseded' END "
        "FROM (SELECT _load_id, _source_position, row_number() OVER w AS rank, first_value(_row_hash) OVER w AS winner "
        f"FROM {rows} JOIN {places} USING (_load_id) "
        f"WINDOW w AS (PARTITION BY {keys} ORDER BY {order_by_newest(load)})) c "
        f"WHERE c.rank > 1 AND {rows}._load_id = c._load_id AND {rows}._source_position = c._source_position",
        (placed, len(placed)),
    )


def _shape(
    warehouse: DuckDBWarehouse, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest], where: str
) -> Shape:
    known = warehouse.ledger.stream_schema(load.source, load.stream.name)
    policy, optional = load.stream.schema_policy, extract.optional
    for manifest in manifests:  # each load by itself: a column may be missing in one file only
        if manifest.schema:
            evolve(f"{where}, {manifest.parts[0].position}", known, manifest.schema, policy, optional=optional)
    if not extract.columns:
        return Shape(tuple(known or ()))
    return evolve(where, known, extract.columns, policy, optional=optional)


def _make_room(warehouse: DuckDBWarehouse, load: StreamLoad, shape: Shape, physical: str) -> None:
    have = warehouse.columns("bronze__loads", load.table)
    meta = KEYED_META if load.stream.primary_key else META
    wanted = {c.name: c.type for c in shape.columns} | meta
    if not have:
        cells = ", ".join(f"{quote(n)} {t}" for n, t in wanted.items())
        warehouse.execute(f"CREATE TABLE {physical} ({cells})")
    published = {c.name for c in warehouse.ledger.stream_schema(load.source, load.stream.name) or ()} | set(meta)
    for name, type_ in wanted.items() if have else ():
        if name in have and have[name] != type_ and name not in published:  # of a load that failed
            warehouse.execute(f"ALTER TABLE {physical} DROP COLUMN {quote(name)}")
        if name not in have or (have[name] != type_ and name not in published):
            warehouse.execute(f"ALTER TABLE {physical} ADD COLUMN {quote(name)} {type_}")
    for column in shape.widened:
        warehouse.execute(f"ALTER TABLE {physical} ALTER COLUMN {quote(column.name)} TYPE {column.type}")


def _select(load: StreamLoad, shape: Shape, extract: Extract) -> str:
    types = {c.name: c.type for c in shape.columns}
    mapped = [ColumnSpec(name, types[name]) for name in shape.source_of]
    cells = [f"CAST({quote(shape.source_of[c.name])} AS {c.type}) AS {quote(c.name)}" for c in mapped]
    meta = ["_load_id", "_source_position", f"TIMESTAMPTZ {literal(now().isoformat())} AS _extracted_at"]
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
    inner = f"SELECT {', '.join([*cells, *more])} FROM ({extract.sql})"
    return f"SELECT {', '.join([*(quote(c.name) for c in (*mapped, *absent)), *meta])} FROM ({inner})"


def raw_row(warehouse: DuckDBWarehouse, load: StreamLoad) -> str:
    """SQL of a staged row as JSON, of the source's own columns, cut to what the quarantine keeps."""
    own = [c for c in warehouse.columns("bronze__loads", load.table) if c not in KEYED_META]
    cells = ", ".join(f"{literal(c)}: {quote(c)}" for c in own)
    return f"left(CAST(to_json({{{cells}}}) AS VARCHAR), {RAW_LIMIT})"


def drop_staging(warehouse: DuckDBWarehouse, table: str) -> None:
    """Remove what a stream has in staging."""
    for name in (table, f"{table}.rows", f"{table}.rejects", f"{table}.keys"):
        for kind in ("VIEW", "TABLE"):
            found = warehouse.execute(
                f"SELECT 1 FROM duckdb_{kind.lower()}s() "
                f"WHERE schema_name = 'bronze__staging' AND {kind.lower()}_name = ?",
                (name,),
            )
            if found:
                warehouse.execute(f"DROP {kind} bronze__staging.{quote(name)}")


def _write_rejects(warehouse: DuckDBWarehouse, load: StreamLoad, rejects: list[Reject]) -> None:
    import pyarrow as pa

    names = ["load_id", "position", "reason_code", "reason", "raw"]
    fields = [pa.field(n, pa.string()) for n in names] + [pa.field(n, pa.int64()) for n in ("byte_from", "byte_to")]
    arrow = pa.table({f.name: pa.array([getattr(r, f.name) for r in rejects], f.type) for f in fields})
    warehouse.connection.register("incoming_rejects", arrow)
    warehouse.execute(f"CREATE TABLE {rejects_table(load)} AS SELECT * FROM incoming_rejects")
    warehouse.connection.unregister("incoming_rejects")


def _reject_rows(
    warehouse: DuckDBWarehouse, load: StreamLoad, rows: str, condition: str, code: str, reason: str
) -> None:
    """Move staged rows to the rejects."""
    among = f"_load_id IN (SELECT unnest(?::VARCHAR[])) AND {condition}"
    ids = ([p.load_id for p in load.planned],)
    warehouse.execute(
        f"INSERT INTO {rejects_table(load)} "
        f"SELECT _load_id, _source_position, {literal(code)}, {literal(reason)}, {raw_row(warehouse, load)}, "
        f"NULL, NULL FROM {rows} r WHERE {among}",
        ids,
    )
    warehouse.execute(f"DELETE FROM {rows} r WHERE {among}", ids)
