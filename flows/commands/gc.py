"""`hallmark gc`: remove from the landing zone what is past its retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, reading
from flows.console import console, dump, table

if TYPE_CHECKING:
    from flows.gc import Survey


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gc")(gc)


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove landed parts of loads that are older than the retention and that nothing needs."""
    from flows.gc import collect

    settings = reading()
    found = collect(settings, dry_run, lambda survey: None if as_json else show(survey))
    if not as_json:
        console().print("Nothing was removed." if dry_run else "Removed.")
        return
    removed = [
        {"source": x.source, "stream": x.stream, "load_id": x.load_id, "bytes": x.bytes, "files": len(x.names)}
        for x in found.removed
    ]
    dump({
        "dry_run": dry_run, "retention_days": settings.landing_retention_days, "removed": removed,
        "removed_bytes": sum(x.bytes for x in found.removed), "kept": found.groups(removed=False), **found.tidied,
    })  # fmt: skip


def show(found: Survey) -> None:
    """What goes, with its size, and what stays, with the reason."""
    for title, removed in (("To be removed", True), ("Kept", False)):
        rows = [
            {**row, "stream": f"{row['source']}.{row['stream']}", "MB": f"{row['bytes'] / 1e6:,.1f}"}
            for row in found.groups(removed)
        ]
        if rows:
            table(title, ("stream", "loads", "MB", "why"), rows, ("loads", "MB"))
    total, out = sum(x.bytes for x in found.removed), console()
    out.print(f"To be removed: {len(found.removed):,} loads, {total / 1e6:,.1f} MB")
    for what, count in found.tidied.items():
        if count:
            out.print(f"To be removed: {what.replace('_', ' ')} {count:,}")
