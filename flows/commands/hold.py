"""`hallmark hold`: a stream that is kept out of the batches for a while."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from flows.commands.options import AsJson, Profile, Why, at, given, reading
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError

COLUMNS = ("stream", "until", "actor", "reason")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hold")(hold)


def hold(
    stream: Annotated[str | None, typer.Argument(help="SOURCE.STREAM, or SOURCE for all its streams.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="UTC, such as 2026-11-28T06:00.")] = None,
    reason: Why = "",
    release: Annotated[bool, typer.Option("--release", help="Let it in again now.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="What is held.")] = False,
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Do not read a stream until then. The batches go on without it; what stands on it is marked as stale."""
    from blocks.settings import Settings
    from flows import holds

    reading()
    settings = Settings.load(profile=profile)
    if list_ or stream is None:
        if stream or until or release:
            raise ConfigurationError("usage", "a stream is held, or released, or all are listed", "see hold --help")
        rows = [asdict(h) for h in holds.listing(settings)]
        dump(rows) if as_json else table(f"{len(rows)} streams are held", COLUMNS, rows)
        return
    if release:
        names = holds.release(settings, stream, reason)
        if as_json:
            dump({"released": names})
        else:
            console().print(f"The next run reads {plain(', '.join(names), 500)}.")
        return
    if until is None:
        raise ConfigurationError("usage", "--until is missing", "say how long, as in --until 2026-11-28T06:00")
    held = holds.hold(settings, stream, at(until), given(reason), sources)
    if as_json:
        dump([asdict(h) for h in held])
        return
    for one in held:
        console().print(f"{one.stream} is {plain(one, 400)}")
    console().print(f"Let it in before: hallmark hold {stream} --release")
