"""`hallmark run` and `hallmark status`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import AsJson, Profile, Why, make_home, reading
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError, UnreachableError

if TYPE_CHECKING:
    from blocks.settings import Settings

Summary = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("status")(status)


def run(
    slot: Annotated[str | None, typer.Option(help="Slot, such as 2026-11-22T06:00:00Z; default: the next one.")] = None,
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this source, or source.stream.")] = None,
    from_layer: Annotated[str, typer.Option("--from", help="Layer to start from.")] = "bronze",
    reason: Why = "",
    profile: Profile = None,
    server: Annotated[bool, typer.Option("--server", help="Report to the Prefect API of PREFECT_API_URL.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run one batch: ingest, gate and publish bronze, silver and gold, and tell who must know."""
    from blocks import interrupt
    from blocks.settings import Settings

    settings = Settings.load(profile=profile)
    check_configuration(settings, sources, stream, slot, from_layer)
    make_home(settings)
    os.environ["HALLMARK_HOME"] = str(settings.home.resolve())
    with prefect_api(settings, server), progress(as_json):
        from flows.batch import batch

        note(settings, slot, stream, from_layer, reason)
        state = batch(slot, sources, stream, from_layer, profile, return_state=True)
        result: Any = state.result(raise_on_failure=False)
    interrupt.look()
    if isinstance(result, BaseException):
        raise result
    summary: Summary = result
    dump(summary) if as_json else show(summary)
    raise typer.Exit(exit_status(summary))


def note(settings: Settings, slot: str | None, stream: str | None, from_layer: str, reason: str) -> None:
    """A run of what somebody chose is an action of theirs, unlike the one whose turn it is."""
    from flows.context import LAYERS
    from flows.incidents import acted
    from governance.incidents.signals import bronze

    chosen = {"slot": slot, "stream": stream, "from": from_layer if from_layer != LAYERS[0] else None}
    said = " ".join(f"{name} {value}" for name, value in chosen.items() if value)
    if said or reason:
        about = [bronze(stream)] if stream else LAYERS[LAYERS.index(from_layer) :]
        acted(settings, "run", said or "the next slot", about, reason)


def exit_status(summary: Summary) -> int:
    """Of a run that came to its end: 4 where all that failed did so for want of a dependency."""
    if summary["state"] != "failed":
        return 0
    failed = [x for x in (*summary["streams"], *summary["layers"]) if x["status"] in ("failed", "blocked")]
    return UnreachableError.exit_code if all(x.get("retry") for x in failed) else 1


def check_configuration(
    settings: Settings, sources: str | None, stream: str | None, slot: str | None, from_layer: str
) -> None:
    """Stop before anything starts: a bad sources file, an unset variable, an unknown stream or layer."""
    from blocks import sample
    from blocks.landing import open_landing
    from blocks.sources.spec import load_sources
    from flows import slots
    from flows.context import SAMPLE_VARIABLES, check_layer, select_streams, sources_path

    served = SAMPLE_VARIABLES if sample.exists(settings.home) else ()
    placeholders = {name: "postgresql://sample" if name == "CRM_URL" else "." for name in served}
    try:
        declared = load_sources(sources_path(sources), placeholders)
    except ConfigurationError as error:
        if sources is None and any(f"${{{name}}}" in error.what for name in SAMPLE_VARIABLES):
            error.remedy = "make sample data with `hallmark sample`, or set it to data of your own"
        raise
    select_streams(declared, stream)
    check_layer(from_layer)
    open_landing(settings)
    if slot:
        check_slot(settings, slots.parse(slot))


def check_slot(settings: Settings, slot: datetime) -> None:
    """Raises RefusedError for a slot beyond the next one, which the ledger alone knows."""
    from blocks.warehouses import is_made, open_warehouse
    from flows import slots

    if slot <= slots.floor(settings.clock()):
        return
    newest = None
    if is_made(settings):
        with open_warehouse(settings) as warehouse:
            newest = slots.newest_complete(warehouse.ledger.slots())
    slots.check_not_ahead(slot, newest, settings.clock())


@contextmanager
def prefect_api(settings: Settings, server: bool) -> Iterator[None]:
    """A Prefect server of this run alone, or the one that PREFECT_API_URL names.

    Great Expectations is imported while the server starts: both take seconds.
    """
    from blocks.warehouses import check_settings
    from expectations import gate
    from flows.server import configured_server, local_server

    check_settings(settings)
    gate.warm()
    with configured_server() if server else local_server(settings.home):
        yield


@contextmanager
def progress(quiet: bool) -> Iterator[None]:
    """Show each step as it ends, and a spinner with what is under way."""
    out = console(stderr=True)
    with out.status("starting") as status:

        class Steps(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                line = plain(record.getMessage(), 300)
                status.update(line)
                if not quiet and (record.levelno >= logging.WARNING or not record.name.endswith(".said")):
                    style = {logging.WARNING: "yellow", logging.ERROR: "red"}.get(record.levelno, "dim")
                    out.print(f"  {line}", style=style)

        logger, handler = logging.getLogger("hallmark"), Steps(level=logging.INFO)
        logger.setLevel(logging.INFO)
        logger.propagate = False  # Prefect's console handler would print warnings once more
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = True


def show(summary: Summary) -> None:
    """The summary as tables."""
    out = console()
    if summary["state"] == "nothing_to_do":
        out.print(f"Slot {summary['slot']} is complete, or older than one that is: nothing to do.")
        return
    rows = []
    for s in summary["streams"]:
        rate = s["bytes"] / 1e6 / s["seconds"] if s["seconds"] else 0.0
        rows.append({**s, "stream": f"{s['source']}.{s['stream']}", "MB/s": f"{rate:.1f}"})
    numbers = ("read", "published", "unchanged", "quarantined", "MB/s")
    if rows:
        table(f"Slot {summary['slot']}: streams", ("stream", "status", *numbers), rows, numbers, spare=("MB/s",))
    table("Gates", ("layer", "status", "checks", "failed"), summary["layers"], ("checks", "failed"))
    failures = [f for x in summary["layers"] for f in x["failures"]]
    if failures:
        table(
            "Failed checks",
            ("check_id", "severity", "failed_rows", "observed", "threshold"),
            [{**f, "severity": f"{f['severity']}{', waived' if f.get('waived') else ''}"} for f in failures],
            ("failed_rows",),
        )
    for part in (*summary["streams"], *summary["layers"]):
        name = part["layer"] if "layer" in part else f"{part['source']}.{part['stream']}"
        if part.get("error"):
            out.print(
                f"{name} failed: {plain(part['error']['what'], 300)}: {plain(part['error']['cause'], 1000)}",
                style="red",
            )
            out.print(f"  remedy: {plain(part['error']['remedy'], 500)}")
        if part.get("warning"):
            out.print(f"{name}: warning: {plain(part['warning'], 500)}", style="yellow")
    skipped = [m for x in summary["layers"] for m in x["skipped"]]
    if skipped:
        out.print(f"Skipped for want of a source: {', '.join(skipped)}", style="yellow")
    events = summary["events"]
    out.print(f"Events: {events['delivered']} delivered, {events['waiting']} waiting, {events['buried']} buried")
    out.print(f"Report: {summary['report']}")
    out.print("Runs:   hallmark ui")


def status(as_json: AsJson = False) -> None:
    """Slots, streams, outbox and lock of this home. Answers while a batch runs."""
    from flows.state import status as read

    found = read(reading())
    if as_json:
        dump(found)
        return
    table("Slots", ("slot", "state"), found["slots"])
    table("Streams", ("source", "stream", "watermark", "last_success", "lag_s"), found["streams"], ("lag_s",))
    for destination, states in found["outbox"].items():
        console().print(f"outbox {destination}: " + ", ".join(f"{n} {state}" for state, n in states.items()))
    held = found["lock"]
    console().print("batch: " + (", ".join(f"{k} {v}" for k, v in held.items()) if held else "none running"))
