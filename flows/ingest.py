"""One source into bronze, one task for each stream. What a stream's load goes through is in `load.py`."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from blocks import interrupt
from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.sources.spec import load_sources
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Account, Accounts, Ready, StreamLoad, now
from flows import pipelines, slots
from flows.context import Context, make_context, sample_servers, select_streams, sources_path
from flows.deliver import deliver_or_wait
from flows.delivery import page
from flows.holds import HELD, kept_out
from flows.hooks import WATCHED
from flows.load import after_publish, is_passing, land, load_and_gate, plan, publish, record_failure
from flows.patience import patient
from flows.report import publish_stream_artifacts
from flows.runs import part
from flows.shards import landed_by_parts
from flows.waivers import words as words_of
from governance.errors import words

LOG = logging.getLogger("hallmark")
Result = dict[str, Any]
AT_ONCE: Any = ThreadPoolTaskRunner(max_workers=2)  # any runner is one of its futures only, by Prefect's types


@flow(name="ingest", flow_run_name="ingest {source}", **WATCHED)
@patient
def ingest(
    source: str, stream: str | None = None, sources: str | None = None, profile: str | None = None
) -> State[list[Result]]:
    """A source, or one stream of it, by itself: what a file's arrival or a person starts. It completes no slot."""
    settings = Settings.load(profile=profile)
    with exclusive(settings.home / "batch.lock", "the batch") as describe, sample_servers(settings):
        select_streams(load_sources(sources_path(sources)), f"{source}.{stream}" if stream else source)
        with part(settings, f"ingest {source}", sources, profile) as run:
            slot, batch = slots.show(run.context.batch.slot), run.context.batch
            describe(slot=slot)
            streams = ingest_source(source, slot, batch.run_id, stream, sources, profile, batch.attempt)
            failed = [f"{x['source']}.{x['stream']}: {x['error']['cause']}" for x in streams if x["error"]]
            run.state = "failed" if failed else "completed"
        deliver_or_wait(profile)
    publish_stream_artifacts(streams, f"run {batch.run_id}")
    return Failed(data=streams, message="; ".join(failed)) if failed else Completed(data=streams)


@flow(name="ingest-source", flow_run_name="ingest {source} {slot}", task_runner=AT_ONCE)
def ingest_source(
    source: str,
    slot: str,
    run_id: str,
    stream: str | None = None,
    sources: str | None = None,
    profile: str | None = None,
    attempt: int = 1,
) -> list[Result]:
    """Bring what is new of a source's streams into bronze; a failed stream does not stop the others."""
    context, began = make_context(slot, sources, profile, run_id, attempt), now()
    names = select_streams(context.sources, f"{source}.{stream}" if stream else source)[source]
    held = kept_out(context, source, names)
    runs = {
        name: ingest_stream.with_options(name=f"{source}.{name}").submit(source, name, context)
        for name in names
        if name not in held
    }
    owner = context.owner(source)
    results = [x for name, r in runs.items() for x in _results(source, name, r.result(raise_on_failure=False))]
    results += [{**empty_result(source, name), "status": HELD, "warning": str(one)} for name, one in held.items()]
    run = pipelines.ingested(source, began, now(), results)
    with open_warehouse(context.settings) as warehouse:
        warehouse.ledger.events([context.tell.run(run, owner=owner)])
    return [{**result, "owner": owner} for result in results]


@task(cache_policy=NO_CACHE)
def ingest_stream(source: str, stream: str, context: Context) -> list[Result]:
    """Land, load, gate and publish one stream; its result, then those of its child tables.

    Raises what stopped it, after the ledger knows.
    """
    with context.tagged(stream=f"{source}.{stream}", team=context.owner(source)):
        return load_stream(source, stream, context)


def load_stream(source: str, stream: str, context: Context) -> list[Result]:
    """What `ingest_stream` does."""
    began, started = now(), time.monotonic()
    spec = context.sources[source]
    load = StreamLoad(source, spec.streams[stream], context.batch, ())
    try:
        reader = reader_for(spec)
        load = replace(load, stream=reader.resolve(load.stream))
        load = plan(reader, load, context)
        manifests, shards = landed_by_parts(load, context)
        manifests = manifests or land(reader, load, context)
        ready = load_and_gate(reader, load, manifests, context, shards)
        interrupt.look()
        accounts = publish(ready, context)
    except Exception as error:
        record_failure(load, error, context)
        page(context.settings)
        raise
    after_publish(ready, context)
    results = [result_of(one, found) for one, found in zip(ready, accounts, strict=True)]
    results[0] |= {
        "bytes": sum(p.bytes for m in manifests for p in m.parts), "seconds": round(time.monotonic() - started, 3),
        "warning": "; ".join(filter(None, (reader.warning(load.stream), results[0]["warning"]))) or None,
        "started_at": began.isoformat(),
    }  # fmt: skip
    return results


def result_of(ready: Ready, accounts: Accounts) -> Result:
    """What became of a stream, or of a child table."""
    source, stream, total = ready.load.source, ready.load.stream.name, sum(accounts.values(), Account())
    LOG.info(
        "%s.%s: %d read, %d published, %d unchanged, %d quarantined",
        source, stream, total.read, total.published, total.unchanged, total.quarantined,
    )  # fmt: skip
    counts = {k: getattr(total, k) for k in ("read", "published", "unchanged", "quarantined", "deleted")}
    checks = {"checks": len(ready.checks), "failed": sum(not c.success for c in ready.checks)}
    waived = "; ".join(f"{c.check_id} {words_of(c)}" for c in ready.checks if c.waived)
    return {**empty_result(source, stream), "status": "published", **counts, **checks, "warning": waived or None}


def _results(source: str, stream: str, outcome: Any) -> list[Result]:
    """What a task returned; of one that failed, its error."""
    if isinstance(outcome, list):
        return outcome
    return [{**empty_result(source, stream), "status": "failed", "error": words(outcome), "retry": is_passing(outcome)}]


def empty_result(source: str, stream: str) -> Result:
    """A stream of which nothing is known yet."""
    numbers = dict.fromkeys(
        ("read", "published", "unchanged", "quarantined", "deleted", "bytes", "checks", "failed"), 0
    )
    rest = {"seconds": 0.0, "error": None, "warning": None, "started_at": None}
    return {"source": source, "stream": stream, "status": "", **numbers, **rest}
