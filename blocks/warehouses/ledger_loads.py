"""The loads and the quarantine of the ledger: what was planned, landed, published, kept back and read again.

A load never costs a statement of its own: their number grows with the streams. Of many loads a statement takes as many
as it can hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blocks.sources.base import ColumnSpec, Planned, Since, content_of
from blocks.warehouses.base import Account, StreamLoad, now
from blocks.warehouses.dialect import among, portions
from governance.errors import LockedError

REPLAY = ":replay:"
"""In the identity of a load that reads quarantined rows again; only a replay resumes it."""
BACKFILL = ":backfill:"
"""In the identity of a load that reads landed parts again; only a backfill resumes it."""
CONFIRM = "load.confirm"
"""The action of a person who lets a load be published that was held; its target is the load."""
Execute = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
Insert = Callable[[str, Sequence[str], Sequence[Sequence[object]]], None]
_PLANNED = (
    "load_id", "run_id", "attempt", "slot", "source", "stream", "identity", "lower", "upper", "path", "size",
    "mtime_ns", "started_at", "status", "bytes",
)  # fmt: skip
_DUPLICATE = (
    "load_id", "run_id", "attempt", "slot", "source", "stream", "identity", "rows_read", "rows_published",
    "rows_unchanged", "rows_quarantined", "rows_deleted", "bytes", "started_at", "finished_at", "status", "path",
    "size", "mtime_ns",
)  # fmt: skip
_BY_ITSELF = (REPLAY, BACKFILL)


class Loads:
    """ops.loads and ops.quarantine over one connection."""

    def __init__(self, execute: Execute, insert: Insert) -> None:
        self.execute, self.insert = execute, insert

    def stream_schema(self, source: str, stream: str) -> list[ColumnSpec] | None:
        """The columns that bronze holds of a stream, or None before its first load."""
        rows = self.execute('SELECT "schema" FROM ops.streams WHERE source = ? AND stream = ?', (source, stream))
        return [ColumnSpec(**c) for c in json.loads(rows[0][0])] if rows and rows[0][0] else None

    def since(self, source: str, stream: str) -> Since:
        """What is in bronze of a stream, and what a killed run left."""
        key = (source, stream)
        cursor = self.execute("SELECT value FROM ops.cursors WHERE source = ? AND stream = ?", key)
        rows = self.execute(
            "SELECT identity, status, rows_read, path, size, mtime_ns, lower, upper FROM ops.loads "
            "WHERE source = ? AND stream = ? ORDER BY started_at",
            key,
        )
        files, seen, contents, unfinished = {}, {}, {}, []
        for identity, status, read, path, size, mtime, lower, upper in rows:
            if status in ("published", "duplicate"):
                if path:
                    files[path] = (size, mtime)
                    contents[path] = content_of(identity)
                if status == "published":
                    seen[identity] = int(read or 0)
            elif status in ("planned", "landed") and not any(mark in identity for mark in _BY_ITSELF):
                unfinished.append(Planned(identity, lower, upper, path, size, mtime, landed=status == "landed"))
        columns = tuple(c.name for c in self.stream_schema(*key) or ())
        return Since(cursor[0][0] if cursor else None, files, seen, unfinished, contents, columns)

    def plan(self, load: StreamLoad) -> None:
        """Write the loads as planned, before the first byte is read; one that is there already is used again."""
        mine = {p.load_id: p for p in load.planned}
        batch, key = load.batch, (load.source, load.stream.name)
        found = "SELECT load_id, identity, status, bytes FROM ops.loads WHERE source = ? AND stream = ?"
        known = self.execute(f"{found} AND status IN ('planned', 'landed', 'held')", key)
        for ids in portions(mine):
            over = f"AND status NOT IN ('planned', 'landed', 'held') AND load_id IN {among(ids)}"
            known += self.execute(f"{found} {over}", key)
        there = {load_id: (status, size) for load_id, _, status, size in known if load_id in mine}
        gone = [i for i, identity, _, _ in known if i not in mine and not any(m in identity for m in _BY_ITSELF)]
        if gone and not any(mark in p.identity for p in load.planned for mark in _BY_ITSELF):
            self.fail(gone, "superseded: the source was read anew before it was published")
        for ids in portions(there):
            these = f"load_id IN {among(ids)}"
            self.execute(f"DELETE FROM ops.loads WHERE {these} AND status <> 'published'", ())
            if self.execute(f"SELECT 1 FROM ops.loads WHERE {these} LIMIT 1", ()):
                raise LockedError(f"stream {'.'.join(key)}", "another run published it meanwhile", "run again")
        rows = []
        for load_id, p in mine.items():
            landed = there.get(load_id, ("", None))[0] == "landed"
            rows.append((
                load_id, batch.run_id, batch.attempt, batch.slot, *key, p.identity, p.lower, p.upper, p.path, p.size,
                p.mtime_ns, now(), "landed" if landed else "planned", there[load_id][1] if landed else None,
            ))  # fmt: skip
        if rows:
            self.insert("ops.loads", _PLANNED, rows)

    def landed(self, sizes: Mapping[str, int]) -> None:
        """The parts and the manifests of these loads are in the landing zone; load id → bytes."""
        for some in portions(sizes.items()):
            self.execute(
                "UPDATE ops.loads AS l SET status = 'landed', bytes = n.size "
                f"FROM (SELECT * FROM (VALUES {marks(len(some), 2)}) AS v (load_id, size)) AS n "
                "WHERE l.load_id = n.load_id",
                [value for pair in some for value in pair],
            )

    def fail(self, load_ids: Sequence[str], error: str) -> None:
        """The loads cannot be published as they are; a later run tries them again while their source has them."""
        self._close(load_ids, "status = 'failed', ", error)

    def hold(self, load_ids: Sequence[str], error: str) -> None:
        """The loads wait for a person; unless one confirms them, the next run reads the source anew."""
        self._close(load_ids, "status = 'held', ", error)

    def confirm(self, source: str, stream: str, actor: str, reason: str) -> list[str]:
        """Let the next run publish what is held of a stream; why it was held."""
        key = (source, stream)
        sql = "SELECT load_id, error FROM ops.loads WHERE source = ? AND stream = ? AND status = 'held'"
        held = self.execute(sql, key)
        for load_id, error in held:
            why = " ".join(filter(None, [f"{source}.{stream}: {error}", reason]))
            self.execute("INSERT INTO ops.actions VALUES (?, ?, ?, ?, ?, NULL)", (now(), actor, CONFIRM, load_id, why))
        self.execute("UPDATE ops.loads SET status = 'landed' WHERE source = ? AND stream = ? AND status = 'held'", key)
        return [str(error) for _, error in held]

    def confirmed(self, load_id: str) -> bool:
        """Whether a person said that the load is to be published as it is."""
        sql = "SELECT 1 FROM ops.actions WHERE action = ? AND target = ? LIMIT 1"
        return bool(self.execute(sql, (CONFIRM, load_id)))

    def interrupt(self, load_ids: Sequence[str], error: str) -> None:
        """The loads were stopped by something outside of them; the next run goes on with what is landed."""
        self._close(load_ids, "", error)

    def _close(self, load_ids: Sequence[str], also: str, error: str) -> None:
        for ids in portions(load_ids):
            self.execute(
                f"UPDATE ops.loads SET {also}error = ?, finished_at = ? WHERE load_id IN {among(ids)} "
                "AND status <> 'published'",
                (error[:2000], now()),
            )

    def published(self, accounts: Mapping[str, Account]) -> None:
        """Close loads, in this order; `publish_seq` gives the incremental models theirs.

        Who calls it holds the lock of the stream, so that nobody takes the same number.
        """
        if not accounts:
            return
        first = self.newest_load() + 1
        counts = (
            (load_id, a.read, a.published, a.unchanged, a.quarantined, a.deleted, seq)
            for seq, (load_id, a) in enumerate(accounts.items(), first)
        )
        for some in portions(counts):
            self.execute(
                "UPDATE ops.loads AS l SET status = 'published', rows_read = n.r, rows_published = n.p, "
                "rows_unchanged = n.u, rows_quarantined = n.q, rows_deleted = n.d, publish_seq = n.seq, "
                f"finished_at = ?, error = NULL FROM (SELECT * FROM (VALUES {marks(len(some), 7)}) "
                "AS v (load_id, r, p, u, q, d, seq)) AS n WHERE l.load_id = n.load_id",
                [now(), *(value for row in some for value in row)],
            )

    def newest_load(self) -> int:
        """publish_seq of the newest published load."""
        return int(self.execute("SELECT coalesce(max(publish_seq), 0) FROM ops.loads", ())[0][0])

    def duplicates(self, load: StreamLoad) -> dict[str, Account]:
        """Files whose content is in bronze already: all their rows are unchanged; load id and path → account."""
        if not load.duplicates:
            return {}
        identities = sorted({p.identity for p in load.duplicates})
        read: dict[str, int] = {}
        for some in portions(identities):
            known = self.execute(f"SELECT identity, rows_read FROM ops.loads WHERE identity IN {among(some)}", ())
            read |= {identity: int(rows or 0) for identity, rows in known}
        rows: dict[str, tuple[object, ...]] = {}
        accounts = {}
        for p in load.duplicates:
            count, batch = read.get(p.identity, 0), load.batch
            twin = Planned(f"{p.identity}@{p.path}@{batch.slot.isoformat()}")
            rows[twin.load_id] = (
                twin.load_id, batch.run_id, batch.attempt, batch.slot, load.source, load.stream.name, twin.identity,
                count, 0, count, 0, 0, p.size, now(), now(), "duplicate", p.path, p.size, p.mtime_ns,
            )  # fmt: skip
            accounts[f"{p.load_id}@{p.path}"] = Account(read=count, unchanged=count)
        for ids in portions(rows):
            self.execute(f"DELETE FROM ops.loads WHERE load_id IN {among(ids)}", ())
        self.insert("ops.loads", _DUPLICATE, list(rows.values()))
        return accounts

    # --- quarantine ----------------------------------------------------------------------------------------

    def quarantined(
        self, source: str | None, stream: str | None, reason_code: str | None, ids: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Rows of bronze's quarantine that were not replayed, by filter."""
        names = ("id", "load_id", "source", "stream", "position", "byte_from", "byte_to", "tried_rules")
        sql = f"SELECT {', '.join(names)} FROM ops.quarantine WHERE layer = 'bronze' AND replayed_at IS NULL"
        values: list[object] = []
        for column, value in (("source", source), ("stream", stream), ("reason_code", reason_code)):
            if value:
                sql, values = f"{sql} AND {column} = ?", [*values, value]
        if ids:
            sql, values = f"{sql} AND id IN ({', '.join('?' * len(ids))})", [*values, *ids]
        return [
            dict(zip(names, row, strict=True)) for row in self.execute(f"{sql} ORDER BY load_id, byte_from", values)
        ]

    def replayed(self, load: StreamLoad) -> None:
        """The rows went to a load of their own: to bronze, or to that load's quarantine."""
        load_id = load.planned[0].load_id
        for ids in portions(load.replays):
            sql = f"UPDATE ops.quarantine SET replayed_at = ?, replay_load_id = ? WHERE id IN {among(ids)}"
            self.execute(sql, (now(), load_id))
        tried = self.execute("SELECT max(attempts) FROM ops.quarantine WHERE replay_load_id = ?", (load_id,))[0][0]
        sql = "UPDATE ops.quarantine SET tried_rules = ?, attempts = ? WHERE load_id = ?"
        self.execute(sql, (load.rules, int(tried or 0) + 1, load_id))


def marks(rows: int, columns: int) -> str:
    """Marks of the values of VALUES."""
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)
