"""`hallmark plan`: what the next batch would load and need, or how a batch of any size goes through the day."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import typer

from flows.commands.options import AsJson, Profile
from flows.console import console, dump, plain, table

Number = float | None


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    simulate: Annotated[bool, typer.Option("--simulate", help="A batch of --bytes in simulated time.")] = False,
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this source, or source.stream.")] = None,
    profile: Profile = None,
    hours: Annotated[Number, typer.Option(help="Time that a batch has; default 3.", min=0.01)] = None,
    warehouse_size: Annotated[
        int | None, typer.Option(help="Credits an hour: 1 is XS, 16 XL; default 16.", min=1)
    ] = None,
    bytes_: Annotated[Number, typer.Option("--bytes", help="Simulated: bytes of sources; 2.5e12.", min=1)] = None,
    streams: Annotated[int | None, typer.Option(help="Simulated: number of streams; 400.", min=1)] = None,
    pods: Annotated[int | None, typer.Option(help="Simulated: pods that read; 24.", min=1)] = None,
    pod_cores: Annotated[int | None, typer.Option(help="Simulated: cores of a pod; 4.", min=1)] = None,
    part_mb: Annotated[Number, typer.Option(help="Simulated: MB of source in a part; 200.", min=1)] = None,
    source_mb_s: Annotated[Number, typer.Option(help="Simulated: MB/s of all sources; 3000.", min=1)] = None,
    pod_upload_mb_s: Annotated[Number, typer.Option(help="Simulated: MB/s of a pod to S3; 500.", min=1)] = None,
    at_once: Annotated[int | None, typer.Option(help="Simulated: streams at a time in Snowflake; 16.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the next batch would load, without loading it; or simulate one."""
    from flows.capacity import Assumptions

    given = {
        "hours": hours, "warehouse_size": warehouse_size, "bytes": bytes_, "streams": streams, "pods": pods,
        "pod_cores": pod_cores, "part_mb": part_mb, "source_mb_s": source_mb_s, "pod_upload_mb_s": pod_upload_mb_s,
        "at_once": at_once,
    }  # fmt: skip
    assumed = Assumptions(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    if simulate:
        from flows.simulate import simulate as run

        assumptions = {f.name: getattr(assumed, f.name) for f in fields(assumed)}
        found = {**run(assumed), "assumptions": assumptions}
        dump(found) if as_json else show_simulated(found)
        return
    from blocks.settings import Settings
    from flows.plan import plan as made

    settings = Settings.load(profile=profile)
    found = made(settings, sources, stream, assumed)
    dump(found) if as_json else show(found, assumed.hours, assumed.warehouse_size)
    raise typer.Exit(1 if found["failed"] else 0)


def show(found: dict[str, Any], hours: float, size: int) -> None:
    """The next batch as a table that fits 80 columns."""
    from flows.capacity import size_name

    out = console()
    rows = [{**s, "parts": _count(s["parts"]), "size": human(s["bytes"])} for s in found["streams"]]
    table("The next batch", ("stream", "parts", "tasks", "size"), rows, ("parts", "tasks", "size"))
    for s in found["streams"]:
        if s["note"]:
            out.print(f"{s['stream']}: {plain(s['note'], 300)}", style="dim")
    cores = f"{found['cores']} {'core' if found['cores'] == 1 else 'cores'}"
    out.print(f"{found['tasks']} tasks, {human(found['bytes'])}: {cores} for a batch of {hours:g} hours")
    out.print(a_day(found["task_runs_a_day"]))
    if found["credits"] is not None:
        out.print(f"about {found['credits']:g} Snowflake credits on a warehouse of size {size_name(size)}")


def show_simulated(found: dict[str, Any]) -> None:
    """A simulated batch as tables that fit 80 columns."""
    from flows.capacity import size_name

    out, assumed = console(), found["assumptions"]
    rows = [{**s, "size": human(s["bytes"]), "streams": s["tasks"]} for s in found["streams"]]
    title = f"A batch of {human(found['bytes'])} in {assumed['streams']} streams"
    table(title, ("stream", "streams", "parts", "size"), rows, ("streams", "parts", "size"))
    layers = [
        {"layer": x["layer"], "published after": clock(x["published_s"]), "of the time": f"{x['share']:.0%}"}
        for x in found["layers"]
    ]
    table("Published", ("layer", "published after", "of the time"), layers, ("published after", "of the time"))
    phases = [{**p, "takes": clock(p["seconds"]), "until": clock(p["until_s"])} for p in found["phases"]]
    table("Where the time goes", ("phase", "takes", "until"), phases, ("takes", "until"))
    levers = [{"twice as much of": x["what"], "saves": clock(x["saves_s"])} for x in found["levers"]]
    table("What would help, the bottleneck first", ("twice as much of", "saves"), levers, ("saves",))
    busy = found["busy"]
    out.print(
        f"{found['cores']} cores in {assumed['pods']} pods, {busy['cores']:.0%} busy; warehouse "
        f"{size_name(assumed['warehouse_size'])}, {busy['warehouse']:.0%} busy in bronze"
    )
    out.print(f"{found['cores_needed']} cores read and stage it in {assumed['hours']:g} hours")
    out.print(a_day(found["task_runs_a_day"]))
    out.print(f"the first stream is published after {clock(found['first_stream_s'])}")
    verdict = "within" if found["within"] else "NOT within"
    out.print(f"about {found['credits']:g} credits; gold is {verdict} {assumed['hours']:g} hours")


def a_day(task_runs: int) -> str:
    """What four such batches leave in Prefect's database, beside what it takes."""
    from flows.capacity import TASK_RUNS_A_DAY

    verdict = "within" if task_runs <= TASK_RUNS_A_DAY else "NOT within"
    return f"{task_runs} task runs a day in four such batches, {verdict} {TASK_RUNS_A_DAY}"


def human(size: int | None) -> str:
    """Bytes for a person."""
    if size is None:
        return "not known"
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _count(number: int | None) -> str:
    return "not known" if number is None else str(number)
