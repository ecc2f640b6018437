"""`hallmark rollback`: a layer as an earlier slot published it."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import AsJson, Profile, reading
from flows.console import dump, table


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
    rows = put_back(settings, layer, to, reason)
    if as_json:
        dump({"layer": layer, "slot": to, "rows": dict(rows)})
        return
    table(f"{layer} is as slot {to} published it", ("dataset", "rows"), [
        {"dataset": f"{layer}.{name}", "rows": count} for name, count in sorted(rows.items())
    ])  # fmt: skip
