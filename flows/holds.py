"""Streams that a person keeps out of the batches for a while: `hold`, `release`, and what a run makes of it.

A held stream is not read; what stands on it is marked as after a failure, and the batch is none for it. ops.actions has
the holds and nothing else keeps them. A load that waits for `hallmark stream accept` is something else: its stream
failed, and is `unconfirmed`.
"""

from __future__ import annotations

import difflib
import getpass
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from blocks.settings import Settings
from blocks.sources.spec import load_sources
from blocks.warehouses import is_made, open_warehouse
from blocks.warehouses.ledger import Ledger
from flows.context import Context, select_streams, sources_path
from flows.incidents import noted, show_time
from flows.state import save_picture
from governance.errors import ConfigurationError
from governance.incidents.signals import bronze

LOG = logging.getLogger("hallmark")
HOLD, RELEASE = "stream.hold", "stream.release"
HELD, RELEASED = "held", "released"
"""In ops.streams: since a run left the stream out; and since it was let in again, until a run has read it."""


@dataclass(frozen=True)
class Hold:
    """What a person said of a stream."""

    stream: str
    """`source.stream`."""
    actor: str
    reason: str
    until: datetime
    at: datetime

    def __str__(self) -> str:
        """As the run says it."""
        return " ".join(f"held by {self.actor} until {show_time(self.until)}: {self.reason}".split())[:300]


def holds(ledger: Ledger, now: datetime) -> dict[str, Hold]:
    """stream → its hold, of those that are held now."""
    found: dict[str, Hold] = {}
    for act in ledger.acts(HOLD, RELEASE):
        found.pop(act.target, None)
        if act.action == HOLD and act.until and now < act.until:
            found[act.target] = Hold(act.target, act.actor, act.reason, act.until, act.at)
    return found


def kept_out(context: Context, source: str, streams: Sequence[str]) -> dict[str, Hold]:
    """Those of a source's streams that this run does not read; the ledger knows it then."""
    with open_warehouse(context.settings) as warehouse:
        held = holds(warehouse.ledger, context.settings.clock())
        found = {name: held[f"{source}.{name}"] for name in streams if f"{source}.{name}" in held}
        if found:
            with warehouse.transaction():
                warehouse.ledger.touch(source, list(found))
                for name in found:
                    warehouse.ledger.set_status(source, name, HELD)
    for name, one in found.items():
        LOG.warning("%s.%s is not read: %s", source, name, one)
    return found


def hold(settings: Settings, name: str, until: datetime, reason: str, sources: str | None) -> list[Hold]:
    """Keep a stream, or all of a source, out of the runs that begin before `until`; of a hold that is there the end.

    Raises ConfigurationError for a stream that is not declared, and for a time that has passed.
    """
    if until <= settings.clock():
        raise ConfigurationError("--until", f"{show_time(until)} has passed", "give a time that lies ahead")
    [(source, streams)] = select_streams(load_sources(sources_path(sources), fill=False), name).items()
    names, actor = [f"{source}.{stream}" for stream in streams], getpass.getuser()
    with open_warehouse(settings) as warehouse:
        with warehouse.transaction():
            for one in names:
                warehouse.ledger.act(actor, HOLD, one, reason, until)
        held = holds(warehouse.ledger, settings.clock())
    noted(settings, actor, HOLD, name, map(bronze, names), reason, until)
    return [held[one] for one in names]


def release(settings: Settings, name: str, reason: str) -> list[str]:
    """Let a stream, or all of a source, in again: the next run reads it. Raises ConfigurationError for one not held."""
    actor = getpass.getuser()
    held = {h.stream: h for h in listing(settings)}
    names = [s for s in held if s == name or s.startswith(f"{name}.")]
    if not names:
        near = difflib.get_close_matches(name, held, 1, 0.5)
        remedy = f"did you mean {near[0]}?" if near else "see `hallmark hold --list`"
        raise ConfigurationError(f"stream {name}", "it is not held", remedy)
    with open_warehouse(settings) as warehouse:
        with warehouse.transaction():
            for one in names:
                warehouse.ledger.act(actor, RELEASE, one, reason)
                sql = "UPDATE ops.streams SET status = ? WHERE source = ? AND stream = ? AND status = ?"
                warehouse.execute(sql, (RELEASED, *one.split("."), HELD))
        save_picture(settings, warehouse)
    noted(settings, actor, RELEASE, name, map(bronze, names), reason)
    return names


def listing(settings: Settings) -> list[Hold]:
    """What is held now, by name."""
    if not is_made(settings):
        return []
    with open_warehouse(settings) as warehouse:
        found = holds(warehouse.ledger, settings.clock())
    return [found[name] for name in sorted(found)]
