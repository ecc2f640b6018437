"""Reading and writing the tables of `migrations`, in plain SQL; who calls it holds the transaction."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from blocks.sources.base import ColumnSpec
from blocks.warehouses.base import Batch, LayerPublish, now
from blocks.warehouses.dialect import among, portions
from blocks.warehouses.ledger_loads import Loads, marks
from governance.errors import LockedError
from governance.model import CheckResult, ColumnProfile, Event, Profile

LAYERS = ""
"""Source of the rows of ops.streams by which layers are locked: no source has this name."""
STREAMS = f"(SELECT * FROM ops.streams WHERE source <> '{LAYERS}')"
"""The rows of ops.streams that are streams."""
_GATE = (
    "run_id", "attempt", "slot", "layer", "dataset", "check_id", "column_name", "type", "severity", "success",
    "observed", "threshold", "failed_rows", "published", "at", "waived",
)  # fmt: skip
_BUILD = (
    "run_id", "slot", "layer", "dataset", "rows_before", "rows_after", "rows_quarantined", "status", "published_at",
)  # fmt: skip
_PROFILE = ("dataset", "column", "slot", "rows", "nulls", "distinct", "mean", "quantiles")


ALIVE_MINUTES = 3
"""So long after its last sign of life a run of another machine counts as over."""
_ELSEWHERE = (
    f"h.beat_at > current_timestamp - INTERVAL '{ALIVE_MINUTES} minutes' AND split_part(h.holder, ':', 1) <> ? "
    "AND h.run_id <> ?"
)
REPAIRING = "repairing"
"""State of the batch of a repair that has not ended."""


def holder() -> str:
    """Who holds a lock: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Act(NamedTuple):
    """What a person did."""

    at: datetime
    actor: str
    action: str
    target: str
    reason: str
    until: datetime | None


class Ledger(Loads):
    """The tables of ops over one connection."""

    # --- batches -----------------------------------------------------------------------------------------

    def slots(self) -> list[tuple[datetime, str]]:
        """(slot, state) in order: completed if any run of it completed."""
        done = "max(CASE state WHEN 'completed' THEN 1 ELSE 0 END)"
        rows = self.execute(f"SELECT slot, {done} FROM ops.batches GROUP BY slot ORDER BY slot", ())
        return [(slot, "completed" if complete else "unfinished") for slot, complete in rows]

    def batch_of(self, run_id: str) -> tuple[datetime, str] | None:
        """(slot, state) of what an earlier pod of this run began; None where there was none."""
        sql = "SELECT slot, state FROM ops.batches WHERE run_id = ? ORDER BY started_at DESC LIMIT 1"
        return next(((slot, state) for slot, state in self.execute(sql, (run_id,))), None)

    def start_batch(self, batch: Batch, shared: bool = False) -> tuple[int, list[str]]:
        """Record a run of a slot; which attempt it is, and the ids of runs that were found dead.

        Who calls it holds the lock of the machine: other runs of this one are dead, and so are those of others that
        give no sign of life. A run of this very id is an earlier pod of it, which is over: a Job has one at a time.
        `shared`: this one will give signs, since others of other machines may look for it.
        """
        alive = f"SELECT h.run_id FROM ops.heartbeats AS h WHERE {_ELSEWHERE}"
        dead, which = f"state = 'running' AND run_id NOT IN ({alive})", (socket.gethostname(), batch.run_id)
        over = self.execute(f"SELECT run_id FROM ops.batches WHERE {dead}", which)
        self.execute(f"UPDATE ops.batches SET state = 'failed', finished_at = ? WHERE {dead}", (now(), *which))
        counted = self.execute(
            "SELECT greatest(count(*), coalesce(max(attempt), 0)) FROM ops.batches WHERE slot = ?", (batch.slot,)
        )
        attempt = int(counted[0][0]) + 1
        self.execute("DELETE FROM ops.batches WHERE slot = ? AND run_id = ?", (batch.slot, batch.run_id))
        sql = "INSERT INTO ops.batches (slot, run_id, state, started_at, attempt) VALUES (?, ?, 'running', ?, ?)"
        self.execute(sql, (batch.slot, batch.run_id, now(), attempt))
        if shared:
            running = "SELECT run_id FROM ops.batches WHERE state = 'running'"
            gone = f"DELETE FROM ops.heartbeats WHERE run_id = ? OR run_id NOT IN ({running})"
            self.execute(gone, (batch.run_id,))
            self.execute("INSERT INTO ops.heartbeats SELECT ?, ?, current_timestamp", (batch.run_id, holder()))
        return attempt, [run_id for (run_id,) in over]

    def beat(self, batch: Batch) -> None:
        """A sign of life of a run."""
        sql = "UPDATE ops.heartbeats SET beat_at = current_timestamp WHERE run_id = ? AND holder = ?"
        self.execute(sql, (batch.run_id, holder()))

    def elsewhere(self, run_id: str = "") -> list[tuple[str, datetime, str]]:
        """(run id, slot, holder) of other runs that are at work on other machines, in the order they began in."""
        rows = self.execute(
            "SELECT b.run_id, b.slot, h.holder FROM ops.batches AS b JOIN ops.heartbeats AS h ON b.run_id = h.run_id "
            f"WHERE b.state = 'running' AND {_ELSEWHERE} ORDER BY b.started_at, b.run_id",
            (socket.gethostname(), run_id),
        )
        return [(run, slot, at) for run, slot, at in rows]

    def finish_batch(self, batch: Batch, state: str, summary: Mapping[str, Any] | None) -> None:
        """Record how a run ended, unless another machine goes on with it."""
        sql = "UPDATE ops.batches SET state = ?, finished_at = ?, summary = ? WHERE slot = ? AND run_id = ? AND run_id "
        sql += "NOT IN (SELECT h.run_id FROM ops.heartbeats AS h WHERE split_part(h.holder, ':', 1) <> ?)"
        body = None if summary is None else json.dumps(summary, default=str)
        self.execute(sql, (state, now(), body, batch.slot, batch.run_id, socket.gethostname()))

    # --- the locks of publishers: of streams, and of layers -------------------------------------------------

    def touch(self, source: str, streams: Sequence[str]) -> None:
        """Make the rows, the locks of their publishers, where they are not there."""
        self.execute(
            "INSERT INTO ops.streams (source, stream, status, since) SELECT ?, n.stream, 'new', ? "
            f"FROM (SELECT * FROM (VALUES {marks(len(streams), 1)}) AS v (stream)) AS n "
            "WHERE NOT EXISTS (SELECT 1 FROM ops.streams AS s WHERE s.source = ? AND s.stream = n.stream)",
            (source, now(), *streams, source),
        )

    def announce(self, source: str, streams: Sequence[str], run_id: str, session: str) -> None:
        """Who is about to lock the rows: within the transaction that does, nobody else could read it."""
        sql = f"UPDATE ops.streams SET holder = ?, since = ? WHERE source = ? AND stream IN {among(streams)}"
        self.execute(sql, (f"{holder()}, run {run_id}, session {session}", now(), source))

    def lock(self, source: str, streams: Sequence[str], run_id: str) -> None:
        """First statement of a publishing transaction: a second publisher conflicts here.

        Raises LockedError for a run that another one found over: what it built may be older than what is published.
        """
        sql = f"UPDATE ops.streams SET status = 'publishing', since = ? WHERE source = ? AND stream IN {among(streams)}"
        self.execute(sql, (now(), source))
        # A repair publishes in the name of runs that are over; there is no other run meanwhile.
        sql = "SELECT state FROM ops.batches WHERE run_id = ? OR state = ?"
        states = {s for (s,) in self.execute(sql, (run_id, REPAIRING))}
        if states and not states & {"running", REPAIRING}:
            raise LockedError(f"run {run_id}", "another run began and took it for dead", "let one run at a time")
        # A pod that was cut off may live on when the next one of its run is at work.
        holders = {h for (h,) in self.execute("SELECT holder FROM ops.heartbeats WHERE run_id = ?", (run_id,))}
        if holders - {holder()}:
            raise LockedError(f"run {run_id}", f"{holders.pop()} goes on with it", "end this process")

    def set_status(self, source: str, stream: str, status: str) -> None:
        """Status of a stream or layer; nobody holds it any more."""
        sql = "UPDATE ops.streams SET status = ?, holder = NULL, since = ? WHERE source = ? AND stream = ?"
        self.execute(sql, (status, now(), source, stream))

    # --- streams and cursors -------------------------------------------------------------------------------

    def schemas(self, source: str, stream: str) -> dict[str, Sequence[ColumnSpec]]:
        """The columns that bronze holds of a stream, under `""`, and of its child tables, under their names."""
        prefix = f"{stream}__"
        rows = self.execute(
            f'SELECT stream, "schema" FROM ops.streams WHERE source = ? AND (stream = ? OR left(stream, {len(prefix)}) '
            "= ?)",
            (source, stream, prefix),
        )
        found = {name[len(prefix) :]: [ColumnSpec(**c) for c in json.loads(schema or "[]")] for name, schema in rows}
        return {"": (), **found}

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
        rows = [
            (
                batch.run_id, batch.attempt, batch.slot, c.layer, c.dataset, c.check_id, c.column, c.type, c.severity,
                c.success, c.observed, c.threshold, c.failed_rows, published, now(), c.waived,
            )
            for c in checks
        ]  # fmt: skip
        if rows:
            self.insert("ops.gates", _GATE, rows)

    def events(self, events: Iterable[Event]) -> None:
        """Append events; one that is told already is left."""
        new = {e.id: e for e in events}
        for ids in portions(list(new)):
            for (known,) in self.execute(f"SELECT id FROM ops.events WHERE id IN {among(ids)}", ()):
                del new[known]
        if new:
            rows = [(e.id, e.type, e.subject, e.time, json.dumps(e.data, default=str)) for e in new.values()]
            self.insert("ops.events", ("id", "type", "subject", "time", "data"), rows)

    def unrelayed(self, limit: int) -> list[Event]:
        """Events that no outbox has confirmed, oldest first."""
        sql = "SELECT id, type, subject, time, data FROM ops.events WHERE relayed_at IS NULL ORDER BY time, id LIMIT ?"
        rows = self.execute(sql, (limit,))
        return [Event(id=i, type=t, subject=s, time=at, data=json.loads(d)) for i, t, s, at, d in rows]

    def relayed(self, ids: Sequence[str]) -> None:
        """The outbox has these."""
        marks = ", ".join("?" * len(ids))
        self.execute(f"UPDATE ops.events SET relayed_at = ? WHERE id IN ({marks})", (now(), *ids))

    def last_publish(self, layer: str) -> tuple[int, str]:
        """(loads_upto, fingerprint) of the newest publish of a layer; (0, '') if there is none."""
        sql = 'SELECT loads_upto, fingerprint FROM ops.publishes WHERE layer = ? ORDER BY "at" DESC LIMIT 1'
        rows = self.execute(sql, (layer,))
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")

    def layer(
        self, publish: LayerPublish, before: Mapping[str, int], after: Mapping[str, int], rejected: Mapping[str, int]
    ) -> None:
        """Record the publish of a layer and of each of its datasets."""
        batch = publish.batch
        rows = [
            (
                batch.run_id, batch.slot, publish.layer, f"{publish.layer}.{model}", before.get(model, 0),
                after[model], rejected.get(f"{model}__rejected", 0), "published", now(),
            )
            for model in publish.models
        ]  # fmt: skip
        if rows:
            self.insert("ops.builds", _BUILD, rows)
        datasets = json.dumps([f"{publish.layer}.{m}" for m in publish.models])
        self.execute(
            "INSERT INTO ops.publishes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.slot, publish.layer, batch.run_id, datasets, json.dumps(dict(publish.stale)), publish.loads_upto,
                publish.fingerprint, now(),
            ),
        )  # fmt: skip

    def profiles(self, batch: Batch, profiles: Mapping[str, Profile]) -> None:
        """Of each dataset this profile in the place of another of the slot; one without a row replaces none."""
        kept: set[str] = set()
        for some in portions([dataset for dataset, found in profiles.items() if not found.rows]):
            sql = f"SELECT DISTINCT dataset FROM ops.profiles WHERE slot = ? AND dataset IN {among(some)}"
            kept |= {dataset for (dataset,) in self.execute(sql, (batch.slot,))}
        told = {dataset: found for dataset, found in profiles.items() if dataset not in kept}
        for some in portions(told):
            self.execute(f"DELETE FROM ops.profiles WHERE slot = ? AND dataset IN {among(some)}", (batch.slot,))
        rows = [
            (dataset, c.name, batch.slot, found.rows, c.nulls, c.distinct, c.mean, _quantiles(c))
            for dataset, found in told.items() for c in found.columns
        ]  # fmt: skip
        if rows:
            self.insert("ops.profiles", _PROFILE, rows)

    def skipped(self, batch: Batch, layer: str, datasets: Iterable[str], status: str) -> None:
        """Record datasets that were blocked, or skipped for want of a source."""
        rows = [(batch.run_id, batch.slot, layer, dataset, status) for dataset in datasets]
        if rows:
            self.insert("ops.builds", ("run_id", "slot", "layer", "dataset", "status"), rows)

    def act(self, actor: str, action: str, target: str, reason: str = "", until: datetime | None = None) -> None:
        """Record what a person did."""
        sql = "INSERT INTO ops.actions VALUES (?, ?, ?, ?, ?, ?)"
        self.execute(sql, (now(), actor, action, target, reason, until))

    def acts(self, *actions: str) -> list[Act]:
        """What people did of these kinds, the oldest first."""
        # The emulator of Snowflake gives 1970 for a time with a zone that is NULL.
        columns = """until IS NOT NULL, "at", actor, action, target, coalesce(reason, ''), until"""
        rows = self.execute(f'SELECT {columns} FROM ops.actions WHERE action IN {among(actions)} ORDER BY "at"', ())
        return [Act(r[1], r[2], r[3], r[4], r[5], r[6] if r[0] else None) for r in rows]


def _quantiles(column: ColumnProfile) -> str | None:
    """JSON of smallest, 25 %, 50 %, 75 % and largest; of a time the ends."""
    found = column.quantiles or ((column.min, None, None, None, column.max) if column.min is not None else None)
    return json.dumps(found) if found else None
