"""What loading landed parts again must not undo in bronze, and what it takes the place of.

How rows are staged and published is in `bronze_stage.py` and `bronze_publish.py`; which loads are chosen, in the flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.sources.base import Planned
from blocks.sources.naming import bronze_names, literal, quote
from blocks.warehouses.base import StreamLoad, now
from blocks.warehouses.bronze_stage import staged_rows
from blocks.warehouses.dialect import among
from blocks.warehouses.ledger_loads import BACKFILL, REPLAY

if TYPE_CHECKING:
    from datetime import datetime

    from blocks.warehouses.sql import SqlWarehouse


@dataclass(frozen=True)
class Published:
    """A published load of a stream."""

    load_id: str
    identity: str
    slot: datetime
    run_id: str
    seq: int
    mtime_ns: int
    rows: int
    bytes: int

    @property
    def original(self) -> str:
        """The load that a backfill loaded again; empty for any other, and for a range of a table."""
        found = self.identity.partition(BACKFILL)[2]
        return "" if ".." in found else found.rpartition(":")[0]

    @property
    def by_itself(self) -> bool:
        """Whether it is a replay or a backfill."""
        return REPLAY in self.identity or BACKFILL in self.identity


@dataclass(frozen=True)
class History:
    """The published loads of a stream, by id in their order, and which quarantined rows went from where to where."""

    loads: Mapping[str, Published]
    replays: Sequence[tuple[str, str]]
    """(load that a quarantined row is of, replay that read it again)."""

    def family(self, load_id: str) -> list[str]:
        """A load and the backfills of it: where its rows are."""
        return [load_id, *(p.load_id for p in self.loads.values() if p.original == load_id)]

    def roots(self, load_id: str) -> set[str]:
        """The loads that the rows of a load first came by."""
        one = self.loads[load_id]
        if REPLAY in one.identity:
            above = {x for x, replay in self.replays if replay == load_id and x in self.loads}
            return {root for x in above for root in self.roots(x)} or {load_id}
        return {one.original or load_id}

    def seq(self, load_id: str) -> int:
        """How new its rows are: the place of what they first came by."""
        return max(self.loads[root].seq for root in self.roots(load_id) if root in self.loads)

    def replays_of(self, load_ids: set[str]) -> set[str]:
        """Replays that read rows of these loads, or of their backfills and replays."""
        return {p.load_id for p in self.loads.values() if REPLAY in p.identity and self.roots(p.load_id) & load_ids}


def history(warehouse: SqlWarehouse, source: str, stream: str) -> History:
    """What was published of a stream; the order is that in which bronze took the rows."""
    rows = warehouse.execute(
        "SELECT load_id, identity, slot, run_id, publish_seq, mtime_ns, rows_read, bytes FROM ops.loads "
        "WHERE source = ? AND stream = ? AND status = 'published' ORDER BY publish_seq",
        (source, stream),
    )
    loads = [Published(i, name, slot, run, *(int(n or 0) for n in numbers)) for i, name, slot, run, *numbers in rows]
    first: dict[str, int] = {}
    for p in loads:
        first.setdefault(p.run_id, p.seq)
    # Of the files of one run the newer one counts, as in `bronze_stage.py`.
    loads.sort(key=lambda p: (first[p.run_id], p.mtime_ns, p.seq))
    replays = warehouse.execute(
        "SELECT DISTINCT load_id, replay_load_id FROM ops.quarantine "
        "WHERE source = ? AND stream = ? AND layer = 'bronze' AND replay_load_id IS NOT NULL",
        (source, stream),
    )
    known = {p.load_id: p for p in loads}
    return History(known, [(x, r) for x, r in replays if r in known and REPLAY in known[r].identity])


def keep_newer(warehouse: SqlWarehouse, load: StreamLoad, found: History, seqs: Mapping[str, int]) -> None:
    """Before the publish of a keyed stream: a row that bronze has from a newer load, or as deleted, stays.

    `seqs`: new load → the place of the load that it loads again. Only a newer cursor goes before.
    """
    rows, physical = staged_rows(load), f"bronze__loads.{quote(load.table)}"
    same = " AND ".join(f"b.{quote(k)} = s.{quote(k)}" for k in bronze_names(load.stream.primary_key))
    places = {p.load_id: found.seq(p.load_id) for p in found.loads.values()} | dict(seqs)
    values = ", ".join(f"({literal(i)}, {n})" for i, n in places.items())
    older = "1 = 1"
    if load.stream.cursor:
        cursor = quote(bronze_names([load.stream.cursor])[0])
        older = f"coalesce(s.{cursor} <= b.{cursor}, TRUE)"
    equal = "b._row_hash = s._row_hash AND (b._deleted_at IS NULL) = (s._deleted_at IS NULL)"
    warehouse.execute(
        f"UPDATE {rows} AS r SET _outcome = 'superseded' FROM (SELECT s._load_id, s._source_position "
        f"FROM {rows} AS s JOIN {physical} AS b ON {same} "
        f"JOIN (SELECT * FROM (VALUES {values}) AS v (load_id, place)) AS n ON n.load_id = s._load_id "
        f"JOIN (SELECT * FROM (VALUES {values}) AS v (load_id, place)) AS o ON o.load_id = b._load_id "
        "WHERE s._outcome IS NULL AND (o.place > n.place OR (b._deleted_at IS NOT NULL AND s._deleted_at IS NULL)) "
        f"AND {older} AND NOT ({equal})) AS c "
        "WHERE r._load_id = c._load_id AND r._source_position = c._source_position"
    )


def note_unread(warehouse: SqlWarehouse, load: StreamLoad, replaced: Sequence[str]) -> None:
    """Before the publish of what is read again and again: which rows of these loads were not found this time.

    Publishing takes the equal ones for unchanged, so that they stay where they are.
    """
    physical, ids = f"bronze__loads.{quote(load.table)}", among([p.load_id for p in load.planned])
    warehouse.execute(
        f"CREATE OR REPLACE TABLE {_unread(load)} AS SELECT n._load_id, n._source_position FROM (SELECT _load_id, "
        "_source_position, _row_hash, row_number() OVER (PARTITION BY _row_hash ORDER BY _load_id, _source_position) "
        f"AS nth FROM {physical} WHERE _load_id IN {among(replaced)}) AS n LEFT JOIN (SELECT _row_hash, count(*) AS "
        f"times FROM {physical} WHERE _load_id IN {ids} GROUP BY _row_hash) AS o ON o._row_hash = n._row_hash "
        "WHERE n.nth > coalesce(o.times, 0)"
    )


def forget_unread(warehouse: SqlWarehouse, load: StreamLoad) -> None:
    """After the publish."""
    warehouse.execute(f"DROP TABLE IF EXISTS {_unread(load)}")


def take_place(
    warehouse: SqlWarehouse, load: StreamLoad, replaced: Mapping[str, str], *, unread_only: bool = False
) -> None:
    """In the transaction of the publish of an append-only stream: the rows of the replaced loads leave bronze.

    `replaced`: load id → identity. Their accounts stay. What was built from the rows must be built in full, whoever
    builds next: an incremental model does not see that a row is gone.
    """
    physical = f"bronze__loads.{quote(load.table)}"
    if unread_only:
        found = f"(SELECT _load_id, _source_position FROM {_unread(load)})"
        warehouse.execute(f"DELETE FROM {physical} WHERE (_load_id, _source_position) IN {found}")
    else:
        warehouse.execute(f"DELETE FROM {physical} WHERE _load_id IN {among(list(replaced))}")
        for child in children(warehouse, load):
            ids = among([child_id(load, child, identity) for identity in replaced.values()])
            warehouse.execute(f"DELETE FROM bronze__loads.{quote(f'{load.table}__{child}')} WHERE _load_id IN {ids}")
    for table in ("ops.publishes", "ops.kept"):
        warehouse.execute(f"UPDATE {table} SET fingerprint = ''")


def settle_quarantine(warehouse: SqlWarehouse, load: StreamLoad, again: Mapping[str, tuple[str, str]]) -> None:
    """In that transaction: what these loads kept back was read again; it is in bronze or in quarantine anew.

    `again`: load id → (its identity, identity of the load that loads it again). Rules that refused a row are noted.
    """
    pairs = {old: Planned(new).load_id for old, (_, new) in again.items()}
    for child in children(warehouse, load):
        pairs |= {child_id(load, child, old): child_id(load, child, new) for old, new in again.values()}
    values = ", ".join(f"({literal(old)}, {literal(new)})" for old, new in pairs.items())
    warehouse.execute(
        "UPDATE ops.quarantine AS q SET replayed_at = ?, replay_load_id = n.new_id FROM "
        f"(SELECT * FROM (VALUES {values}) AS v (old_id, new_id)) AS n "
        "WHERE q.load_id = n.old_id AND q.layer = 'bronze' AND q.replayed_at IS NULL",
        (now(),),
    )
    ids = among([p.load_id for p in load.planned])
    warehouse.execute(f"UPDATE ops.quarantine SET tried_rules = ? WHERE load_id IN {ids}", (load.rules,))


def children(warehouse: SqlWarehouse, load: StreamLoad) -> list[str]:
    """Names of the child tables that bronze has of a stream."""
    prefix = f"{load.table}__"
    return [t.removeprefix(prefix) for t in warehouse.tables("bronze__loads") if t.startswith(prefix)]


def child_id(load: StreamLoad, child: str, identity: str) -> str:
    """Load id of a child table's load, by the identity of the load of its records."""
    name = f"{load.source}.{load.stream.name}"
    return Planned(identity.replace(name, f"{name}__{child}", 1)).load_id


def _unread(load: StreamLoad) -> str:
    return f"bronze__staging.{quote(load.table + '$unread')}"
