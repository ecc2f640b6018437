"""The six-hour run: ingest all sources → silver → gold → deliver → report. It resumes where a killed run stopped.

Start here: each step is a flow of its own, in the file of its name.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks import interrupt
from blocks.landing import open_landing
from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.sources.spec import load_sources
from flows import pulse, slots
from flows.context import (
    LAYERS,
    Context,
    check_layer,
    make_context,
    name_run,
    sample_servers,
    select_streams,
    sources_path,
)
from flows.deliver import deliver
from flows.holds import HELD
from flows.hooks import WATCHED
from flows.ingest import ingest_source
from flows.load import is_passing
from flows.patience import patient
from flows.report import publish_artifacts, write_report
from flows.runs import begin, recorded
from flows.stale import stale_datasets
from flows.transform import transform
from governance.errors import words

LOG = logging.getLogger("hallmark")
Summary = dict[str, Any]
STOPPED = ("blocked", "failed", "skipped")


@flow(name="batch", flow_run_name="batch", **WATCHED)
@patient
def batch(
    slot: str | None = None,
    sources: str | None = None,
    stream: str | None = None,
    from_layer: str = "bronze",
    profile: str | None = None,
) -> State[Summary]:
    """Run one slot. The result is the summary of `hallmark run --json`; the state is Failed if anything failed."""
    settings = Settings.load(profile=profile)
    check_layer(from_layer)
    with exclusive(settings.home / "batch.lock", "the batch") as describe, sample_servers(settings):
        wanted = select_streams(load_sources(sources_path(sources)), stream)
        open_landing(settings).check()
        chosen, attempt, run_id = begin(settings, slot, rebuild=from_layer != "bronze" or stream is not None)
        if attempt == 0:
            pulse.ended(settings, well=True)
            return Completed(data=nothing_to_do(run_id, chosen))
        name_run(f"batch {chosen}")
        describe(slot=chosen)
        context = make_context(chosen, sources, profile, run_id, attempt)
        with recorded(context, "batch", whole=stream is None and from_layer == "bronze") as run:
            summary = steps(context, sources, wanted, stream, from_layer)
            run.done(summary)
            run.summary = summary
        summary |= tell(context, summary)
        pulse.ended(settings, well=summary["state"] == "completed")
    return (Completed if summary["state"] == "completed" else Failed)(data=summary, message=headline(summary))


def steps(
    context: Context, sources: str | None, wanted: dict[str, list[str]], stream: str | None, from_layer: str
) -> Summary:
    """The layers in their order, then delivery and the report."""
    started = time.monotonic()
    run: dict[str, Any] = {
        "slot": slots.show(context.batch.slot), "run_id": context.batch.run_id, "sources": sources,
        "profile": context.settings.profile, "attempt": context.batch.attempt,
    }  # fmt: skip
    streams: list[Summary] = []
    if from_layer == "bronze":
        only = stream.partition(".")[2] if stream else ""
        for source in wanted:
            streams += ingest_source(source=source, stream=only or None, **run)
            interrupt.look()
    layers = [bronze_layer(streams)] if streams else []
    stale = stale_datasets(context)
    for layer in LAYERS[max(1, LAYERS.index(from_layer)) :]:
        if layers and layers[-1]["status"] in STOPPED:
            layers.append(unbuilt(layer, "skipped"))
            continue
        try:
            layers.append(transform(layer=layer, stale=stale, **run))
        except Exception as error:  # noqa: BLE001 - whatever stopped a layer is recorded and told, as its failure
            interrupt.look()
            layers.append({**unbuilt(layer, "failed"), "error": words(error), "retry": is_passing(error)})
            LOG.error("%s failed: %s", layer, words(error)["cause"])
    failed = any(s["status"] == "failed" for s in streams) or any(x["status"] in STOPPED for x in layers)
    summary: Summary = {
        "run_id": context.batch.run_id, "slot": run["slot"], "state": "failed" if failed else "completed",
        "streams": streams, "layers": layers, "stale": stale, "seconds": round(time.monotonic() - started, 1),
    }  # fmt: skip
    return summary


def tell(context: Context, summary: Summary) -> Summary:
    """Deliver the events and write the report. The data are published: what fails here waits for the next time."""
    told: Summary = {"events": dict.fromkeys(("delivered", "waiting", "buried"), 0), "report": None}
    for name, step in (
        ("events", lambda: deliver(profile=context.settings.profile)),
        ("report", lambda: str(write_report(context, summary))),
    ):
        try:
            told[name] = step()
        except Exception as error:  # noqa: BLE001 - governance never stops the data
            LOG.error("%s failed: %s", name, words(error)["cause"])
    publish_artifacts({**summary, **told})
    return told


def unbuilt(layer: str, status: str) -> Summary:
    """A layer that failed, or was skipped because the one before it was not published."""
    return {"layer": layer, "status": status, "checks": 0, "failed": 0, "skipped": [], "failures": [], "steps": []}


def bronze_layer(streams: list[Summary]) -> Summary:
    """Bronze is gated per stream; this is the sum of it."""
    statuses = {s["status"] for s in streams}
    status = "partly published" if statuses & {"failed", HELD} else "published"
    counts = {name: sum(s[name] for s in streams) for name in ("checks", "failed")}
    steps = [stream_step(f"{s['source']}.{s['stream']}", s) for s in streams if s["started_at"]]
    return {"layer": "bronze", "status": status, **counts, "skipped": [], "failures": [], "steps": steps}


def stream_step(name: str, found: Summary) -> Summary:
    """A stream's time, as the report shows it."""
    state = "failed" if found["status"] == "failed" else "completed"
    return {"name": name, "started_at": found["started_at"], "seconds": found["seconds"], "state": state}


def nothing_to_do(run_id: str, slot: str) -> Summary:
    """The slot is complete: a no-op."""
    nothing = {"delivered": 0, "waiting": 0, "buried": 0}
    known = {"run_id": run_id, "slot": slot, "state": "nothing_to_do"}
    return {**known, "streams": [], "layers": [], "events": nothing, "report": None}


def headline(summary: Summary) -> str:
    """What a person reads first."""
    bad = [f"{s['source']}.{s['stream']}" for s in summary["streams"] if s["status"] == "failed"]
    bad += [f"layer {x['layer']}" for x in summary["layers"] if x["status"] in STOPPED]
    held = [f"{s['source']}.{s['stream']}" for s in summary["streams"] if s["status"] == HELD]
    said = f"slot {summary['slot']} {summary['state']}" + (f": {', '.join(bad)}" if bad else "")
    return said + (f"; held: {', '.join(held)}" if held else "")
