"""How staged rows become visible: classified, merged, counted and told in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from blocks.sources.naming import literal, quote
from blocks.warehouses.base import Account, Accounts, Ready, StreamLoad, TellLoads, now
from blocks.warehouses.bronze_children import ancestors, follow_parent
from blocks.warehouses.bronze_deletes import hold, mark_deleted, same_key
from blocks.warehouses.bronze_tables import (
    KEYED_META,
    META,
    cursor_of,
    drop_staging,
    in_order,
    raw_row,
    rejects_table,
    staged_rows,
    these_loads,
)
from blocks.warehouses.dialect import EARLIEST, names
from governance.errors import HallmarkError
from governance.protection import Protection

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

Counts = Mapping[str, int]
"""Load id → rows."""


def publish(warehouse: SqlWarehouse, ready: Sequence[Ready], tell: TellLoads) -> list[Accounts]:
    """One transaction: rows, quarantine, ledger, cursor, gates, events."""
    read = [_read_counts(warehouse, r.load) for r in ready]
    above = [ancestors(warehouse, r.load) for r in ready]
    found: dict[int, Accounts] = {}
    first = ready[0].load
    with warehouse.publishing(first.source, [r.load.stream.name for r in ready], first.batch.run_id):
        # The records first, then the deepest child tables: those find their record through the tables above.
        for number in sorted(range(len(ready)), key=lambda n: (ready[n].load.parent is not None, -len(above[n]))):
            one = ready[number]
            found[number] = _publish_one(warehouse, one, read[number], above[number])
            warehouse.ledger.events(tell(one, found[number]))
    return [found[number] for number in range(len(ready))]


def _publish_one(warehouse: SqlWarehouse, ready: Ready, read: Mapping[str, int], above: Sequence[str]) -> Accounts:
    load, ledger, key = ready.load, warehouse.ledger, (ready.load.source, ready.load.stream.name)
    again: dict[str, int] = {}
    if load.stream.primary_key and ready.staged.columns:
        _classify(warehouse, ready)
        hold(warehouse, load, empty=any(m.empty for m in ready.manifests[-1:]))
        _merge(warehouse, load, [c.name for c in (*ready.staged.columns, *KEYED_META)])
    elif any(m.rereads for m in ready.manifests):
        again = _drop_known(warehouse, load)
    elif load.parent:
        again = follow_parent(warehouse, load, above)
    _quarantine(warehouse, load)
    published = _counted(warehouse, load, f"bronze__loads.{quote(load.table)}")
    deleted = mark_deleted(warehouse, load)  # a row that went since it was read is published, and then marked
    accounts = _accounts(warehouse, load, read, published, deleted, again)
    manifests = {m.load_id: m for m in ready.manifests}
    for load_id, account in accounts.items():
        if not account.balanced:
            raise HallmarkError(
                f"stream {'.'.join(key)}", f"the account of load {load_id} does not balance: {account}",
                "nothing was published; report this with the landed file",
            )  # fmt: skip
    ledger.published(accounts)
    for planned in load.planned:
        manifest = manifests.get(planned.load_id)
        if manifest and manifest.state:
            ledger.set_cursor(*key, manifest.state, planned.load_id)
        elif manifest and manifest.by_cursor:
            _move_cursor(warehouse, ready, planned.load_id, planned.upper)
    accounts |= ledger.duplicates(load)
    if load.replays:
        ledger.replayed(load)
    ledger.gates(load.batch, ready.checks, published=True)
    if ready.profile:
        ledger.profiles(load.batch, {f"bronze.{load.table}": ready.profile})
    ledger.set_status(*key, "published")
    if ready.staged.columns or any(account.published for account in accounts.values()):  # `{}` has no column
        ledger.set_stream_schema(*key, ready.staged.columns)
    return accounts


def show(warehouse: SqlWarehouse, load: StreamLoad, declared: Protection) -> None:
    """Let `bronze.x` show the published columns, and clear staging; mends what a kill after the commit left."""
    drop_staging(warehouse, load.table)
    schema = warehouse.ledger.stream_schema(load.source, load.stream.name)
    if schema is None:
        return
    keyed = bool(load.stream.primary_key)
    columns = [*schema, *(KEYED_META if keyed else META)]
    names_ = [c.name for c in columns]
    view = f"bronze.{quote(load.table)}"
    as_it_is = list(warehouse.columns("bronze", load.table)) == names_
    if as_it_is and warehouse.is_hidden(view, names_, declared):
        return
    cells = ", ".join(map(warehouse.dialect.shown, columns))
    where = "" if keyed else " WHERE _load_id IN (SELECT load_id FROM ops.loads WHERE status = 'published')"
    warehouse.execute(
        f"CREATE OR REPLACE VIEW {view}{warehouse.view_columns(names_, declared)} AS "
        f"SELECT {cells} FROM bronze__loads.{quote(load.table)}{where}"
    )


def _read_counts(warehouse: SqlWarehouse, load: StreamLoad) -> dict[str, int]:
    """load_id → rows that the reader gave: what is staged, and what was rejected before."""
    counts: dict[str, int] = {}
    tables = {"_load_id": staged_rows(load), "load_id": rejects_table(load)}
    for column, table in tables.items() if load.planned else ():
        sql = f"SELECT {column}, count(*) FROM {table} WHERE {column} IN {these_loads(load)} GROUP BY {column}"
        for load_id, rows in warehouse.execute(sql):
            counts[load_id] = counts.get(load_id, 0) + int(rows)
    return counts


def _classify(warehouse: SqlWarehouse, ready: Ready) -> None:
    """What becomes of the newest staged row of each key, beside bronze."""
    load = ready.load
    rows, physical = staged_rows(load), f"bronze__loads.{quote(load.table)}"
    column, older = cursor_of(load, ready.staged.columns), "1 = 0"
    cursor = quote(column.name) if column else ""
    if column:
        older = f"{in_order(f's.{cursor}', column.type)} < {in_order(f'b.{cursor}', column.type)}"
    read_now = [m.upper for m in ready.manifests[-1:] if m.by_cursor]  # not parts that are loaded again
    if read_now and (clock := _clock(warehouse, ready, read_now[0])):
        older += f" AND b.{cursor} <= {clock}"  # a date of the future that is put right
    warehouse.execute(f"UPDATE {rows} SET _outcome = 'published' WHERE _outcome IS NULL")
    unchanged = "b._row_hash = s._row_hash AND (b._deleted_at IS NULL) = (s._deleted_at IS NULL)"
    warehouse.execute(
        f"UPDATE {rows} AS s SET _outcome = CASE WHEN {unchanged} THEN 'unchanged' ELSE 'superseded' END "
        f"FROM {physical} AS b WHERE {same_key(load, 'b', 's')} AND s._outcome = 'published' "
        f"AND (({unchanged}) OR ({older}))"
    )


def _merge(warehouse: SqlWarehouse, load: StreamLoad, columns: Sequence[str]) -> None:
    """Put the new versions in."""
    rows, physical, same = staged_rows(load), f"bronze__loads.{quote(load.table)}", same_key(load, "b", "s")
    warehouse.execute(f"DELETE FROM {physical} AS b USING {rows} AS s WHERE {same} AND s._outcome = 'published'")
    listed = names(columns)
    warehouse.execute(
        f"INSERT INTO {physical} ({listed}) SELECT {listed} FROM {rows} AS s WHERE s._outcome = 'published'"
    )
    warehouse.execute(
        f"INSERT INTO {rejects_table(load)} "
        "SELECT _load_id, _source_position, 'superseded', 'a newer version of the same key is there', "
        f"{raw_row(warehouse, load)}, NULL, NULL FROM {rows} AS s WHERE s._outcome = 'superseded'"
    )


def _drop_known(warehouse: SqlWarehouse, load: StreamLoad) -> dict[str, int]:
    """A table without a key is read again, whole or by its lateness: of equal rows only the surplus is new.

    Takes the known ones out; load_id → how many.
    """
    physical, ids = f"bronze__loads.{quote(load.table)}", these_loads(load)
    known = (  # joined first, so that only rows are put in order of which there is another
        "SELECT k._load_id, k._source_position FROM (SELECT n._load_id, n._source_position, o.times, row_number() "
        f"OVER (PARTITION BY n._row_hash ORDER BY n._source_position) AS nth FROM {physical} AS n "
        f"JOIN (SELECT _row_hash, count(*) AS times FROM {physical} WHERE _load_id NOT IN {ids} GROUP BY _row_hash) "
        f"AS o ON o._row_hash = n._row_hash WHERE n._load_id IN {ids}) AS k WHERE k.nth <= k.times"
    )
    counts = dict(warehouse.execute(f"SELECT _load_id, count(*) FROM ({known}) AS k GROUP BY _load_id"))
    if counts:
        warehouse.execute(f"DELETE FROM {physical} WHERE (_load_id, _source_position) IN ({known})")
    return counts


def _quarantine(warehouse: SqlWarehouse, load: StreamLoad) -> None:
    if load.planned:
        warehouse.execute(
            "INSERT INTO ops.quarantine (id, load_id, source, stream, layer, position, reason_code, reason, raw, "
            "byte_from, byte_to, quarantined_at, attempts) "
            "SELECT md5(load_id || '|' || position || '|' || reason_code), load_id, ?, ?, 'bronze', position, "
            f"reason_code, reason, raw, byte_from, byte_to, ?, 1 FROM {rejects_table(load)}",
            (load.source, load.stream.name, now()),
        )


def _counted(warehouse: SqlWarehouse, load: StreamLoad, table: str, column: str = "_load_id", also: str = "") -> Counts:
    sql = f"SELECT {column}, count(*) FROM {table} WHERE {column} IN {these_loads(load)}{also} GROUP BY {column}"
    return {load_id: int(rows) for load_id, rows in warehouse.execute(sql)} if load.planned else {}


def _accounts(
    warehouse: SqlWarehouse, load: StreamLoad, read: Counts, published: Counts, deleted: Counts, again: Counts
) -> dict[str, Account]:
    """load_id → its account. Each number counted where it is: in bronze, in staging, in the quarantine."""
    if not load.planned:
        return {}
    keyed = bool(load.stream.primary_key)
    unchanged = _counted(warehouse, load, staged_rows(load), also=" AND _outcome = 'unchanged'") if keyed else again
    quarantined = _counted(warehouse, load, "ops.quarantine", "load_id")
    return {
        i: Account(read.get(i, 0), published.get(i, 0), unchanged.get(i, 0), quarantined.get(i, 0), deleted.get(i, 0))
        for i in (p.load_id for p in load.planned)
    }


def _clock(warehouse: SqlWarehouse, ready: Ready, upper: str | None) -> str | None:
    """SQL of the database's own clock as the cursor has it; None where the cursor is no time, or nobody asked."""
    column = cursor_of(ready.load, ready.staged.columns)
    if upper is None or column is None or not (column.type == "DATE" or column.type.startswith("TIMESTAMP")):
        return None
    return f"CAST({literal(upper)} AS {warehouse.dialect.type(column.type)})"


def _move_cursor(warehouse: SqlWarehouse, ready: Ready, load_id: str, upper: str | None) -> None:
    """To the newest value read that is not beyond the database's own clock, and never backwards."""
    load, column = ready.load, cursor_of(ready.load, ready.staged.columns)
    if column is None:
        return
    name, type_ = column.name, column.type
    kind, key = warehouse.dialect.type(type_), (load.source, load.stream.name)
    bound = ""
    if clock := _clock(warehouse, ready, upper):  # Postgres knows infinite ones
        bound = f" AND {quote(name)} BETWEEN CAST({literal(EARLIEST)} AS {kind}) AND {clock}"
    newest = warehouse.execute(
        f"SELECT {quote(name)} FROM {staged_rows(load)} WHERE _load_id = ? AND {quote(name)} IS NOT NULL{bound} "
        f"ORDER BY {in_order(quote(name), type_)} DESC LIMIT 1",
        (load_id,),
    )
    if not newest:
        return
    old = warehouse.execute("SELECT value FROM ops.cursors WHERE source = ? AND stream = ?", key)
    text = str(newest[0][0])
    if old:
        later, earlier = (in_order(f"CAST({literal(value)} AS {kind})", type_) for value in (text, old[0][0]))
        if not warehouse.execute(f"SELECT {later} > {earlier}")[0][0]:
            return
    warehouse.ledger.set_cursor(*key, text, load_id)
