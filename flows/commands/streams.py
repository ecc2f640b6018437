"""`hallmark stream accept`: what a person decides about one stream."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import AsJson, Profile, reading
from flows.console import console, dump, plain


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Decisions about one stream: accept.", rich_markup_mode=None)
    group.callback()(lambda: None)  # with one command only, typer would leave its name out
    group.command("accept")(accept)
    app.add_typer(group, name="stream")


def accept(
    stream: Annotated[str, typer.Argument(help="SOURCE.STREAM")],
    reason: Annotated[str, typer.Option(help="Why; recorded with your name.")] = "",
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Confirm what a stream deletes, or adopt its new shape where a column vanished; the next run publishes it."""
    from blocks.settings import Settings
    from flows.accept import accept as take

    reading()
    settings = Settings.load(profile=profile)
    said = take(settings, stream, reason, sources, profile)
    if as_json:
        dump({"stream": stream, "accepted": said})
        return
    for line in said or ["no load of it waits to be confirmed, or failed for its shape: nothing to do"]:
        console().print(f"{stream}: {plain(line, 300)}")
    if said:
        console().print("The next run publishes it.")
