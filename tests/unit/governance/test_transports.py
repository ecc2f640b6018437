"""One contract for every transport, and what the file transport adds."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from governance.incidents.memory import MemoryDesk
from governance.model import Event
from governance.transports.base import TransientError, Transport
from governance.transports.file import FileTransport
from governance.transports.jsm import JsmTransport
from governance.transports.memory import MemoryTransport
from governance.transports.pagerduty import PagerDutyTransport
from tests.pagers import jsm, pagerduty
from tests.pagers.jsm import JsmServer
from tests.pagers.pagerduty import PagerDutyServer
from tests.slack.server import Server
from tests.unit.governance.paging import incident
from tests.unit.governance.slack_support import Clock, World

DAY = datetime(2026, 11, 22, 6, tzinfo=UTC)


def event(n: int, **data: object) -> Event:
    return Event.of("hallmark.load.published.v1", f"crm.s{n}", "load", DAY, n=n, **data)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(x) for f in sorted(folder.glob("*.ndjson")) for x in f.read_bytes().split(b"\n")[:-1]]


class TransportContract:
    """Subclass with `make` and `received`, and with `event` where a transport knows only some types."""

    def event(self, n: int) -> Event:
        return event(n)

    def make(self, folder: Path) -> Transport:
        raise NotImplementedError

    def received(self, transport: Transport, folder: Path) -> list[str]:
        raise NotImplementedError

    def test_every_event_has_an_outcome_and_arrives_in_order(self, tmp_path: Path) -> None:
        transport, events = self.make(tmp_path), [self.event(n) for n in range(5)]
        outcomes = transport.deliver(events)
        assert [(o.event_id, o.error) for o in outcomes] == [(e.id, None) for e in events]
        assert self.received(transport, tmp_path) == [e.id for e in events]

    def test_delivered_twice_is_there_once(self, tmp_path: Path) -> None:
        transport = self.make(tmp_path)
        first, second, third = (self.event(n) for n in (1, 2, 3))
        transport.deliver([first, second])
        assert [o.error for o in transport.deliver([second, third, third])] == [None] * 3
        assert self.received(transport, tmp_path) == [e.id for e in (first, second, third)]

    def test_nothing_to_deliver_and_closing_are_fine(self, tmp_path: Path) -> None:
        transport = self.make(tmp_path)
        assert transport.deliver([]) == []
        assert transport.close(1.0) is True


class TestMemory(TransportContract):
    def make(self, folder: Path) -> Transport:
        return MemoryTransport()

    def received(self, transport: Transport, folder: Path) -> list[str]:
        assert isinstance(transport, MemoryTransport)
        return [e.id for e in transport.events]


class TestFile(TransportContract):
    def make(self, folder: Path) -> Transport:
        return FileTransport(folder)

    def received(self, transport: Transport, folder: Path) -> list[str]:
        return [str(x["id"]) for x in lines(folder)]


class SlackContract(TransportContract):
    """Each event is the opening of an incident of its own; what arrived is read in the channel."""

    @pytest.fixture(autouse=True)
    def _slack(self) -> Iterator[None]:
        clock = Clock()
        with Server(now=lambda: clock.now().timestamp(), clock=clock) as server:
            self.world = World(server, clock, **self.access(server))
            yield

    def access(self, server: Server) -> dict[str, Any]:
        raise NotImplementedError

    def event(self, n: int) -> Event:
        opened = self.world.first.model_copy(update={"id": f"{n:010x}"})
        return self.world.event(opened, "opened")

    def make(self, folder: Path) -> Transport:
        return self.world.transport

    def received(self, transport: Transport, folder: Path) -> list[str]:
        known = {f"{n:010x}": self.event(n).id for n in range(6)}
        roots = self.world.server.channel().roots
        return [next(one for incident, one in known.items() if f"show {incident}" in str(m.blocks)) for m in roots]

    def test_an_event_of_another_kind_concerns_nobody_here(self, tmp_path: Path) -> None:
        assert [o.error for o in self.make(tmp_path).deliver([event(1)])] == [None]
        assert self.world.server.channel().messages == []


class TestSlackThread(SlackContract):
    def access(self, server: Server) -> dict[str, Any]:
        return {"token": lambda: server.token, "url": server.url}


class TestSlackHook(SlackContract):
    def access(self, server: Server) -> dict[str, Any]:
        return {"webhook": server.webhook}


class PagerTransport(TransportContract):
    """Of an incident event arrives its page; the desk knows as little as after a loss of the state database."""

    server: PagerDutyServer | JsmServer

    def event(self, n: int) -> Event:
        one = incident(n)
        return Event.of("hallmark.incident.opened.v1", one.id, "t", DAY, incident=one.model_dump(mode="json"))

    def received(self, transport: Transport, folder: Path) -> list[str]:
        by_summary = {incident(n).title: self.event(n).id for n in range(6)}
        assert all(len(a.log) == 1 for a in self.server.alerts)
        return [by_summary[a.summary] for a in self.server.alerts]


class TestPagerDuty(PagerTransport):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with PagerDutyServer() as self.server:
            yield
        self.transport.close(1)

    def make(self, folder: Path) -> Transport:
        self.transport = PagerDutyTransport("pagerduty:x", lambda: pagerduty.KEY, MemoryDesk(), self.server.url)
        return self.transport


class TestJsm(PagerTransport):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with JsmServer() as self.server:
            yield
        self.transport.close(1)

    def make(self, folder: Path) -> Transport:
        self.transport = JsmTransport("jsm:x", lambda: jsm.KEY, MemoryDesk(), self.server.url + jsm.ROOT)
        return self.transport


def test_a_line_is_a_cloudevent_in_the_file_of_its_day(tmp_path: Path) -> None:
    FileTransport(tmp_path / "events").deliver([event(1, name="<script>\nö\u2028[red]")])
    (found,) = lines(tmp_path / "events")
    assert [f.name for f in (tmp_path / "events").iterdir()] == ["2026-11-22.ndjson"]
    assert found["specversion"] == "1.0" and found["source"] == "hallmark"
    assert found["type"] == "hallmark.load.published.v1" and found["time"] == "2026-11-22T06:00:00Z"
    assert found["data"] == {"n": 1, "name": "<script>\nö\u2028[red]"}


def test_a_half_line_is_cut_off_and_its_event_comes_again(tmp_path: Path) -> None:
    FileTransport(tmp_path).deliver([event(1), event(2)])
    file = tmp_path / "2026-11-22.ndjson"
    file.write_bytes(file.read_bytes()[:-20])
    FileTransport(tmp_path).deliver([event(2), event(3)])
    assert [x["id"] for x in lines(tmp_path)] == [event(n).id for n in (1, 2, 3)]


def test_a_new_process_does_not_write_again_what_is_there(tmp_path: Path) -> None:
    FileTransport(tmp_path).deliver([event(n) for n in range(3)])
    other, mine = FileTransport(tmp_path), FileTransport(tmp_path)
    mine.deliver([event(3)])
    other.deliver([event(4)])
    mine.deliver([event(4), event(2)])
    assert [x["id"] for x in lines(tmp_path)] == [event(n).id for n in range(5)]


def _write_all(folder: Path, order: list[int]) -> None:
    for n in order:
        FileTransport(folder).deliver([event(n)])


def test_two_processes_at_once_write_each_event_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("forkserver")
    workers = [spawn.Process(target=_write_all, args=(tmp_path, list(range(60))[::step])) for step in (1, -1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert sorted(str(x["id"]) for x in lines(tmp_path)) == sorted(event(n).id for n in range(60))


def _limited(folder: Path, act: Callable[[FileTransport], None]) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    act(FileTransport(folder))


def _fill(transport: FileTransport) -> None:
    transport.deliver([event(1)])
    (outcome,) = transport.deliver([event(2, text="x" * 10_000)])
    assert isinstance(outcome.error, TransientError) and outcome.error.reason == "storage"
    os._exit(7 if "EFBIG" in str(outcome.error) else 1)


def test_a_full_disk_leaves_whole_lines_and_can_be_retried(tmp_path: Path) -> None:
    worker = multiprocessing.get_context("forkserver").Process(target=_limited, args=(tmp_path, _fill))
    worker.start()
    worker.join(30)
    assert worker.exitcode == 7
    assert [x["id"] for x in lines(tmp_path)] == [event(1).id]
    assert (tmp_path / "2026-11-22.ndjson").read_bytes().endswith(b"\n")


def test_a_folder_that_cannot_be_written_is_a_transient_failure(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file")
    (outcome,) = FileTransport(tmp_path / "events").deliver([event(1)])
    assert isinstance(outcome.error, TransientError)


@pytest.mark.parametrize("foreign", [b"\n", b"not json\n", b"[1]\n"])
def test_a_line_of_somebody_else_stays(tmp_path: Path, foreign: bytes) -> None:
    (tmp_path / "2026-11-22.ndjson").write_bytes(foreign)
    FileTransport(tmp_path).deliver([event(1)])
    assert (tmp_path / "2026-11-22.ndjson").read_bytes().startswith(foreign)
