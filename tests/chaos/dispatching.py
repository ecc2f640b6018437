"""Dispatchers over a catalog, in this process and in processes of their own that die at a call.

What a dispatcher brings, and when, is written down beside it: (event, entity, begin, end, error), one line each.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from governance.dispatcher import Dispatcher
from governance.model import Event
from governance.oncall import load_ownership
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.concerns import CONCERNS
from governance.openmetadata.places import Places
from governance.outbox import Outbox
from governance.transports.base import Outcome
from governance.transports.openmetadata import Client, OpenMetadataTransport

APART = multiprocessing.get_context("forkserver")
NAME = "openmetadata"
LEASE = timedelta(seconds=0.6)
LIMIT = 120
CALLS = {"send", "recv", "execute", "executemany", "commit"}
"""Of sockets and of SQLite: before and after each of them a process may die."""


@dataclass(frozen=True)
class Place:
    """Where a dispatcher finds its outbox and its catalog."""

    state: str
    url: str
    token: str
    log: Path


class Recording:
    """The transport into the catalog, and what was brought by it."""

    def __init__(self, place: Place, token: Callable[[], str] | None, before: Callable[[int], None]) -> None:
        catalog = Catalog(Client(place.url, token or (lambda: place.token)), Places(), load_ownership().teams)
        self._inner, self._log = OpenMetadataTransport(catalog), place.log
        self.asked, self._before = 0, before

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        """Bring them in."""
        self.asked += 1
        self._before(self.asked)
        began = time.monotonic()
        outcomes = self._inner.deliver(events)
        errors = {o.event_id: o.error and f"{type(o.error).__name__}: {o.error}" for o in outcomes}
        with self._log.open("a") as file:
            for event in events:
                file.write(json.dumps([event.id, event.subject, began, time.monotonic(), errors[event.id]]) + "\n")
        return outcomes

    def close(self, timeout: float) -> bool:
        """Close the connections."""
        return self._inner.close(timeout)


def put(state: str, events: Sequence[Event]) -> None:
    """As the relay does it: what the catalog hears of."""
    with Outbox(state) as outbox:
        outbox.put([e for e in events if e.type in CONCERNS], [NAME])


@contextmanager
def dispatching(
    place: Place, token: Callable[[], str] | None = None, before: Callable[[int], None] = lambda asked: None
) -> Iterator[tuple[Dispatcher, Outbox, Recording]]:
    """A dispatcher in this process; `before` is called with the number of each delivery."""
    transport = Recording(place, token, before)
    try:
        with Outbox(place.state) as outbox:
            yield Dispatcher(outbox, {NAME: transport}, lease=LEASE), outbox, transport
    finally:
        transport.close(1)


def settle(place: Place, limit: float = LIMIT) -> None:
    """Dispatch until nothing waits; each time as a new process would, which knows of no outage."""
    until = time.monotonic() + limit
    while True:
        with dispatching(place) as (dispatcher, outbox, _):
            if not dispatcher.drain(5)["waiting"]:
                return
            assert time.monotonic() < until, outbox.rows(limit=5)


def counted(place: Place) -> int:
    """Dispatch in a process of its own; how many calls that took."""
    calls = APART.RawValue("l", 0)
    process = APART.Process(target=_work, args=(place, 0, calls))
    process.start()
    process.join(LIMIT)
    assert process.exitcode == 0
    return int(calls.value)


def killed(place: Place, call: int) -> bool:
    """Dispatch in a process that dies at a call; whether it did, and had not ended before."""
    process = APART.Process(target=_work, args=(place, call, APART.RawValue("l", 0)))
    process.start()
    process.join(LIMIT)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def together(place: Place, count: int = 2) -> None:
    """Several processes that dispatch at once, until nothing waits."""
    logs = [place.log.with_name(f"{place.log.name}-{n}") for n in range(count)]
    places = [Place(place.state, place.url, place.token, log) for log in logs]
    processes = [APART.Process(target=settle, args=(one,)) for one in places]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT + 30)
        assert process.exitcode == 0
    lines = [line for log in logs if log.exists() for line in log.read_text().splitlines()]
    place.log.write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda line: json.loads(line)[3])))


def brought(place: Place) -> list[tuple[str, str, float, float, str | None]]:
    """What was brought, in the order of its end."""
    return [tuple(json.loads(line)) for line in place.log.read_text().splitlines()]


def _work(place: Place, call: int, calls: Any) -> None:
    """What runs apart; it dies at the call."""
    lock = threading.Lock()

    def count(frame: Any, event: str, function: Any) -> None:
        if event not in ("c_call", "c_return") or getattr(function, "__name__", "") not in CALLS:
            return
        with lock:
            calls.value += 1
            if calls.value == call:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(count)
    sys.setprofile(count)
    settle(place)
    os._exit(0)
