"""`hallmark outbox` and `hallmark deliver`: events on their way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, reading
from flows.console import console, dump, table
from governance.errors import ConfigurationError, HallmarkError, LockedError

if TYPE_CHECKING:
    from blocks.settings import Settings

ROUND_SECONDS = 5.0
"""Between two rounds of one long-lived process."""
SWEEP_SECONDS = 15.0
"""Between two looks for stuck runs."""
HEED_SECONDS = 30.0
"""How often is asked what people did elsewhere: that reaches us within a minute."""
PUSH_SECONDS = 60.0
"""Between two pushes of metrics by one long-lived process."""
State = Annotated[str | None, typer.Option("--state", help="waiting (pending, claimed or retry), delivered or buried.")]
Destination = Annotated[str | None, typer.Option("--destination", help="Only this destination.")]


def add_to(app: typer.Typer) -> None:
    """Add the group and the command."""
    group = typer.Typer(no_args_is_help=True, help="Events on their way: list, drain, retry.", rich_markup_mode=None)
    group.command("list")(list_rows)
    group.command("drain")(drain)
    group.command("retry")(retry)
    app.add_typer(group, name="outbox")
    app.command("deliver")(deliver)


def list_rows(
    state: State = None,
    destination: Destination = None,
    limit: Annotated[int, typer.Option(help="At most this many: what is not delivered first, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List deliveries. Answers while a batch runs."""
    from flows.state import open_outbox
    from governance.outbox_tables import STATES, WAITING

    if state not in (None, WAITING, *STATES):
        remedy = f"use one of {', '.join((*STATES, WAITING))}"
        raise ConfigurationError(f"--state {state}", "no delivery is ever so", remedy)
    with open_outbox(reading()) as outbox:
        rows = outbox.rows(state, destination, limit)
    if as_json:
        dump(rows)
    else:
        table(
            f"{len(rows)} deliveries",
            ("destination", "type", "entity", "state", "attempts", "last_error"),
            rows,
            ("attempts",),
        )


def drain(as_json: AsJson = False) -> None:
    """Deliver what is due."""
    from flows.delivery import drain as deliver_due

    settings = reading()
    _relay(settings)
    counts = deliver_due(settings)
    if as_json:
        dump(counts)
    else:
        console().print(f"{counts['delivered']} delivered, {counts['waiting']} waiting, {counts['buried']} buried")
    raise typer.Exit(1 if counts["buried"] else 0)


def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Event ids; default: all that are buried.")] = None,
    destination: Destination = None,
    as_json: AsJson = False,
) -> None:
    """Put buried deliveries back, with all their tries."""
    from flows.state import open_outbox

    with open_outbox(reading()) as outbox:
        count = outbox.retry_buried(destination, tuple(ids or ()))
    dump({"put_back": count}) if as_json else console().print(
        f"{count} put back; `hallmark outbox drain` delivers them"
    )


def deliver(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C, every 5 s.")] = False,
    listen: Annotated[
        str | None,
        typer.Option("--listen", help="HOST:PORT for webhooks of PagerDuty and OpenMetadata."),
    ] = None,
    alive: Annotated[
        Path | None, typer.Option("--alive", help="A file to write after each round, for whoever looks after it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver what is due; with --follow as one long-lived process."""
    from contextlib import ExitStack

    from flows.ways_back import listening

    settings = reading()
    sweep = _every(SWEEP_SECONDS, lambda: _sweep(settings))
    with ExitStack() as stack:
        if listen:
            address = stack.enter_context(listening(settings, listen))
            console(stderr=True).print(f"webhooks are taken at {address}", style="dim")
        worked = False
        while True:
            if follow:
                sweep()
            try:
                for counts in _rounds(settings):
                    worked = True
                    if alive:
                        alive.write_text(f"{settings.clock().isoformat()}\n", "utf-8")
                    if as_json or not follow:
                        dump(counts)
                    if not follow:
                        return
                    time.sleep(ROUND_SECONDS)
                    sweep()
            except HallmarkError as error:
                if not worked:  # what never worked has to be corrected
                    raise
                console(stderr=True).print(f"{error.what}: {error.cause}; tried again", style="dim")
                time.sleep(ROUND_SECONDS)


def _rounds(settings: Settings) -> Iterator[dict[str, int]]:
    """What each round delivered, over one set of connections; it ends where the state database has another login."""
    from blocks.state import state_database
    from flows import pulse
    from flows.delivery import draining
    from flows.ways_back import heed

    ask = _every(HEED_SECONDS, lambda: heed(settings))
    push = _every(PUSH_SECONDS, lambda: pulse.delivered(settings))
    login = state_database(settings)
    with draining(settings) as deliver_due:
        while state_database(settings) == login:
            _relay(settings)
            ask()
            counts = deliver_due()
            push()
            yield counts


def _every(seconds: float, work: Callable[[], object]) -> Callable[[], None]:
    """The work, left out where it was done less than so many seconds ago."""
    done = -math.inf

    def due() -> None:
        nonlocal done
        if time.monotonic() - done >= seconds:
            done = time.monotonic()
            work()

    return due


def _sweep(settings: Settings) -> None:
    """Runs that are stuck; a Prefect server that does not answer is asked again."""
    from flows.stuck import sweep

    try:
        sweep(settings)
    except Exception as error:  # noqa: BLE001 - what is due is delivered all the same
        console(stderr=True).print(f"stuck runs were not looked for: {type(error).__name__}", style="dim")


def _relay(settings: Settings) -> None:
    from flows.delivery import relay

    try:
        relay(settings, wait=1)
    except LockedError:
        # A batch holds the warehouse: it relays its events itself.
        console(stderr=True).print("the warehouse is held by a batch; its events come with it", style="dim")
