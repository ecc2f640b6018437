"""`hallmark gate`: what fails, and letting one check fail without blocking."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from flows.commands.options import AsJson, Profile, Why, at, given, reading
from flows.console import console, dump, plain, table

Check = Annotated[str, typer.Argument(help="Its id, as `hallmark gate list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Checks that fail, and waivers of them.", rich_markup_mode=None)
    group.command("list")(list_rows)
    group.command("waive")(waive)
    group.command("revoke")(revoke)
    app.add_typer(group, name="gate")


def list_rows(
    everything: Annotated[bool, typer.Option("--all", help="Waivers that are over too.")] = False,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """List the failing checks of the newest slot, and the waivers."""
    from blocks.settings import Settings
    from flows.waivers import listing

    reading()
    found = listing(Settings.load(profile=profile), everything)
    if as_json:
        dump(found)
        return
    rows = [
        {**f, "severity": f"{f['severity']}{', waived' if f['waived'] else ''}", "rows": f["failed_rows"]}
        for f in found["failing"]
    ]
    columns = ("check_id", "severity", "rows", "observed")
    table(f"Slot {found['slot']}: {len(rows)} checks fail", columns, rows, ("rows",), whole=("check_id",))
    columns = ("check_id", "slot", "until", "actor", "reason", *(("state",) if everything else ()))
    if found["waivers"]:
        table("Waivers", columns, found["waivers"], whole=("check_id",))


def waive(
    check: Check,
    slot: Annotated[str, typer.Option("--slot", help="The slot that it may not block, as 2026-11-22T06:00:00Z.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a line; recorded with your name.")],
    until: Annotated[
        datetime | None, typer.Option("--until", help="Later slots neither, in runs before this time (UTC).")
    ] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Let a critical check fail in a slot without blocking. It runs all the same, and is told as failed."""
    from blocks.settings import Settings
    from flows import slots
    from flows.waivers import waive as let

    reading()
    end = at(until)
    done = let(Settings.load(profile=profile), check, slot, given(reason), end)
    shown = slots.show(slots.parse(slot))
    if as_json:
        dump({"check_id": check, "slot": shown, "until": end, "reason": reason, **done})
        return
    console().print(
        f"{check} blocks nothing in slot {shown}{f', nor later until {end:%Y-%m-%d %H:%M} UTC' if end else ''}."
    )
    if done["replaces"]:
        console().print(f"It replaces the waiver {plain(done['replaces'], 400)}")
    console().print(f"Run it again: {done['run']}", soft_wrap=True)


def revoke(check: Check, reason: Why = "", profile: Profile = None, as_json: AsJson = False) -> None:
    """Let a waived check block again."""
    from blocks.settings import Settings
    from flows.waivers import revoke as end

    reading()
    incidents = end(Settings.load(profile=profile), check, reason)
    dump({"check_id": check, "incidents": incidents}) if as_json else console().print(f"{check} blocks again.")
