"""`hallmark discover`: a sources file for data that nobody declared yet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blocks.discovery.trial import Trial


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("discover")(discover)


def discover(
    target: Annotated[str | None, typer.Argument(help="A postgresql:// URL, a folder, or s3://bucket/prefix.")] = None,
    sources: Annotated[str | None, typer.Option(help="Instead of a target: try the streams of this file.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the source; default: the database's or folder's.")] = None,
    owner: Annotated[str | None, typer.Option(help="The team that owns it; default: that of oncall.yml.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Try each stream and print what came of it.")] = False,
    preview: Annotated[int, typer.Option(help="Print the first rows of each stream.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Print a sources file for the tables of a database or the files of a folder. Nothing is written."""
    if (target is None) == (sources is None):
        raise ConfigurationError("discover", "it takes a URL or folder, or --sources FILE", "give exactly one of them")
    from flows import discover as found

    with console(stderr=True).status("looking"):
        if sources:
            trials, printed = found.declared(Path(sources), preview), None
        else:
            proposal, trials, team = found.find(target or "", name, owner, preview)
            printed = found.as_document(proposal, team) if as_json else found.as_yaml(proposal, team)
            notes = [*(f"set before a run: {x}" for x in found.exports(proposal)), *found.passed_over(proposal)]
    if check or preview or printed is None:
        show(trials, check or not preview, preview, as_json)
        raise typer.Exit(0 if all(t.ok for t in trials) else 1)
    dump(printed) if as_json else sys.stdout.write(str(printed))
    for note in notes:
        console(stderr=True).print(plain(note, 600), style="yellow", soft_wrap=True)


def show(trials: Sequence[Trial], check: bool, preview: int, as_json: bool) -> None:
    """What came of each stream: as one table, its first rows, or both."""
    from flows import discover as found

    rows, firsts = found.checked(trials), found.previewed(trials)
    if as_json:
        dump(firsts if preview and not check else rows if not preview else {"streams": rows, "preview": firsts})
        return
    out = console()
    for first in firsts if preview else ():
        out.print(f"{first['source']}.{first['stream']}", style="bold")
        if first["rows"]:
            table("", [c["name"] for c in first["columns"]], first["rows"])
        else:
            out.print(f"  no row of {len(first['columns'])} columns")
    if check:
        numbers = ("rows", "quarantined", "duplicate_keys")
        shown = [{**r, "stream": f"{r['source']}.{r['stream']}"} for r in rows]
        table("Streams", ("stream", "status", *numbers), shown, numbers)
    for row in rows:
        if row["detail"]:
            text = plain(f"{row['source']}.{row['stream']}: {row['detail']}", 600)
            out.print(text, style="red" if row["status"] == "failed" else "yellow", soft_wrap=True)
