"""The steps of a stream's load: plan, land, stage and test, publish; and what is kept of one that failed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from blocks import interrupt
from blocks.sources.base import Manifest, Planned, Reader, Since, Staging
from blocks.sources.naming import bronze_names
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Accounts, Ready, Staged, StreamLoad, now
from blocks.warehouses.ledger_loads import BACKFILL, REPLAY
from blocks.warehouses.ledger_shards import Shard
from blocks.warehouses.sql import SqlWarehouse
from expectations import gate, suites
from flows import slots
from flows.context import Context
from flows.failed_rows import with_rows
from flows.gates import gate_on
from flows.lineage import bronze_facts
from flows.shards import child_of, gathered
from flows.state import save_picture
from flows.told import load_events
from flows.waivers import judged
from governance.declared_tests import DeclaredTest
from governance.errors import GateBlocked, HallmarkError, HeldError, SourceError, UnreachableError, words
from governance.model import Event

LOG = logging.getLogger("hallmark")


def mend(load: StreamLoad, warehouse: SqlWarehouse, context: Context) -> None:
    """Before anything is planned: show what a killed run published of the stream."""
    below = filter(None, warehouse.ledger.schemas(load.source, load.stream.name))
    for one in (load, *(child_of(load, name) for name in below)):
        warehouse.show(one, context.protection(f"bronze.{one.table}"))


def plan(reader: Reader, load: StreamLoad, context: Context) -> StreamLoad:
    """Name the loads and write them to the ledger as planned; content that is known is set apart as duplicate."""
    with open_warehouse(context.settings) as warehouse:
        mend(load, warehouse, context)
        since = warehouse.ledger.since(load.source, load.stream.name)
    landed = [p for p in since.unfinished if is_landed(load, p, context)]
    since = replace(since, unfinished=[replace(p, landed=p in landed) for p in since.unfinished])
    found = reader.plan(load.stream, since, context.settings.clock(), context.landing)
    loads, duplicates = split_duplicates(found, since)
    load = StreamLoad(load.source, load.stream, load.batch, tuple(loads), tuple(duplicates))
    with open_warehouse(context.settings) as warehouse, warehouse.transaction():
        warehouse.ledger.plan(load)
    return load


def is_landed(load: StreamLoad, planned: Planned, context: Context) -> bool:
    """Whether a load that a killed run planned is whole in the landing zone, whatever the ledger had time to say."""
    return context.landing.described(load.source, load.stream.name, planned.load_id) is not None


def split_duplicates(planned: Sequence[Planned], since: Since) -> tuple[list[Planned], list[Planned]]:
    """(new loads, those whose content is in bronze or comes earlier in this very list)."""
    loads: dict[str, Planned] = {}
    duplicates = []
    for item in planned:
        if item.identity in since.seen_identities or item.identity in loads:
            duplicates.append(item)
        else:
            loads[item.identity] = item
    return list(loads.values()), duplicates


def land(reader: Reader, load: StreamLoad, context: Context) -> list[Manifest]:
    """Write every planned load to the landing zone."""
    manifests = []
    for planned in load.planned:
        manifests.append(reader.land(load.stream, planned, context.landing))
        interrupt.look()
    if manifests:
        with open_warehouse(context.settings) as warehouse:
            warehouse.ledger.landed({m.load_id: sum(p.bytes for p in m.parts) for m in manifests})
    return manifests


def load_and_gate(
    reader: Reader, load: StreamLoad, manifests: Sequence[Manifest], context: Context, shards: Sequence[Shard] = ()
) -> list[Ready]:
    """Stage the rows of a stream, and of its child tables, beside bronze, test and profile them.

    `shards` are loaded already. Raises GateBlocked when a critical check fails.
    """
    with open_warehouse(context.settings) as warehouse:
        ready = stage(warehouse, reader, load, manifests, context, shards)
        interrupt.look()
        return [profiled(warehouse, r, context) for r in run_gate(warehouse, ready, context)] if manifests else ready


def stage(
    warehouse: SqlWarehouse, reader: Reader, load: StreamLoad, manifests: Sequence[Manifest], context: Context,
    shards: Sequence[Shard] = (),
) -> list[Ready]:  # fmt: skip
    """Put the rows of a stream, and of its child tables, beside bronze; nobody has tested them yet."""
    if not manifests:
        return [Ready(load, Staged({}, 0, ()))]
    extract = gathered(warehouse, load, manifests, shards) if shards else None
    if extract is None:
        if shards:  # their files are with those who landed them
            manifests = [reader.land(load.stream, p, context.landing) for p in load.planned]
        known = warehouse.ledger.schemas(load.source, load.stream.name)
        extract = reader.extract(load.stream, manifests, context.landing, known)
    ready = [Ready(load, warehouse.load(load, extract, manifests), manifests)]
    for planned, manifest in zip(load.planned, manifests, strict=True):
        check_read(load, manifest, ready[0].staged.read[manifest.load_id])
        counted = manifest.with_rows(ready[0].staged.read)
        context.landing.write_manifest(replace(counted, staging=staging(load, planned, manifest)))
    for name, child in extract.children.items():
        loads = [m.child(name, child.columns) for m in manifests]
        below = child_load(warehouse, load, name, loads)
        ready.append(Ready(below, warehouse.load(below, child, loads), loads))
    return ready


def check_read(load: StreamLoad, manifest: Manifest, read: int) -> None:
    """Raises HallmarkError where not each row is read that its source gave on landing."""
    landed = manifest.landed_rows
    if landed is not None and read != landed:
        what, cause = f"stream {load.source}.{load.stream.name}", f"{landed} rows landed, and {read} of them are read"
        raise HallmarkError(what, f"load {manifest.load_id}: {cause}", "report this with the landed files")


def staging(load: StreamLoad, planned: Planned, manifest: Manifest) -> Staging:
    """What the manifest keeps of the ledger; who makes that again from it changes nothing."""
    batch, before = load.batch, manifest.staging
    if before and before.run_id == batch.run_id:
        return before
    slot, at = slots.show(batch.slot), now().isoformat()
    return Staging(batch.run_id, batch.attempt, slot, at, planned.size, planned.mtime_ns)


def child_load(warehouse: SqlWarehouse, load: StreamLoad, name: str, manifests: Sequence[Manifest]) -> StreamLoad:
    """The loads of a child table, planned: append-only, it follows its records."""
    planned = tuple(Planned(m.identity, path=m.path) for m in manifests)
    child = replace(child_of(load, name), planned=planned)
    with warehouse.transaction():
        warehouse.ledger.plan(child)
    return child


def run_gate(warehouse: SqlWarehouse, staged: Sequence[Ready], context: Context) -> list[Ready]:
    """The staged tables with the verdicts on them. Raises GateBlocked when a critical check fails."""
    tests: list[DeclaredTest] = []
    places, owner = {}, context.owner(staged[0].load.source)
    for load, found in ((r.load, r.staged) for r in staged):
        dataset, keys, cursor = f"bronze.{load.table}", bronze_names(load.stream.primary_key), load.stream.cursor
        if found.changes:
            LOG.warning("%s: the schema changed: %s", dataset, ", ".join(found.changes))
        tests += suites.bronze(
            dataset, primary_key=keys, cursor=bronze_names([cursor])[0] if cursor else None,
            columns=[c.name for c in found.columns], declared=context.declared_tests,
        )  # fmt: skip
        places[dataset] = f"bronze__staging.{load.table}"
    checks = judged(warehouse, context, gate.run(tests, gate_on(warehouse), gate.staged(places)))
    loads = {
        f"bronze.{r.load.table}": [m.load_id for m in r.manifests] for r in staged if not r.load.stream.primary_key
    }
    checks = with_rows(warehouse, context, tests, checks, gate.staged(places), loads)
    mine = {name: tuple(c for c in checks if c.dataset == name) for name in places}
    if blocking := gate.blocked(checks):
        with warehouse.transaction():
            warehouse.ledger.gates(staged[0].load.batch, checks, published=False)
            warehouse.ledger.events(
                [context.tell.gate(n, found, owner=owner, unpublished=sorted(mine)) for n, found in mine.items()]
            )
        raise GateBlocked(
            f"stream {staged[0].load.source}.{staged[0].load.stream.name}",
            f"its gate failed: {', '.join(f'{c.check_id} ({c.failed_rows} rows)' for c in blocking)}",
            "mend the source and run again; what is published stays as it was",
        )
    return [replace(r, checks=mine[f"bronze.{r.load.table}"]) for r in staged]


def profiled(warehouse: SqlWarehouse, ready: Ready, context: Context) -> Ready:
    """With the profile of the staged rows. Rows that are read again are no batch whose numbers would say anything."""
    load = ready.load
    if any(mark in p.identity for mark in (REPLAY, BACKFILL) for p in load.planned):
        return ready
    columns = {c.name: c.type for c in ready.staged.columns}
    declared = context.declared_protection(f"bronze.{load.table}")
    return replace(ready, profile=warehouse.profile("bronze__staging", load.table, columns, declared))


def publish(ready: Sequence[Ready], context: Context) -> list[Accounts]:
    """Make the staged rows visible; ledger, cursor and events are in the same transaction."""

    def tell(one: Ready, found: Accounts) -> list[Event]:
        return load_events(context, one, found, bronze_facts(context, one, warehouse.dialect))

    with open_warehouse(context.settings) as warehouse:
        return warehouse.publish(ready, tell)


def after_publish(ready: Sequence[Ready], context: Context) -> None:
    """What need not be in the transaction; the next run does it again should this one not come to it."""
    with open_warehouse(context.settings) as warehouse:
        for one in ready:
            warehouse.show(one.load, context.protection(f"bronze.{one.load.table}"))
        save_picture(context.settings, warehouse)
    for one in ready:
        for manifest in one.manifests:
            context.landing.release(manifest.source, manifest.stream, manifest.load_id)


def record_failure(load: StreamLoad, error: Exception, context: Context) -> None:
    """The ledger keeps why a stream was not published; its loads are tried again by the next run."""
    name = f"{load.source}.{load.stream.name}"
    held = isinstance(error, HeldError)
    verb, reason = "held" if held else "failed", getattr(error, "reason", "")
    owner = context.owner(load.source)
    event = context.event(f"hallmark.load.{verb}.v1", name, owner=owner, error=words(error), reason=reason)
    with open_warehouse(context.settings) as warehouse:
        ledger = warehouse.ledger
        # What the data are to blame for may be mended in the source; anything else has nothing to do with them.
        close = ledger.fail if isinstance(error, SourceError | GateBlocked) else ledger.interrupt
        close = ledger.hold if held else close
        with warehouse.transaction():
            ledger.touch(load.source, [load.stream.name])
            if not load.replays:  # what was published of the stream stays as it is
                ledger.set_status(load.source, load.stream.name, "unconfirmed" if held else "failed")
            close([p.load_id for p in load.planned], str(error))
            ledger.events([event])
        save_picture(context.settings, warehouse)


def is_passing(error: BaseException) -> bool:
    """Whether trying again is sensible, with nothing changed but the time."""
    return isinstance(error, UnreachableError)
