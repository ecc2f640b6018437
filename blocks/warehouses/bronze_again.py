"""What loading landed parts again must not undo in bronze, and what it takes the place of.

How rows are staged and published is in `bronze_stage.py` and `bronze_publish.py`; which loads are chosen, in the flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec, Planned
from blocks.sources.naming import bronze_names, quote
from blocks.warehouses.base import StreamLoad, now
from blocks.warehouses.bronze_tables import LOADS, in_order, note, staged_rows, these_loads
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

    @cached_property
    def _backfills(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for p in self.loads.values():
            if p.original:
                found.setdefault(p.original, []).append(p.load_id)
        return found

    @cached_property
    def _replayed(self) -> Mapping[str, set[str]]:
        """replay → the loads that its rows were of."""
        found: dict[str, set[str]] = {}
        for load_id, replay in self.replays:
            found.setdefault(replay, set()).add(load_id)
        return found

    @cached_property
    def _replays(self) -> Mapping[str, set[str]]:
        """root → the replays of its rows."""
        found: dict[str, set[str]] = {}
        for p in self.loads.values():
            for root in self.roots(p.load_id) if REPLAY in p.identity else ():
                found.setdefault(root, set()).add(p.load_id)
        return found

    def family(self, load_id: str) -> list[str]:
        """A load and the backfills of it: where its rows are."""
        return [load_id, *self._backfills.get(load_id, ())]

    def roots(self, load_id: str) -> set[str]:
        """The loads that the rows of a load first came by."""
        one = self.loads[load_id]
        if REPLAY in one.identity:
            above = self._replayed.get(load_id, set()) & self.loads.keys()
            return {root for x in above for root in self.roots(x)} or {load_id}
        return {one.original or load_id}

    def seq(self, load_id: str) -> int:
        """How new its rows are: the place of what they first came by."""
        return max(self.loads[root].seq for root in self.roots(load_id) if root in self.loads)

    def replays_of(self, load_ids: set[str]) -> set[str]:
        """Replays that read rows of these loads, or of their backfills and replays."""
        return {replay for load_id in load_ids for replay in self._replays.get(load_id, ())}


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
    note(warehouse, _noted(load, "places"), LOADS, list(places.items()))
    older = "1 = 1"
    if load.stream.cursor:
        [name] = bronze_names([load.stream.cursor])
        kind = warehouse.columns("bronze__loads", load.table)[name]
        older = f"coalesce({in_order(f's.{quote(name)}', kind)} <= {in_order(f'b.{quote(name)}', kind)}, TRUE)"
    equal = "b._row_hash = s._row_hash AND (b._deleted_at IS NULL) = (s._deleted_at IS NULL)"
    warehouse.execute(
        f"UPDATE {rows} AS r SET _outcome = 'superseded' FROM (SELECT s._load_id, s._source_position "
        f"FROM {rows} AS s JOIN {physical} AS b ON {same} "
        f"JOIN {_noted(load, 'places')} AS n ON n.load_id = s._load_id "
        f"JOIN {_noted(load, 'places')} AS o ON o.load_id = b._load_id "
        "WHERE s._outcome IS NULL AND (o.place > n.place OR (b._deleted_at IS NOT NULL AND s._deleted_at IS NULL)) "
        f"AND {older} AND NOT ({equal})) AS c "
        "WHERE r._load_id = c._load_id AND r._source_position = c._source_position"
    )


def note_replaced(warehouse: SqlWarehouse, load: StreamLoad, again: Mapping[str, tuple[str, str]]) -> None:
    """Before the publish: which loads, and which of the child tables, these loads take the place of.

    `again`: load id → (its identity, identity of the load that loads it again).
    """
    rows = [("", old, Planned(new).load_id) for old, (_, new) in again.items()]
    for child in children(warehouse, load):
        rows += [(child, child_id(load, child, old), child_id(load, child, new)) for old, new in again.values()]
    columns = [ColumnSpec(name, "VARCHAR") for name in ("child", "old_id", "new_id")]
    note(warehouse, _noted(load, "replaced"), columns, rows)


def note_unread(warehouse: SqlWarehouse, load: StreamLoad) -> None:
    """Before the publish of what is read again and again: which rows of these loads were not found this time.

    Publishing takes the equal ones for unchanged, so that they stay where they are.
    """
    physical, ids = f"bronze__loads.{quote(load.table)}", these_loads(load)
    warehouse.execute(
        f"CREATE TABLE {_noted(load, 'unread')} AS SELECT n._load_id, n._source_position FROM (SELECT _load_id, "
        "_source_position, _row_hash, row_number() OVER (PARTITION BY _row_hash ORDER BY _load_id, _source_position) "
        f"AS nth FROM {physical} WHERE _load_id IN {_replaced(load)}) AS n LEFT JOIN (SELECT _row_hash, count(*) AS "
        f"times FROM {physical} WHERE _load_id IN {ids} GROUP BY _row_hash) AS o ON o._row_hash = n._row_hash "
        "WHERE n.nth > coalesce(o.times, 0)"
    )


def take_place(warehouse: SqlWarehouse, load: StreamLoad, *, unread_only: bool = False) -> None:
    """In the transaction of the publish of an append-only stream: the rows of the replaced loads leave bronze.

    Their accounts stay. What was built from the rows must be built in full, whoever
    builds next: an incremental model does not see that a row is gone.
    """
    physical = f"bronze__loads.{quote(load.table)}"
    if unread_only:
        found = f"(SELECT _load_id, _source_position FROM {_noted(load, 'unread')})"
        warehouse.execute(f"DELETE FROM {physical} WHERE (_load_id, _source_position) IN {found}")
    else:
        warehouse.execute(f"DELETE FROM {physical} WHERE _load_id IN {_replaced(load)}")
        for child in children(warehouse, load):
            rows = f"bronze__loads.{quote(f'{load.table}__{child}')}"
            warehouse.execute(f"DELETE FROM {rows} WHERE _load_id IN {_replaced(load, child)}")
    for table in ("ops.publishes", "ops.kept"):
        warehouse.execute(f"UPDATE {table} SET fingerprint = ''")


def settle_quarantine(warehouse: SqlWarehouse, load: StreamLoad) -> None:
    """In that transaction: what the replaced loads kept back was read again; it is in bronze or in quarantine anew.

    Rules that refused a row are noted.
    """
    warehouse.execute(
        "UPDATE ops.quarantine AS q SET replayed_at = ?, replay_load_id = n.new_id FROM "
        f"{_noted(load, 'replaced')} AS n WHERE q.load_id = n.old_id AND q.layer = 'bronze' AND q.replayed_at IS NULL",
        (now(),),
    )
    ids = these_loads(load)
    warehouse.execute(f"UPDATE ops.quarantine SET tried_rules = ? WHERE load_id IN {ids}", (load.rules,))


def children(warehouse: SqlWarehouse, load: StreamLoad) -> list[str]:
    """Names of the child tables that bronze has of a stream."""
    prefix = f"{load.table}__"
    return [t.removeprefix(prefix) for t in warehouse.tables("bronze__loads") if t.startswith(prefix)]


def child_id(load: StreamLoad, child: str, identity: str) -> str:
    """Load id of a child table's load, by the identity of the load of its records."""
    name = f"{load.source}.{load.stream.name}"
    return Planned(identity.replace(name, f"{name}__{child}", 1)).load_id


def _noted(load: StreamLoad, what: str) -> str:
    """A table in staging, which goes with the others."""
    return f"bronze__staging.{quote(f'{load.table}${what}')}"


def _replaced(load: StreamLoad, child: str = "") -> str:
    return f"(SELECT old_id FROM {_noted(load, 'replaced')} WHERE child = '{child}')"
