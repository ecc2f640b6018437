"""`hallmark rollback`: a layer as an earlier slot published it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from flows.commands.options import AsJson, Profile, reading
from flows.console import console, dump, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback")(rollback)


def rollback(
    layer: Annotated[str, typer.Argument(help="silver or gold")],
    to: Annotated[str, typer.Option("--to", help="The slot, such as 2026-11-22T06:00:00Z; the last four are kept.")],
    reason: Annotated[str, typer.Option(help="Why; recorded with your name.")] = "",
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Put a layer back to what a slot published, at once for all its tables; the next batch builds it anew."""
    from blocks.settings import Settings
    from flows.rollback import rollback as put_back

    reading()
    settings = Settings.load(profile=profile)
    back = put_back(settings, layer, to, reason)
    if as_json:
        dump(asdict(back))
        return
    table(f"{layer} is as slot {back.slot} published it", ("dataset", "rows"), [
        {"dataset": f"{layer}.{name}", "rows": count} for name, count in sorted(back.rows.items())
    ], ("rows",))  # fmt: skip
    console().print(f"Before it was as slot {back.was} published it.")
    if back.incidents:
        console().print(f"Noted in the incidents {', '.join(back.incidents)}.")
    console().print("The next batch builds it anew: correct what was wrong first.")
