"""From the warehouse's events to their destinations: what the deliver flow and `hallmark outbox drain` both do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from flows.state import open_incidents, open_outbox, reachable, transports
from flows.told import PLATFORM
from governance.dispatcher import Dispatcher
from governance.incidents.model import UNRESOLVED
from governance.incidents.signals import OBSERVED
from governance.model import Event
from governance.oncall import load_ownership
from governance.outbox import Outbox

PAGE = 500
LOG = logging.getLogger("hallmark")
PAGE_SECONDS = 1.0
SLOW = ("file", "openmetadata")
"""Destinations that nobody is woken by."""
PATIENCE = 0.5
"""Seconds that a batch may wait for a retry: it is due to be over, and the next delivery is the outbox's business."""


def relay(settings: Settings, wait: float = 60.0) -> int:
    """Copy new events from the warehouse to the outbox; repeating it after a kill adds nothing.

    A destination gets all of its events in their order, whoever else is told of each.
    Raises LockedError when the warehouse is held for longer than `wait` seconds.
    """
    if not is_made(settings):
        return 0
    reached, copied = reachable(settings, load_ownership()), 0
    with open_outbox(settings) as outbox, open_warehouse(settings, wait) as warehouse:
        while events := warehouse.ledger.unrelayed(PAGE):
            by_destination: dict[str, list[Event]] = {}
            for event in events:
                for to in reached(event):
                    by_destination.setdefault(to.name, []).append(event)
            for name, routed in by_destination.items():
                outbox.put(routed, [name])
            with warehouse.transaction():
                warehouse.ledger.relayed([e.id for e in events])
            copied += len(events)
    return copied


def drain(settings: Settings) -> dict[str, int]:
    """Deliver what is due, and forget what was delivered long ago: {delivered, waiting, buried}."""
    with draining(settings) as deliver:
        return deliver()


@contextmanager
def draining(settings: Settings) -> Iterator[Callable[[], dict[str, int]]]:
    """What can be called again and again to deliver: it keeps its connections, and leaves alone who does not answer."""
    with _dispatching(settings, 1.0) as (outbox, dispatcher):

        def deliver() -> dict[str, int]:
            counts = dispatcher.drain(patience=PATIENCE)
            if report_buried(settings, outbox):
                dispatcher.drain(PAGE_SECONDS, patience=0, only=_is_heard)
            outbox.prune()
            return counts

        yield deliver


@contextmanager
def _dispatching(settings: Settings, close: float) -> Iterator[tuple[Outbox, Dispatcher]]:
    """The outbox with a dispatcher over every transport; these are let go of within `close` seconds each."""
    by_name = transports(settings)
    try:
        with open_outbox(settings) as outbox:
            yield outbox, Dispatcher(outbox, by_name, first=("incidents",))
    finally:
        for transport in by_name.values():
            transport.close(close)


def _is_heard(destination: str) -> bool:
    """Whether somebody is called or chatted to there."""
    return destination.partition(":")[0] not in SLOW


def report_buried(settings: Settings, outbox: Outbox) -> int:
    """Tell of each destination whether anything for it is buried, where that is news; how many events."""
    with open_incidents(settings) as store:
        known = {i.dataset for i in store.rows(UNRESOLVED, limit=None) if i.kind == "delivery"}
    told = []
    for destination, states in outbox.counts().items():
        buried = states.get("buried", 0)
        if not buried and destination not in known:
            continue
        # As many as were told before are no news: the event has the same id.
        cause = f"{buried}" if buried else f"none since {settings.clock().isoformat()}"
        event = Event.of(
            OBSERVED, destination, cause, settings.clock(), check="buried", failed=bool(buried), kind="delivery",
            severity="warning", owner=PLATFORM, title=f"{buried} events for {destination} are buried",
            error=f"{destination} refused them, or failed too often", remedy="`hallmark outbox list --state buried`, "
            "correct what it says, then `hallmark outbox retry`",
        )  # fmt: skip
        told.append(event)
    return outbox.put(told, ["file", "incidents"])


def page(settings: Settings, deadline: float = PAGE_SECONDS) -> None:
    """Let those hear at once who are called or chatted to; the catalog and the files hear with the next delivery.

    What goes wrong is logged: the events wait in the outbox, or in the warehouse.
    """
    try:
        relay(settings, wait=1)
    except Exception as error:  # noqa: BLE001 - governance never stops the data
        LOG.error("the alert waits for the next delivery: %s", " ".join(str(error).split())[:500])
    alert(settings, deadline)


def alert(settings: Settings, deadline: float = PAGE_SECONDS) -> None:
    """The same of what is in the outbox already."""
    try:
        with _dispatching(settings, 0.2) as (_, dispatcher):
            dispatcher.drain(deadline, patience=0, only=_is_heard)
    except Exception as error:  # noqa: BLE001 - governance never stops the data
        LOG.error("the alert waits for the next delivery: %s", " ".join(str(error).split())[:500])
