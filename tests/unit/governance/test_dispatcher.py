"""Delivery under faults: retried by type, buried at the end, one destination never waiting for another."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.dispatcher import POLICIES, Dispatcher
from governance.model import Event
from governance.outbox import Outbox
from governance.transports import file as file_transport
from governance.transports.base import Outage, Outcome, PermanentError, TransientError
from governance.transports.file import FileTransport
from governance.transports.memory import MemoryTransport

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def event(n: int, subject: str = "") -> Event:
    return Event.of("hallmark.load.published.v1", subject or f"crm.s{n}", f"load-{n}", NOW, n=n)


class Peer(MemoryTransport):
    """Answers with the given errors first, by event number."""

    def __init__(self, errors: dict[int, list[Exception]]) -> None:
        super().__init__()
        self.errors = errors
        self.calls: list[int] = []

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        outcomes = []
        for one in events:
            self.calls.append(one.data["n"])
            if waiting := self.errors.get(one.data["n"]):
                error = waiting.pop(0)
                if not isinstance(error, TransientError | PermanentError):
                    raise error
                outcomes.append(Outcome(one.id, error))
            else:
                outcomes += super().deliver([one])
        return outcomes


class Machine:
    """A clock that sleeping moves, so that hours of retries take no time."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def outbox(tmp_path: Path, machine: Machine) -> Iterator[Outbox]:
    with Outbox(f"sqlite:///{tmp_path / 'state.db'}", machine.clock) as opened:
        yield opened


def drain(outbox: Outbox, machine: Machine, transports: dict[str, Peer], deadline: float = 10) -> dict[str, int]:
    at_most: Callable[[float, float], float] = lambda low, high: high  # noqa: E731
    return Dispatcher(outbox, transports, machine.clock, machine.sleep, at_most).drain(deadline)


def test_everything_arrives_and_is_counted(outbox: Outbox, machine: Machine) -> None:
    peer = Peer({})
    outbox.put([event(n, "crm.one") for n in range(20)], ["peer"])
    assert drain(outbox, machine, {"peer": peer}) == {"delivered": 20, "waiting": 0, "buried": 0}
    assert [e.data["n"] for e in peer.events] == list(range(20))


def test_a_transient_failure_is_retried_in_order_with_growing_waits(outbox: Outbox, machine: Machine) -> None:
    refused = [TransientError("connection", "refused") for _ in range(3)]
    peer = Peer({1: list(refused)})
    outbox.put([event(1, "a"), event(2, "a"), event(3, "b")], ["peer"])
    assert drain(outbox, machine, {"peer": peer}) == {"delivered": 3, "waiting": 0, "buried": 0}
    assert peer.calls == [1, 3, 1, 1, 1, 2]
    assert machine.slept == [1, 2, 4]


def test_what_is_due_after_the_deadline_waits(outbox: Outbox, machine: Machine) -> None:
    peer = Peer({1: [TransientError("throttled", "429", retry_after=3600)]})
    outbox.put([event(1)], ["peer"])
    assert drain(outbox, machine, {"peer": peer}) == {"delivered": 0, "waiting": 1, "buried": 0}
    assert machine.slept == [] and outbox.rows()[0]["last_error"] == "throttled: 429"
    assert outbox.rows()[0]["next_at"] == "2026-11-22T07:00:00.000Z"
    machine.now += timedelta(hours=1)
    assert drain(outbox, machine, {"peer": peer})["delivered"] == 1


def test_a_poison_event_is_buried_at_once_and_blocks_nobody(outbox: Outbox, machine: Machine) -> None:
    peer = Peer({1: [PermanentError("400: unknown field")]})
    outbox.put([event(1, "a"), event(2, "a")], ["peer"])
    assert drain(outbox, machine, {"peer": peer}) == {"delivered": 1, "waiting": 0, "buried": 1}
    assert outbox.rows(state="buried")[0]["last_error"] == "400: unknown field"
    assert outbox.retry_buried("peer") == 1
    assert drain(outbox, machine, {"peer": peer}) == {"delivered": 1, "waiting": 0, "buried": 0}


def test_a_fault_in_a_transport_is_retried_then_buried(outbox: Outbox, machine: Machine) -> None:
    peer = Peer({1: [KeyError("secret")] * 99})
    outbox.put([event(1)], ["peer"])
    counts = drain(outbox, machine, {"peer": peer}, deadline=86_400)
    assert counts == {"delivered": 0, "waiting": 0, "buried": 1}
    assert len(peer.calls) == POLICIES["unexpected"].tries
    (row,) = outbox.rows()
    assert "KeyError in Peer" in row["last_error"] and "secret" not in row["last_error"]


def test_an_outage_of_a_day_buries_nothing(outbox: Outbox, machine: Machine) -> None:
    peer = Peer({0: [TransientError("connection", "refused")] * 10_000})
    outbox.put([event(0)], ["peer"])
    assert drain(outbox, machine, {"peer": peer}, deadline=86_400)["buried"] == 0
    peer.errors.clear()
    assert drain(outbox, machine, {"peer": peer}, deadline=901) == {"delivered": 1, "waiting": 0, "buried": 0}


def test_what_waits_for_another_event_is_given_up_only_when_that_one_was(outbox: Outbox, machine: Machine) -> None:
    absent, broken = TransientError("absent", "no such table"), TransientError("server", "503")
    peer = Peer({1: [absent] * 999, 2: [absent] * 999, 3: [broken] * 999})
    outbox.put([event(1), event(2), event(3)], ["peer"])
    assert drain(outbox, machine, {"peer": peer}, deadline=6 * 3600)["buried"] == 0
    assert peer.calls.count(1) > POLICIES["absent"].tries
    peer.errors.pop(3)
    assert drain(outbox, machine, {"peer": peer}, deadline=3600) == {"delivered": 1, "waiting": 0, "buried": 2}


def test_an_outage_releases_what_was_not_tried_and_keeps_what_arrived(outbox: Outbox, machine: Machine) -> None:
    peer = Peer({2: [Outage("auth", "401")] * 2, 3: [PermanentError("400")]})
    outbox.put([event(1), event(2), event(3)], ["peer"])
    dispatcher = Dispatcher(outbox, {"peer": peer}, machine.clock, machine.sleep, lambda low, high: high)
    assert dispatcher.drain() == {"delivered": 1, "waiting": 1, "buried": 1}
    [row] = outbox.rows(state="retry")
    assert (row["attempts"], row["last_error"]) == (0, "auth: 401")
    for seconds, calls in ((4, 3), (2, 4), (9, 4), (2, 5)):  # closed, asked again, closed for longer, and open
        machine.now += timedelta(seconds=seconds)
        dispatcher.drain()
        assert len(peer.calls) == calls
    assert outbox.counts()["peer"] == {"delivered": 2, "buried": 1}


def test_a_destination_without_a_transport_waits_and_the_others_do_not(outbox: Outbox, machine: Machine) -> None:
    outbox.put([event(1)], ["peer", "slack:#x"])
    assert drain(outbox, machine, {"peer": Peer({})}) == {"delivered": 1, "waiting": 1, "buried": 0}


def test_a_stalled_destination_does_not_delay_another(outbox: Outbox, machine: Machine) -> None:
    other_done, order = threading.Event(), []

    class Stalled(MemoryTransport):
        def deliver(self, events: Sequence[Event]) -> list[Outcome]:
            assert other_done.wait(20)
            order.append("stalled")
            return super().deliver(events)

    class Quick(MemoryTransport):
        def deliver(self, events: Sequence[Event]) -> list[Outcome]:
            outcomes = super().deliver(events)
            if len(self.events) == 5:
                order.append("quick")
                other_done.set()
            return outcomes

    outbox.put([event(n, "crm.one") for n in range(5)], ["stalled", "quick"])
    found = Dispatcher(outbox, {"stalled": Stalled(), "quick": Quick()}, machine.clock).drain()
    assert found == {"delivered": 10, "waiting": 0, "buried": 0} and order[0] == "quick"


# --- processes ---------------------------------------------------------------------------------------

SPAWN = multiprocessing.get_context("forkserver")
KILLS = ("before the delivery", "in the middle of a line", "after the write", "after the delivery", "after an ack")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed_at(point: str, home: Path) -> None:
    class Dying(FileTransport):
        def deliver(self, events: Sequence[Event]) -> list[Outcome]:
            if point == "before the delivery":
                _die()
            outcomes = super().deliver(events)
            if point == "after the delivery":
                _die()
            return outcomes

    class DyingOutbox(Outbox):
        def ack(self, claims: object) -> None:
            super().ack(claims)  # type: ignore[arg-type]
            _die()

    real_write = file_transport._write

    def write(file: int, data: bytes) -> None:
        real_write(file, data[: len(data) - 30] if point == "in the middle of a line" else data)
        _die()

    if point in ("in the middle of a line", "after the write"):
        file_transport._write = write
    kind = DyingOutbox if point == "after an ack" else Outbox
    with kind(f"sqlite:///{home / 'state.db'}") as outbox:
        Dispatcher(outbox, {"file": Dying(home / "events")}).drain()


@pytest.mark.parametrize("point", KILLS)
def test_a_killed_dispatcher_loses_nothing_and_nothing_comes_twice(tmp_path: Path, point: str) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    events = [event(n, f"crm.s{n % 3}") for n in range(9)]
    with Outbox(url) as outbox:
        outbox.put(events, ["file"])
    worker = SPAWN.Process(target=_killed_at, args=(point, tmp_path))
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    later: Callable[[], datetime] = lambda: datetime.now(UTC) + timedelta(hours=1)  # noqa: E731 - leases have ended
    with Outbox(url, later) as outbox:
        counts = Dispatcher(outbox, {"file": FileTransport(tmp_path / "events")}, later).drain()
        assert counts["waiting"] == 0 and outbox.counts() == {"file": {"delivered": 9}}
    _written_once_in_order(tmp_path / "events", events)


def _written_once_in_order(folder: Path, events: Sequence[Event]) -> None:
    (file,) = folder.glob("*.ndjson")
    found = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert Counter(x["id"] for x in found) == Counter(e.id for e in events)
    for subject in {e.subject for e in events}:
        assert [x["data"]["n"] for x in found if x["subject"] == subject] == [
            e.data["n"] for e in events if e.subject == subject
        ]


def _drain_home(home: Path, go: object) -> None:
    with Outbox(f"sqlite:///{home / 'state.db'}") as outbox:
        go.wait(20)  # type: ignore[attr-defined]
        while Dispatcher(outbox, {"file": FileTransport(home / "events")}).drain(5)["waiting"]:
            time.sleep(0.01)


def test_two_dispatchers_at_once_deliver_each_event_once_and_in_order(tmp_path: Path) -> None:
    events = [event(n, f"crm.s{n % 5}") for n in range(100)]
    with Outbox(f"sqlite:///{tmp_path / 'state.db'}") as outbox:
        outbox.put(events, ["file"])
    go = SPAWN.Event()
    workers = [SPAWN.Process(target=_drain_home, args=(tmp_path, go)) for _ in range(2)]
    for worker in workers:
        worker.start()
    go.set()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    _written_once_in_order(tmp_path / "events", events)
