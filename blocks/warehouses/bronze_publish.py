"""How staged rows become visible on DuckDB: classified, merged, counted and told in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from blocks.sources.naming import bronze_names, literal, quote
from blocks.warehouses.base import Account, Accounts, Ready, StreamLoad, TellLoads
from blocks.warehouses.bronze_children import ancestors, follow_parent
from blocks.warehouses.bronze_stage import (
    KEYED_META,
    META,
    drop_staging,
    keys_table,
    raw_row,
    rejects_table,
    staged_rows,
)
from blocks.warehouses.ledger import now
from governance.errors import HallmarkError, SourceError

if TYPE_CHECKING:
    from blocks.warehouses.duckdb import DuckDBWarehouse


def publish(warehouse: DuckDBWarehouse, ready: Sequence[Ready], tell: TellLoads) -> list[Accounts]:
    """One transaction: rows, quarantine, ledger, cursor, gates, events."""
    read = [_read_counts(warehouse, r.load) for r in ready]
    above = [ancestors(warehouse, r.load) for r in ready]
    found: dict[int, Accounts] = {}
    with warehouse.transaction():
        # The records first, then the deepest child tables: those find their record through the tables above.
        for number in sorted(range(len(ready)), key=lambda n: (ready[n].load.parent is not None, -len(above[n]))):
            one = ready[number]
            warehouse.ledger.lock_stream(one.load.source, one.load.stream.name)
            found[number] = _publish_one(warehouse, one, read[number], above[number])
            warehouse.ledger.events(tell(one, found[number]))
    return [found[number] for number in range(len(ready))]


def _publish_one(warehouse: DuckDBWarehouse, ready: Ready, read: Mapping[str, int], above: Sequence[str]) -> Accounts:
    load, ledger, key = ready.load, warehouse.ledger, (ready.load.source, ready.load.stream.name)
    deleted: dict[str, int] = {}
    again: dict[str, int] = {}
    if load.stream.primary_key and ready.staged.columns:
        _merge(warehouse, load)
        deleted = _mark_deleted(warehouse, load)
    elif any(m.rereads for m in ready.manifests):
        again = _drop_known(warehouse, load)
    elif load.parent:
        again = follow_parent(warehouse, load, above)
    _quarantine(warehouse, load)
    accounts = {p.load_id: _account(warehouse, load, p.load_id, read, deleted, again) for p in load.planned}
    manifests = {m.load_id: m for m in ready.manifests}
    for planned in load.planned:
        account = accounts[planned.load_id]
        if not account.balanced:
            raise HallmarkError(
                f"stream {'.'.join(key)}", f"the account of load {planned.load_id} does not balance: {account}",
                "nothing was published; report this with the landed file",
            )  # fmt: skip
        ledger.published(planned.load_id, account)
        manifest = manifests.get(planned.load_id)
        if manifest and manifest.state:
            ledger.set_cursor(*key, manifest.state, planned.load_id)
        elif manifest and manifest.by_cursor:
            _move_cursor(warehouse, load, planned.load_id, planned.upper)
    for planned in load.duplicates:
        known = warehouse.execute("SELECT rows_read FROM ops.loads WHERE identity = ?", (planned.identity,))
        rows = int(known[0][0]) if known else 0
        ledger.duplicate(load, planned, rows)
        accounts[f"{planned.load_id}@{planned.path}"] = Account(read=rows, unchanged=rows)
    if load.replays:
        ledger.replayed(load)
    ledger.gates(load.batch, ready.checks, published=True)
    ledger.set_stream_status(*key, "published")
    if ready.staged.columns:
        ledger.set_stream_schema(*key, ready.staged.columns)
    return accounts


def show(warehouse: DuckDBWarehouse, load: StreamLoad) -> None:
    """Let `bronze.x` show the published columns, and clear staging; mends what a kill after the commit left."""
    drop_staging(warehouse, load.table)
    schema = warehouse.ledger.stream_schema(load.source, load.stream.name)
    if schema is None:
        return
    keyed = bool(load.stream.primary_key)
    names = [c.name for c in schema] + list(KEYED_META if keyed else META)
    if list(warehouse.columns("bronze", load.table)) == names:
        return
    cells = ", ".join(map(quote, names))
    where = "" if keyed else " WHERE _load_id IN (SELECT load_id FROM ops.loads WHERE status = 'published')"
    warehouse.execute(
        f"CREATE OR REPLACE VIEW bronze.{quote(load.table)} AS "
        f"SELECT {cells} FROM bronze__loads.{quote(load.table)}{where}"
    )


def _read_counts(warehouse: DuckDBWarehouse, load: StreamLoad) -> dict[str, int]:
    """load_id → rows that the reader gave: what is staged, and what was rejected before."""
    counts: dict[str, int] = {}
    ids = [p.load_id for p in load.planned]
    tables = {"_load_id": staged_rows(load), "load_id": rejects_table(load)}
    for column, table in tables.items() if ids else ():
        sql = f"SELECT {column}, count(*) FROM {table} WHERE {column} IN (SELECT unnest(?::VARCHAR[])) GROUP BY 1"
        for load_id, rows in warehouse.execute(sql, (ids,)):
            counts[load_id] = counts.get(load_id, 0) + rows
    return counts


def _merge(warehouse: DuckDBWarehouse, load: StreamLoad) -> None:
    """Classify the newest staged row of each key against bronze; put the new versions in."""
    rows, physical = staged_rows(load), f"bronze__loads.{quote(load.table)}"
    same = " AND ".join(f"b.{quote(k)} = s.{quote(k)}" for k in bronze_names(load.stream.primary_key))
    cursor = quote(bronze_names([load.stream.cursor])[0]) if load.stream.cursor else None
    older = f"s.{cursor} < b.{cursor}" if cursor else "false"
    warehouse.execute(
        f"UPDATE {rows} SET _outcome = c.outcome FROM ("
        "  SELECT s._load_id, s._source_position, CASE WHEN b._row_hash = s._row_hash "
        "    AND (b._deleted_at IS NULL) = (s._deleted_at IS NULL) THEN 'unchanged' "
        f"   WHEN {older} THEN 'superseded' ELSE 'published' END AS outcome "
        f" FROM {rows} s LEFT JOIN {physical} b ON {same} WHERE s._outcome IS NULL) c "
        f"WHERE {rows}._load_id = c._load_id AND {rows}._source_position = c._source_position"
    )
    warehouse.execute(f"DELETE FROM {physical} b USING {rows} s WHERE {same} AND s._outcome = 'published'")
    warehouse.execute(
        f"INSERT INTO {physical} BY NAME SELECT * EXCLUDE (_outcome) FROM {rows} WHERE _outcome = 'published'"
    )
    warehouse.execute(
        f"INSERT INTO {rejects_table(load)} "
        "SELECT _load_id, _source_position, 'superseded', 'a newer version of the same key is there', "
        f"{raw_row(warehouse, load)}, NULL, NULL "
        f"FROM {rows} s WHERE _outcome = 'superseded'"
    )


def _drop_known(warehouse: DuckDBWarehouse, load: StreamLoad) -> dict[str, int]:
    """A table without a key is read again, whole or by its lateness: of equal rows only the surplus is new.

    Takes the known ones out; load_id → how many.
    """
    physical, ids = f"bronze__loads.{quote(load.table)}", [p.load_id for p in load.planned]
    known = (
        "SELECT n._load_id, n._source_position FROM (SELECT *, row_number() OVER (PARTITION BY _row_hash) AS nth "
        f"FROM {physical} WHERE _load_id IN (SELECT unnest($1::VARCHAR[]))) n "
        f"JOIN (SELECT _row_hash, count(*) AS times FROM {physical} "
        "WHERE _load_id NOT IN (SELECT unnest($1::VARCHAR[])) GROUP BY 1) o USING (_row_hash) WHERE n.nth <= o.times"
    )
    counts = dict(warehouse.execute(f"SELECT _load_id, count(*) FROM ({known}) GROUP BY 1", (ids,)))
    warehouse.execute(f"DELETE FROM {physical} WHERE (_load_id, _source_position) IN ({known})", (ids,))
    return counts


def _mark_deleted(warehouse: DuckDBWarehouse, load: StreamLoad) -> dict[str, int]:
    """Mark rows whose key the source no longer has; raises SourceError above `max_delete_share`."""
    there = load.stream.deletes == "keys" and warehouse.columns("bronze__staging", f"{load.table}.keys")
    if not load.planned or not there:
        return {}
    physical = f"bronze__loads.{quote(load.table)}"
    newest = load.planned[-1].load_id
    same = " AND ".join(f"k.{quote(k)} = b.{quote(k)}" for k in bronze_names(load.stream.primary_key))
    gone = f"b._deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM {keys_table(load)} k WHERE {same})"
    live, missing = warehouse.execute(
        f"SELECT count(*) FILTER (_deleted_at IS NULL), count(*) FILTER ({gone}) FROM {physical} b"
    )[0]
    if missing > load.stream.max_delete_share * live:
        raise SourceError(
            f"stream {load.source}.{load.stream.name}",
            f"{missing} of {live} rows are gone from the source, more than max_delete_share",
            "check the source; to accept it, raise max_delete_share for one run",
        )
    # The row is this load's from now on, so that incremental models see it; the hash keeps its position unique in it.
    warehouse.execute(
        f"UPDATE {physical} b SET _deleted_at = ?, _load_id = ?, _source_position = ? || _row_hash WHERE {gone}",
        (now(), newest, f"{load.stream.table or load.stream.path}#deleted-"),
    )
    return {newest: int(missing)}


def _quarantine(warehouse: DuckDBWarehouse, load: StreamLoad) -> None:
    if load.planned:
        warehouse.execute(
            "INSERT INTO ops.quarantine (id, load_id, source, stream, layer, position, reason_code, reason, raw, "
            "byte_from, byte_to, quarantined_at, attempts) "
            "SELECT md5(load_id || '|' || position || '|' || reason_code), load_id, ?, ?, 'bronze', position, "
            "reason_code, reason, raw, byte_from, byte_to, ?, 1 "
            f"FROM {rejects_table(load)}",
            (load.source, load.stream.name, now()),
        )


def _account(
    warehouse: DuckDBWarehouse,
    load: StreamLoad,
    load_id: str,
    read: Mapping[str, int],
    deleted: Mapping[str, int],
    again: Mapping[str, int],
) -> Account:
    """Each number counted where it is: in bronze, in staging, in the quarantine."""
    keyed = bool(load.stream.primary_key)
    live = " AND _deleted_at IS NULL" if deleted.get(load_id) else ""
    published = f"SELECT count(*) FROM bronze__loads.{quote(load.table)} WHERE _load_id = ?{live}"
    unchanged = f"SELECT count(*) FROM {staged_rows(load)} WHERE _load_id = ? AND _outcome = 'unchanged'"
    account = Account(
        read=read.get(load_id, 0),
        published=int(warehouse.execute(published, (load_id,))[0][0]),
        unchanged=int(warehouse.execute(unchanged, (load_id,))[0][0]) if keyed else again.get(load_id, 0),
        quarantined=int(warehouse.execute("SELECT count(*) FROM ops.quarantine WHERE load_id = ?", (load_id,))[0][0]),
    )
    return replace(account, deleted=deleted.get(load_id, 0))


def _move_cursor(warehouse: DuckDBWarehouse, load: StreamLoad, load_id: str, upper: str | None) -> None:
    """To the newest value read that is not beyond the database's own clock, and never backwards."""
    if not load.stream.cursor:
        return
    cursor = quote(bronze_names([load.stream.cursor])[0])
    kind = warehouse.columns("bronze__loads", load.table)[bronze_names([load.stream.cursor])[0]]
    timed = kind == "DATE" or kind.startswith("TIMESTAMP")
    bound = f" AND isfinite({cursor}) AND {cursor} <= CAST({literal(upper)} AS {kind})" if upper and timed else ""
    rows = warehouse.execute(
        f"SELECT CAST(max({cursor}) AS VARCHAR) FROM {staged_rows(load)} WHERE _load_id = ?{bound}", (load_id,)
    )
    old = warehouse.execute(
        "SELECT value FROM ops.cursors WHERE source = ? AND stream = ?", (load.source, load.stream.name)
    )
    value = rows[0][0]
    if value is not None and (
        not old or warehouse.execute(f"SELECT CAST(? AS {kind}) > CAST(? AS {kind})", (value, old[0][0]))[0][0]
    ):
        warehouse.ledger.set_cursor(load.source, load.stream.name, value, load_id)
