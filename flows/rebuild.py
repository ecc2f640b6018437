"""The ledger made again from the landing zone, where it was lost. `check_ledger` is how a run finds that out.

Every landed load of a stream is loaded once more, in the order and the company of then: accounts, cursors, quarantine
and bronze are what they were. What the landing zone keeps no more stays in bronze, as loads of unknown origin.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from blocks.landing import Landed, Landing, open_landing
from blocks.migrate import tables
from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.sources.base import ColumnSpec, Manifest, Planned
from blocks.sources.naming import quote
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, StreamLoad, now
from blocks.warehouses.bronze_again import child_id, children
from blocks.warehouses.bronze_tables import KEYED_META
from blocks.warehouses.dialect import among
from blocks.warehouses.ledger import REPAIRING
from blocks.warehouses.sql import SqlWarehouse
from flows import slots
from flows.context import Context, make_context, new_run_id, sample_servers
from flows.gc import CLOSED
from flows.load import after_publish, land, load_and_gate, mend, publish, record_failure
from governance.errors import ConfigurationError, HallmarkError

REMEDY = (
    "put the warehouse back from a backup, or `hallmark doctor --repair` makes the ledger again from what is landed"
)


@dataclass(frozen=True)
class Stream:
    """What there is of a stream to make its ledger of."""

    source: str
    name: str
    manifests: Sequence[Manifest]
    copies: Sequence[Landed]
    """Loads that read rows of landed ones again: those are read by today's rules now, and these go."""


def check_ledger(settings: Settings) -> None:
    """Raises ConfigurationError where bronze or the landing zone hold what the ledger must know and does not.

    Whether it lacks single loads, `hallmark doctor` tells: to ask for each of them costs more with every load.
    """
    lost = f"the ledger of {settings.warehouse_file if settings.profile == 'local' else 'the warehouse'}"
    empty = settings.profile == "local" and not settings.warehouse_file.exists()
    if not empty:
        with open_warehouse(settings) as warehouse:
            if missing := sorted(tables() - set(warehouse.tables("ops"))):
                raise ConfigurationError(lost, f"its tables are gone: {', '.join(missing)}", REMEDY)
            if warehouse.execute("SELECT 1 FROM ops.batches WHERE state = ? LIMIT 1", (REPAIRING,)):
                raise ConfigurationError(lost, "a repair of it did not end", "`hallmark doctor --repair` goes on")
            if found := unknown_tables(warehouse):
                cause = f"bronze has rows that it does not know: {', '.join(found)}"
                raise ConfigurationError(lost, cause, REMEDY)
            empty = settings.profile == "local" and not warehouse.execute("SELECT 1 FROM ops.loads LIMIT 1")
    if empty and any(x.whole for x in open_landing(settings).loads()):
        cause = f"it is empty, and {settings.landing_root} holds landed loads"
        other = "for another warehouse set HALLMARK_LANDING to a place of its own"
        raise ConfigurationError(lost, cause, f"{REMEDY}; {other}")


def unknown_tables(warehouse: SqlWarehouse) -> list[str]:
    """Tables of bronze whose streams have no published load, and that have rows of loads nobody knows."""
    known = warehouse.execute("SELECT DISTINCT source, stream FROM ops.loads WHERE status = 'published'")
    names = {f"{source}__{stream}" for source, stream in known}
    return [
        f"bronze.{table}"
        for table in warehouse.tables("bronze__loads")
        if table not in names
        and warehouse.execute(
            f"SELECT 1 FROM bronze__loads.{quote(table)} WHERE _load_id NOT IN (SELECT load_id FROM ops.loads) LIMIT 1"
        )
    ]


def rebuild(settings: Settings, sources: str | None) -> str:
    """Make the ledger again of all streams of which it lacks a load; what was done. The caller holds the batch's lock.

    A killed one begins anew with the streams that it had not ended. Raises ConfigurationError, before anything is
    changed, for a stream that is not declared, and on Snowflake; then the first error, after all had their turn.
    """
    if settings.profile != "local":
        cause, remedy = "it is made again on the embedded warehouse only", "UNDROP SCHEMA ops, or Time Travel"
        raise ConfigurationError("the ledger", cause, remedy)
    with open_warehouse(settings) as warehouse:
        if tables() - set(warehouse.tables("ops")):
            warehouse.execute("DELETE FROM ops.alembic_version")  # whoever opens it next makes what is not there
    with sample_servers(settings):
        context = make_context(slots.show(slots.floor(settings.clock())), sources, None, new_run_id())
        with open_warehouse(settings) as warehouse:
            found = lost_streams(warehouse, context)
            context = replace(context, batch=replace(context.batch, slot=_newest_slot(warehouse, found, context)))
            with warehouse.transaction():
                warehouse.ledger.start_batch(context.batch)
                warehouse.ledger.finish_batch(context.batch, REPAIRING, None)
                for stream in found:
                    target = f"{stream.source}.{stream.name}"
                    warehouse.ledger.act(getpass.getuser(), "doctor.repair", target, "the ledger lacked its loads")
        failed = [error for stream in found for error in _rebuild(stream, context)]
        with open_warehouse(settings) as warehouse, warehouse.transaction():
            state = f"state = '{'failed' if failed else 'completed'}', finished_at = ?"
            warehouse.execute(f"UPDATE ops.batches SET {state} WHERE state = ?", (now(), REPAIRING))
    if failed:
        raise failed[0]
    return f"{sum(len(s.manifests) for s in found)} loads of {len(found)} streams loaded again"


def lost_streams(warehouse: SqlWarehouse, context: Context) -> list[Stream]:
    """The streams of which the ledger lacks a load that is landed, or rows of which are in bronze."""
    known = dict(warehouse.execute("SELECT load_id, status FROM ops.loads"))
    if warehouse.execute("SELECT 1 FROM ops.batches WHERE state = ?", (REPAIRING,)):
        known = {load_id: status for load_id, status in known.items() if status in CLOSED}
    landed: dict[tuple[str, str], list[Landed]] = {}
    for one in context.landing.loads():
        if one.whole:
            landed.setdefault((one.source, one.stream), []).append(one)
    lost = {key for key, loads in landed.items() if any(x.load_id not in known for x in loads)}
    for table in unknown_tables(warehouse):
        source, stream, *_ = table.removeprefix("bronze.").split("__")
        lost.add((source, stream))
    for source, stream in sorted(lost):
        if source not in context.sources or stream not in context.sources[source].streams:
            remedy = "give the file that it came by: --sources FILE"
            raise ConfigurationError(f"stream {source}.{stream}", "it is not declared", remedy)
    return [_stream(context.landing, *key, landed.get(key, ())) for key in sorted(lost)]


def _stream(landing: Landing, source: str, name: str, loads: Sequence[Landed]) -> Stream:
    there = {x.load_id for x in loads}
    found = [(x, m) for x in loads if (m := landing.manifest(source, name, x.load_id))]
    copies = [x for x, m in found if m.again and there >= set(m.again)]
    return Stream(source, name, [m for x, m in found if x not in copies], copies)


def _newest_slot(warehouse: SqlWarehouse, found: Sequence[Stream], context: Context) -> datetime:
    """Of the ledger and of what is landed, so that the next run takes the next one; else that of now."""
    known = [slot for slot, _ in warehouse.ledger.slots()]
    known += [slots.parse(m.staging.slot) for s in found for m in s.manifests if m.staging]
    return max(known, default=context.batch.slot)


def _rebuild(stream: Stream, context: Context) -> list[HallmarkError]:
    """One stream; what stopped loads of it, after the ledger knows."""
    spec, failed = context.sources[stream.source], []
    reader = reader_for(spec)
    load = StreamLoad(stream.source, reader.resolve(spec.streams[stream.name]), context.batch, ())
    with open_warehouse(context.settings) as warehouse:
        with warehouse.transaction():
            forget(warehouse, load, [m.identity for m in stream.manifests], [x.load_id for x in stream.copies])
        mend(load, warehouse, context)
    context.landing.remove(stream.copies)
    for manifests in in_order(stream.manifests, apart=not load.stream.primary_key):
        planned, batch = tuple(map(_planned, manifests)), context.batch
        if by := manifests[0].staging:
            batch = Batch(by.run_id, slots.parse(by.slot), by.attempt)
        own, one = replace(context, batch=batch), replace(load, batch=batch, planned=planned)
        try:
            with open_warehouse(context.settings) as warehouse, warehouse.transaction():
                warehouse.ledger.plan(one)
            ready = load_and_gate(reader, one, land(reader, one, own), own)
            publish(ready, own)
            after_publish(ready, own)
        except HallmarkError as error:
            record_failure(one, error, own)
            failed.append(error)
    return failed


def in_order(manifests: Sequence[Manifest], *, apart: bool) -> Iterator[list[Manifest]]:
    """The loads of each run, in the order of the runs; those that no run has staged are the last.

    `apart`: what is read again and again is held against the loads before it, one by one.
    """
    runs: dict[str, list[Manifest]] = {}
    for manifest in sorted(manifests, key=lambda m: (m.staging is None, m.staging.at if m.staging else "")):
        runs.setdefault(manifest.staging.run_id if manifest.staging else "", []).append(manifest)
    for found in runs.values():
        if apart and any(m.rereads for m in found):
            yield from ([m] for m in found)
        else:
            yield sorted(found, key=lambda m: m.path)


def _planned(manifest: Manifest) -> Planned:
    by = manifest.staging
    size, mtime_ns = (by.size, by.mtime_ns) if by else (None, None)
    return Planned(
        manifest.identity, manifest.lower, manifest.upper, manifest.path or None, size, mtime_ns, landed=True
    )


def forget(warehouse: SqlWarehouse, load: StreamLoad, identities: Sequence[str], copies: Sequence[str]) -> None:
    """In a transaction: take out all that ledger and bronze have of these loads; what is left is accounted for."""
    for child in ("", *children(warehouse, load)):
        name = f"{load.stream.name}__{child}" if child else load.stream.name
        ids = [child_id(load, child, i) if child else Planned(i).load_id for i in identities] + list(copies)
        for table in ("ops.loads", "ops.quarantine"):
            warehouse.execute(f"DELETE FROM {table} WHERE load_id IN {among(ids)}")
        warehouse.execute("DELETE FROM ops.cursors WHERE source = ? AND stream = ?", (load.source, name))
        warehouse.ledger.touch(load.source, [name])
        _forget_rows(warehouse, load, name, ids)
    for table in ("ops.publishes", "ops.kept"):  # the loads get other numbers: what was built is built in full
        warehouse.execute(f"UPDATE {table} SET fingerprint = '', loads_upto = 0")


def _forget_rows(warehouse: SqlWarehouse, load: StreamLoad, name: str, ids: Sequence[str]) -> None:
    table = quote(f"{load.source}__{name}")
    columns = warehouse.columns("bronze__loads", f"{load.source}__{name}")
    if columns:
        warehouse.execute(f"DELETE FROM bronze__loads.{table} WHERE _load_id IN {among(ids)}")
        left = warehouse.execute(f"SELECT _load_id, count(*) FROM bronze__loads.{table} GROUP BY 1 ORDER BY 1")
        if left:
            _adopt(warehouse, load, name, dict(left))
            own = {c.name for c in KEYED_META}
            shape = [ColumnSpec(n, t) for n, t in columns.items() if n not in own]
            if warehouse.ledger.stream_schema(load.source, name) is None:
                warehouse.ledger.set_stream_schema(load.source, name, shape)
            return
        warehouse.execute(f"DROP VIEW IF EXISTS bronze.{table}")
        warehouse.execute(f"DROP TABLE bronze__loads.{table}")
    warehouse.execute('UPDATE ops.streams SET "schema" = NULL WHERE source = ? AND stream = ?', (load.source, name))


def _adopt(warehouse: SqlWarehouse, load: StreamLoad, name: str, rows: Mapping[str, int]) -> None:
    """Rows of loads that neither ledger nor landing zone know any more: they are counted where they are."""
    known = {i for (i,) in warehouse.execute(f"SELECT load_id FROM ops.loads WHERE load_id IN {among(list(rows))}")}
    batch, first = load.batch, warehouse.ledger.newest_load() + 1
    columns = (
        "load_id", "run_id", "attempt", "slot", "source", "stream", "identity", "rows_read", "rows_published",
        "rows_unchanged", "rows_quarantined", "rows_deleted", "started_at", "finished_at", "status", "publish_seq",
    )  # fmt: skip
    found = [
        (
            load_id, batch.run_id, batch.attempt, batch.slot, load.source, name,
            f"{load.source}.{name}:lost:{load_id}", count, count, 0, 0, 0, now(), now(), "published", first + number,
        )
        for number, (load_id, count) in enumerate(rows.items()) if load_id not in known
    ]  # fmt: skip
    if found:
        warehouse.ledger.insert("ops.loads", columns, found)
