"""`hallmark backfill`: landed loads, or a range of a table, loaded again."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from flows.commands.options import AsJson, Profile, Why, reading
from flows.commands.plan import human
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backfill")(backfill)


def backfill(
    streams: Annotated[list[str], typer.Argument(help="SOURCE.STREAM, or SOURCE for all its streams.")],
    lower: Annotated[str | None, typer.Option("--from", help="First slot, or value of the table's cursor.")] = None,
    upper: Annotated[str | None, typer.Option("--to", help="Last slot or value, itself inside.")] = None,
    loads: Annotated[list[str] | None, typer.Option("--loads", help="Only the load with this id; repeatable.")] = None,
    reason: Why = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Load landed parts again by today's rules, or a range of a table; no cursor moves. The plan is shown before."""
    from blocks.settings import Settings
    from flows.server import without_server

    reading()
    settings = Settings.load(profile=profile)
    with without_server(settings.home):
        plan = planned(settings, streams, lower, upper, loads or [], sources, profile)
    if not as_json:
        show_plan(plan)
    if plan["streams"] and not yes:
        confirm(as_json)
    if not plan["streams"]:
        dump({"plan": plan, "state": "nothing_to_do", "streams": [], "layers": []}) if as_json else None
        return
    from flows.commands.run import exit_status, prefect_api, progress

    # What was confirmed is what is loaded, though a batch may have published more meanwhile.
    ids = [i for s in plan["streams"] for i in s["load_ids"]] if not plan["range"] else []
    bounds = (lower, upper) if plan["range"] else (None, None)
    with prefect_api(settings, server=False), progress(as_json):
        from flows.backfill import backfill as flow
        from flows.incidents import acted
        from governance.incidents.signals import bronze

        chosen = f" from {lower or 'the first'} to {upper or 'the last'}" if lower or upper else ""
        acted(settings, "backfill", f"{', '.join(streams)}{chosen}", map(bronze, streams), reason)
        state = flow(streams, *bounds, ids, sources, profile, return_state=True)
        result: Any = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    dump({**result, "plan": plan}) if as_json else show(result)
    raise typer.Exit(exit_status(result))


def planned(
    settings: Any,
    streams: list[str],
    lower: str | None,
    upper: str | None,
    loads: list[str],
    sources: str | None,
    profile: str | None,
) -> dict[str, Any]:
    """What would be done."""
    from flows import slots
    from flows.backfill_choice import Wanted, as_plan, choose
    from flows.context import make_context, sample_servers

    wanted = Wanted(streams, lower, upper, loads)
    with sample_servers(settings):
        context = make_context(slots.show(slots.floor(settings.clock())), sources, profile, "plan")
        return {**as_plan(choose(wanted, context)), "range": wanted.range}


def confirm(as_json: bool) -> None:
    """Ask, where there is somebody to ask. Raises ConfigurationError where there is not."""
    if as_json or not sys.stdin.isatty():
        cause = "nobody confirmed the plan, and there is no terminal to ask"
        raise ConfigurationError("the backfill", cause, "read the plan, then add --yes")
    if not typer.confirm("Load them again?", err=True):
        console().print("Nothing was done.")
        raise typer.Exit(0)


def show_plan(plan: dict[str, Any]) -> None:
    """Streams, loads, rows and what becomes of them."""
    if not plan["streams"]:
        console().print("No landed load, and no row of a table, is there that fits: nothing to do.")
        return
    rows = [{**s, "size": human(s["bytes"])} for s in plan["streams"]]
    table("The backfill", ("stream", "loads", "rows", "size"), rows, ("loads", "rows", "size"))
    for s in plan["streams"]:
        console().print(f"{s['stream']}: {plain(s['what'], 300)}")
        if s["also"]:
            console().print(
                f"  {len(s['also'])} of them because rows of theirs were replayed together with the others'"
            )
        if s["gone"]:
            console().print(f"  {s['gone']} more are no longer in the landing zone, and stay as they are")
    console().print("Then silver and gold are built once. No cursor moves.")


def show(summary: dict[str, Any]) -> None:
    """What became of it."""
    rows = [{**s, "stream": f"{s['source']}.{s['stream']}"} for s in summary["streams"]]
    numbers = ("read", "published", "unchanged", "quarantined")
    table(f"Slot {summary['slot']}: loaded again", ("stream", "status", *numbers), rows, numbers)
    table("Gates", ("layer", "status", "checks", "failed"), summary["layers"], ("checks", "failed"))
    for s in rows:
        if s["error"]:
            console().print(f"{s['stream']} failed: {plain(s['error']['cause'], 1000)}", style="red")
            console().print(f"  remedy: {plain(s['error']['remedy'], 500)}")
