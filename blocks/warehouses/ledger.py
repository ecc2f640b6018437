"""Reading and writing the tables of `ops.sql`, in plain SQL; who calls it holds the transaction."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from blocks.sources.base import ColumnSpec, Planned, Since
from blocks.warehouses.base import Account, Batch, LayerPublish, StreamLoad
from governance.model import CheckResult, Event

REPLAY = ":replay:"
"""In the identity of a load that reads quarantined rows again; only a replay resumes it."""
Execute = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]


def now() -> datetime:
    """The time of a ledger row."""
    return datetime.now(UTC)


def holder() -> str:
    """Who holds a lock: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Ledger:
    """The tables of ops over one connection."""

    def __init__(self, execute: Execute) -> None:
        self.execute = execute

    # --- batches -----------------------------------------------------------------------------------------

    def slots(self) -> list[tuple[datetime, str]]:
        """(slot, state) in order: completed if any run of it completed."""
        done = "max(CASE state WHEN 'completed' THEN 1 ELSE 0 END)"
        rows = self.execute(f"SELECT slot, {done} FROM ops.batches GROUP BY slot ORDER BY slot", ())
        return [(slot, "completed" if complete else "unfinished") for slot, complete in rows]

    def start_batch(self, batch: Batch) -> int:
        """Record a run of a slot; which attempt it is. Who calls it holds the batch's lock: other runs are dead."""
        self.execute("UPDATE ops.batches SET state = 'failed', finished_at = ? WHERE state = 'running'", (now(),))
        counted = self.execute("SELECT count(*) FROM ops.batches WHERE slot = ?", (batch.slot,))
        sql = "INSERT INTO ops.batches (slot, run_id, state, started_at) VALUES (?, ?, 'running', ?)"
        self.execute(sql, (batch.slot, batch.run_id, now()))
        return int(counted[0][0]) + 1

    def finish_batch(self, batch: Batch, state: str, summary: Mapping[str, Any] | None) -> None:
        """Record how a run ended."""
        sql = "UPDATE ops.batches SET state = ?, finished_at = ?, summary = ? WHERE slot = ? AND run_id = ?"
        body = None if summary is None else json.dumps(summary, default=str)
        self.execute(sql, (state, now(), body, batch.slot, batch.run_id))

    # --- loads -------------------------------------------------------------------------------------------

    def since(self, source: str, stream: str) -> Since:
        """What is in bronze of a stream, and what a killed run left."""
        key = (source, stream)
        cursor = self.execute("SELECT value FROM ops.cursors WHERE source = ? AND stream = ?", key)
        rows = self.execute(
            "SELECT identity, status, rows_read, path, size, mtime_ns, lower, upper FROM ops.loads "
            "WHERE source = ? AND stream = ? ORDER BY started_at",
            key,
        )
        files, seen, unfinished = {}, {}, []
        for identity, status, read, path, size, mtime, lower, upper in rows:
            if status in ("published", "duplicate"):
                if path:
                    files[path] = (size, mtime)
                if status == "published":
                    seen[identity] = int(read or 0)
            elif status in ("planned", "landed") and REPLAY not in identity:
                unfinished.append(Planned(identity, lower, upper, path, size, mtime, landed=status == "landed"))
        return Since(cursor[0][0] if cursor else None, files, seen, unfinished)

    def plan(self, load: StreamLoad) -> None:
        """Write the loads as planned, before the first byte is read; one that is there already is used again."""
        mine = {p.load_id for p in load.planned}
        key = (load.source, load.stream.name)
        among = "source = ? AND stream = ? AND status IN ('planned', 'landed')"
        for load_id, identity in self.execute(f"SELECT load_id, identity FROM ops.loads WHERE {among}", key):
            if load_id not in mine and REPLAY not in identity and not load.replays:
                self.fail(load_id, "superseded: the file changed or went before it was landed")
        for p in load.planned:
            values = (load.batch.run_id, load.batch.attempt, load.batch.slot, p.path, p.size, p.mtime_ns, now())
            known = self.execute("SELECT status FROM ops.loads WHERE load_id = ?", (p.load_id,))
            if known:
                self.execute(
                    "UPDATE ops.loads SET run_id = ?, attempt = ?, slot = ?, path = ?, size = ?, mtime_ns = ?, "
                    "started_at = ?, finished_at = NULL, error = NULL, "
                    "status = CASE status WHEN 'landed' THEN 'landed' ELSE 'planned' END WHERE load_id = ?",
                    (*values, p.load_id),
                )
            else:
                self.execute(
                    "INSERT INTO ops.loads (run_id, attempt, slot, path, size, mtime_ns, started_at, load_id, source, "
                    "stream, identity, lower, upper, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'planned')",
                    (*values, p.load_id, *key, p.identity, p.lower, p.upper),
                )

    def landed(self, load_id: str, size: int) -> None:
        """The parts and the manifest are in the landing zone."""
        self.execute("UPDATE ops.loads SET status = 'landed', bytes = ? WHERE load_id = ?", (size, load_id))

    def fail(self, load_id: str, error: str) -> None:
        """The load cannot be published as it is; a later run tries it again while its source still has it."""
        sql = "UPDATE ops.loads SET status = 'failed', error = ?, finished_at = ? WHERE load_id = ? AND status <> ?"
        self.execute(sql, (error[:2000], now(), load_id, "published"))

    def interrupt(self, load_id: str, error: str) -> None:
        """The load was stopped by something outside of it; the next run goes on with what is landed."""
        sql = "UPDATE ops.loads SET error = ?, finished_at = ? WHERE load_id = ? AND status <> 'published'"
        self.execute(sql, (error[:2000], now(), load_id))

    def published(self, load_id: str, account: Account) -> None:
        """Close a load; `publish_seq` gives the incremental models their order."""
        self.execute(
            "UPDATE ops.loads SET status = 'published', rows_read = ?, rows_published = ?, rows_unchanged = ?, "
            "rows_quarantined = ?, rows_deleted = ?, finished_at = ?, error = NULL, "
            "publish_seq = (SELECT coalesce(max(publish_seq), 0) + 1 FROM ops.loads) WHERE load_id = ?",
            (account.read, account.published, account.unchanged, account.quarantined, account.deleted, now(), load_id),
        )

    def duplicate(self, load: StreamLoad, planned: Planned, rows: int) -> None:
        """A file whose content is in bronze already: all its rows are unchanged."""
        identity = f"{planned.identity}@{planned.path}@{load.batch.slot.isoformat()}"
        twin = Planned(identity)
        self.execute("DELETE FROM ops.loads WHERE load_id = ?", (twin.load_id,))
        self.execute(
            "INSERT INTO ops.loads (load_id, run_id, attempt, slot, source, stream, identity, rows_read, "
            "rows_published, rows_unchanged, rows_quarantined, rows_deleted, bytes, started_at, finished_at, status, "
            "path, size, mtime_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, 0, ?, ?, ?, 'duplicate', ?, ?, ?)",
            (
                twin.load_id, load.batch.run_id, load.batch.attempt, load.batch.slot, load.source, load.stream.name,
                identity, rows, rows, planned.size, now(), now(), planned.path, planned.size, planned.mtime_ns,
            ),
        )  # fmt: skip

    # --- streams and cursors -------------------------------------------------------------------------------

    def lock_stream(self, source: str, stream: str) -> None:
        """First statement of a publishing transaction: a second publisher conflicts here."""
        sql = "UPDATE ops.streams SET status = 'publishing', holder = ?, since = ? WHERE source = ? AND stream = ?"
        self.execute(sql, (holder(), now(), source, stream))

    def stream_schema(self, source: str, stream: str) -> list[ColumnSpec] | None:
        """The columns that bronze holds of a stream, or None before its first load."""
        rows = self.execute('SELECT "schema" FROM ops.streams WHERE source = ? AND stream = ?', (source, stream))
        return [ColumnSpec(**c) for c in json.loads(rows[0][0])] if rows and rows[0][0] else None

    def schemas(self, source: str, stream: str) -> dict[str, Sequence[ColumnSpec]]:
        """The columns that bronze holds of a stream, under `""`, and of its child tables, under their names."""
        rows = self.execute(
            "SELECT stream FROM ops.streams WHERE source = ? AND starts_with(stream, ?)", (source, f"{stream}__")
        )
        found = {name.removeprefix(f"{stream}__"): self.stream_schema(source, name) or () for (name,) in rows}
        return {"": self.stream_schema(source, stream) or (), **found}

    def touch_stream(self, source: str, stream: str) -> None:
        """Make the stream's row, the lock of its publishers, where it is not there."""
        sql = (
            "INSERT INTO ops.streams (source, stream, status, since) SELECT ?, ?, 'new', ? "
            "WHERE NOT EXISTS (SELECT 1 FROM ops.streams WHERE source = ? AND stream = ?)"
        )
        self.execute(sql, (source, stream, now(), source, stream))

    def set_stream_status(self, source: str, stream: str, status: str) -> None:
        """Status of a stream; nobody holds it any more."""
        sql = "UPDATE ops.streams SET status = ?, holder = NULL, since = ? WHERE source = ? AND stream = ?"
        self.execute(sql, (status, now(), source, stream))

    def set_stream_schema(self, source: str, stream: str, schema: Iterable[ColumnSpec]) -> None:
        """The shape that bronze has from now on."""
        text = json.dumps([{"name": c.name, "type": c.type} for c in schema])
        self.execute('UPDATE ops.streams SET "schema" = ? WHERE source = ? AND stream = ?', (text, source, stream))

    def set_cursor(self, source: str, stream: str, value: str, load_id: str) -> None:
        """Move the cursor of a stream."""
        self.execute("DELETE FROM ops.cursors WHERE source = ? AND stream = ?", (source, stream))
        self.execute("INSERT INTO ops.cursors VALUES (?, ?, ?, ?)", (source, stream, value, load_id))

    # --- gates, events, layers -----------------------------------------------------------------------------

    def gates(self, batch: Batch, checks: Iterable[CheckResult], published: bool) -> None:
        """Append what a gate found."""
        for c in checks:
            self.execute(
                "INSERT INTO ops.gates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.run_id, batch.attempt, batch.slot, c.layer, c.dataset, c.check_id, c.column, c.type,
                    c.severity, c.success, c.observed, c.threshold, c.failed_rows, published, now(),
                ),
            )  # fmt: skip

    def events(self, events: Iterable[Event]) -> None:
        """Append events; one that is told already is left."""
        for e in events:
            self.execute(
                "INSERT INTO ops.events (id, type, subject, time, data) SELECT ?, ?, ?, ?, ? "
                "WHERE NOT EXISTS (SELECT 1 FROM ops.events WHERE id = ?)",
                (e.id, e.type, e.subject, e.time, json.dumps(e.data, default=str), e.id),
            )

    def unrelayed(self, limit: int) -> list[Event]:
        """Events that no outbox has confirmed, oldest first."""
        sql = "SELECT id, type, subject, time, data FROM ops.events WHERE relayed_at IS NULL ORDER BY time, id LIMIT ?"
        rows = self.execute(sql, (limit,))
        return [Event(id=i, type=t, subject=s, time=at, data=json.loads(d)) for i, t, s, at, d in rows]

    def relayed(self, ids: Sequence[str]) -> None:
        """The outbox has these."""
        marks = ", ".join("?" * len(ids))
        self.execute(f"UPDATE ops.events SET relayed_at = ? WHERE id IN ({marks})", (now(), *ids))

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
        for start in range(0, len(load.replays), 500):
            ids = load.replays[start : start + 500]
            among = ", ".join("?" * len(ids))
            sql = f"UPDATE ops.quarantine SET replayed_at = ?, replay_load_id = ? WHERE id IN ({among})"
            self.execute(sql, (now(), load_id, *ids))
        self.execute(
            "UPDATE ops.quarantine SET tried_rules = ?, attempts = "
            "(SELECT max(o.attempts) + 1 FROM ops.quarantine o WHERE o.replay_load_id = ?) WHERE load_id = ?",
            (load.rules, load_id, load_id),
        )

    def last_publish(self, layer: str) -> tuple[int, str]:
        """(loads_upto, fingerprint) of the newest publish of a layer; (0, '') if there is none."""
        sql = 'SELECT loads_upto, fingerprint FROM ops.publishes WHERE layer = ? ORDER BY "at" DESC LIMIT 1'
        rows = self.execute(sql, (layer,))
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")

    def newest_load(self) -> int:
        """publish_seq of the newest published load."""
        return int(self.execute("SELECT coalesce(max(publish_seq), 0) FROM ops.loads", ())[0][0])

    def layer(
        self, publish: LayerPublish, before: Mapping[str, int], after: Mapping[str, int], rejected: Mapping[str, int]
    ) -> None:
        """Record the publish of a layer and of each of its datasets."""
        batch = publish.batch
        for model in publish.models:
            self.execute(
                "INSERT INTO ops.builds VALUES (?, ?, ?, ?, ?, ?, ?, 'published', ?)",
                (
                    batch.run_id, batch.slot, publish.layer, f"{publish.layer}.{model}", before.get(model, 0),
                    after[model], rejected.get(f"{model}__rejected", 0), now(),
                ),
            )  # fmt: skip
        datasets = json.dumps([f"{publish.layer}.{m}" for m in publish.models])
        self.execute(
            "INSERT INTO ops.publishes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.slot, publish.layer, batch.run_id, datasets, json.dumps(dict(publish.stale)), publish.loads_upto,
                publish.fingerprint, now(),
            ),
        )  # fmt: skip

    def skipped(self, batch: Batch, layer: str, datasets: Iterable[str], status: str) -> None:
        """Record datasets that were blocked, or skipped for want of a source."""
        for dataset in datasets:
            self.execute(
                "INSERT INTO ops.builds (run_id, slot, layer, dataset, status) VALUES (?, ?, ?, ?, ?)",
                (batch.run_id, batch.slot, layer, dataset, status),
            )

    def act(self, actor: str, action: str, target: str, reason: str = "", until: datetime | None = None) -> None:
        """Record what a person did."""
        sql = "INSERT INTO ops.actions VALUES (?, ?, ?, ?, ?, ?)"
        self.execute(sql, (now(), actor, action, target, reason, until))
