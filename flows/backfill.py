"""Landed parts loaded again by today's rules, or a range of a table, as loads of their own; silver and gold follow.

No cursor moves and no earlier account changes. Which loads are chosen is in `backfill_choice.py`, what they must not
undo in `blocks/warehouses/bronze_again.py`. A killed backfill is resumed by the same call.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.landing import Landing
from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.sources.base import Manifest, Part, Planned, Reader
from blocks.sources.packed import is_packed, safe_suffix
from blocks.sources.spec import SourceSpec, StreamSpec
from blocks.warehouses import bronze_again, open_warehouse
from blocks.warehouses.base import Account, Accounts, Ready, StreamLoad, now
from flows.backfill_choice import Chosen, Wanted, choose, range_reader
from flows.batch import bronze_layer, steps
from flows.context import Context, make_context, name_run, sample_servers
from flows.deliver import deliver_or_wait
from flows.hooks import WATCHED
from flows.ingest import empty_result
from flows.lineage import bronze_facts
from flows.load import after_publish, is_passing, load_and_gate, mend, record_failure
from flows.patience import patient
from flows.runs import newest_slot, part
from flows.told import load_events
from governance.errors import words
from governance.model import Event

Summary = dict[str, Any]


@flow(name="backfill", flow_run_name="backfill", **WATCHED)
@patient
def backfill(
    streams: list[str],
    lower: str | None = None,
    upper: str | None = None,
    loads: Sequence[str] = (),
    sources: str | None = None,
    profile: str | None = None,
) -> State[Summary]:
    """Load again what is in the landing zone of these streams, by slots or by ids; or a range of a table's cursor.

    Without bounds and loads it is all that is landed. Raises ConfigurationError before anything is started.
    """
    settings = Settings.load(profile=profile)
    wanted = Wanted(streams, lower, upper, tuple(loads))
    with exclusive(settings.home / "batch.lock", "the batch") as describe, sample_servers(settings):
        label = newest_slot(settings)
        chosen = choose(wanted, make_context(label, sources, profile, ""))
        if not chosen:
            return Completed(
                data={"run_id": None, "slot": label, "state": "nothing_to_do", "streams": [], "layers": []}
            )
        name_run(f"backfill {', '.join(streams)}")
        describe(slot=label)
        with part(settings, "backfill", sources, profile) as run:
            summary = work(chosen, sources, run.context)
            run.done(summary)
        deliver_or_wait(profile)
    return (Completed if summary["state"] == "completed" else Failed)(data=summary)


def work(chosen: Sequence[Chosen], sources: str | None, context: Context) -> Summary:
    """Each stream, one after the other; then silver and gold, from what is published."""
    results = []
    for one in chosen:
        started = time.monotonic()
        result = {**empty_result(one.source, one.stream), "started_at": now().isoformat()}
        try:
            account = load_again.with_options(name=f"{one.source}.{one.stream}")(one, context)
            counts = ("read", "published", "unchanged", "quarantined", "deleted")
            result |= {"status": "published", **{name: getattr(account, name) for name in counts}}
        except Exception as error:  # noqa: BLE001 - it is recorded, as the failure of this stream
            result |= {"status": "failed", "error": words(error), "retry": is_passing(error)}
        result |= {"bytes": one.bytes, "seconds": round(time.monotonic() - started, 3)}
        results.append(result)
    summary = steps(context, sources, {}, None, "silver")
    if any(r["status"] == "failed" for r in results):
        summary["state"] = "failed"
    return {**summary, "streams": results, "layers": [bronze_layer(results), *summary["layers"]]}


@task(cache_policy=NO_CACHE)
def load_again(chosen: Chosen, context: Context) -> Account:
    """Land, load, gate and publish what is chosen of one stream; where all its rows went, without child tables.

    Raises what stopped it, after the ledger knows.
    """
    spec = context.sources[chosen.source]
    declared = spec.streams[chosen.stream]
    load = StreamLoad(chosen.source, declared, context.batch, chosen.planned, rules=declared.fingerprint)
    try:
        reader: Reader = reader_for(spec) if chosen.originals else range_reader(spec)
        load = replace(load, stream=reader.resolve(declared))
        begin_stream(load, context)
        manifests = [land(reader, spec, load.stream, chosen, n, context.landing) for n in range(len(load.planned))]
        if chosen.originals:
            manifests = [replace(m, again=(o.load_id,)) for m, o in zip(manifests, chosen.originals, strict=True)]
        with open_warehouse(context.settings) as warehouse:
            warehouse.ledger.landed({m.load_id: sum(p.bytes for p in m.parts) for m in manifests})
        total, planned = Account(), {p.load_id: p for p in load.planned}
        for group in groups(load, manifests):
            mine = [planned[m.load_id] for m in group]
            ready = load_and_gate(reader, replace(load, planned=mine), group, context)
            total = sum(publish(ready, chosen, context)[0].values(), total)
            after_publish(ready, context)
    except Exception as error:
        record_failure(load, error, context)
        raise
    return total


def begin_stream(load: StreamLoad, context: Context) -> None:
    """Mend what a kill left of the stream, and write the loads as planned."""
    with open_warehouse(context.settings) as warehouse:
        mend(load, warehouse, context)
        with warehouse.transaction():
            warehouse.ledger.plan(load)


def groups(load: StreamLoad, manifests: list[Manifest]) -> list[list[Manifest]]:
    """What is published together. Of what is read again and again each load is held against those before it."""
    apart = not load.stream.primary_key and any(m.rereads for m in manifests)
    return [[m] for m in manifests] if apart else [manifests]


def land(
    reader: Reader, source: SourceSpec, stream: StreamSpec, chosen: Chosen, number: int, landing: Landing
) -> Manifest:
    """The parts as they came from the source, as a load of its own; of a range they are read."""
    planned = chosen.planned[number]
    if not chosen.originals:
        return reader.land(stream, planned, landing)
    found = landing.manifest(source.name, stream.name, chosen.originals[number].load_id)
    if found is None:
        raise LookupError(f"the manifest of load {chosen.originals[number].load_id} went since it was planned")
    if source.kind in ("files", "documents"):
        return _land_file(reader, source, stream, planned, found, landing)
    done = landing.manifest(source.name, stream.name, planned.load_id)
    if done:
        return done
    # The keys of then say nothing of what was deleted since; a cursor or state of then is behind today's.
    parts = tuple(p for p in found.parts if not p.holds_keys)
    again = replace(found, load_id=planned.load_id, identity=planned.identity, parts=parts, state=None, by_cursor=False)
    for one in parts:
        _copy(landing, landing.part(found, one), landing.folder(source.name, stream.name, again.load_id) / one.path)
    landing.write_manifest(again)
    landing.release(source.name, stream.name, found.load_id)
    return again


def _land_file(
    reader: Reader, source: SourceSpec, stream: StreamSpec, planned: Planned, found: Manifest, landing: Landing
) -> Manifest:
    """The dropped file once more: unpacked and described by today's rules."""
    path = found.path or found.parts[0].position
    name = f"{'packed' if is_packed(path) and source.kind == 'files' else 'part'}-0{safe_suffix(path)}"
    planned = replace(planned, path=path, columns=tuple(c.name for c in found.schema))
    if landing.manifest(source.name, stream.name, planned.load_id):
        return reader.land(stream, planned, landing)
    copy = landing.incoming(source.name, stream.name) / name
    size, digest = _copy(landing, landing.part(found, Part(name, 0, "", "")), copy)
    landing.release(source.name, stream.name, found.load_id)
    return reader.land(stream, replace(planned, size=size, digest=digest, copy=copy), landing)


def _copy(landing: Landing, part: Path, target: Path) -> tuple[int, str]:
    with part.open("rb") as file:
        return landing.copy_in(file, target)


def publish(ready: Sequence[Ready], chosen: Chosen, context: Context) -> list[Accounts]:
    """Make the rows visible, and take out what they replace, in one transaction."""
    load = ready[0].load
    keyed, rereads = bool(load.stream.primary_key), any(m.rereads for m in ready[0].manifests)
    originals = {p.identity: o for p, o in zip(chosen.planned, chosen.originals, strict=False)}
    mine = [(p, originals[p.identity]) for p in load.planned if p.identity in originals]
    loads = chosen.history.loads
    replaced: dict[str, tuple[str, str]] = {}
    for planned, original in mine:
        replays = chosen.history.replays_of({original.load_id})
        for load_id in (*chosen.history.family(original.load_id), *sorted(replays)):
            replaced[load_id] = (loads[load_id].identity, planned.identity)

    with open_warehouse(context.settings) as warehouse:

        def tell(one: Ready, found: Accounts) -> list[Event]:
            if one.load.parent is None and replaced:
                bronze_again.settle_quarantine(warehouse, load)
                if not keyed:
                    bronze_again.take_place(warehouse, load, unread_only=rereads)
            return load_events(context, one, found, bronze_facts(context, one, warehouse.dialect))

        if replaced:
            bronze_again.note_replaced(warehouse, load, replaced)
        if keyed and mine:
            seqs = {p.load_id: o.seq for p, o in mine}
            bronze_again.keep_newer(warehouse, load, chosen.history, seqs)
        elif rereads and replaced:
            bronze_again.note_unread(warehouse, load)
        return warehouse.publish(ready, tell)
