"""Incidents, a clock and a desk for the tests of pagers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.incidents.memory import MemoryDesk
from governance.incidents.model import Blast, Evidence, Incident
from governance.model import Event, Sample
from governance.transports.base import Outcome, Transport
from governance.transports.jsm import JsmTransport
from governance.transports.pace import Pace
from governance.transports.pagerduty import PagerDutyTransport
from tests.pagers import jsm, pagerduty
from tests.pagers.jsm import JsmServer
from tests.pagers.pagerduty import PagerDutyServer
from tests.pagers.server import PagerServer

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def incident(n: int, **update: Any) -> Incident:
    """The nth; open, critical."""
    seen = Evidence(
        at=NOW, slot="2026-11-22T06", run_id="run-1", type="not_null", column="email", observed="12",
        threshold="0", failed_rows=12, rows=900, remedy="replay the quarantine",
        sample=Sample(columns=("id", "email"), rows=(("1", "*****@example.com"), ("2", None))),
    )  # fmt: skip
    made: dict[str, Any] = {
        "id": f"{n:010x}", "fingerprint": f"{n:032x}", "state": "open", "kind": "gate", "severity": "critical",
        "dataset": f"gold.t{n}", "check_id": f"not_null_t{n}_email", "owner": "finance",
        "title": f"{n} rows without an e-mail in gold.t{n}", "opened_at": NOW + timedelta(seconds=n), "last_seen": NOW,
        "first": seen, "latest": seen, "blast": Blast(datasets=("gold.mart",), owners=("growth",)),
    }  # fmt: skip
    return Incident(**{**made, **update})


@dataclass
class Clock:
    """Stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Scene:
    """A desk, a pager that hears of each change, and the server behind it."""

    server: PagerServer
    make: Callable[..., Transport]
    clock: Clock
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    options: dict[str, Any] = field(default_factory=dict)

    def transport(self, **options: Any) -> Transport:
        pace = self.options.get("pace") or Pace(None, clock=self.clock)
        return self.make(self.desk, **{"clock": self.clock, "pace": pace, **self.options, **options})

    def change(self, one: Incident, verb: str, what: str = "", **update: Any) -> Event:
        """The incident changes at the desk; the event of it."""
        known = self.desk.incidents.get(one.id)
        revision = known.revision + 1 if known else 1
        now = (known or one).model_copy(update={**update, "revision": revision})
        self.desk.incidents[one.id] = now
        return self.event(now, verb, what)

    def event(self, one: Incident, verb: str, what: str = "") -> Event:
        data = {"incident": one.model_dump(mode="json"), "what": what or verb, "owner": one.owner}
        return Event.of(f"hallmark.incident.{verb}.v1", one.id, f"{one.id}/{one.revision}", self.clock(), **data)

    def deliver(self, *events: Event, **options: Any) -> list[Outcome]:
        transport = self.transport(**options)
        try:
            return transport.deliver(list(events))
        finally:
            transport.close(1)

    def tell(self, one: Incident, verb: str, what: str = "", **update: Any) -> None:
        """A change, and its delivery by a process of its own."""
        assert_delivered(self.deliver(self.change(one, verb, what, **update)))

    def log(self) -> list[tuple[str, str]]:
        """(verb, who) of all alerts, in the order of each."""
        return [(e.verb, e.by) for a in self.server.alerts for e in a.log]


def assert_delivered(outcomes: Sequence[Outcome]) -> None:
    assert [o.error for o in outcomes] == [None] * len(outcomes)


class PagerCase:
    """Mixed into a contract: which pager, and which server."""

    name: str
    key: str
    severities: tuple[str, str]
    """Of a warning and of what is critical."""

    def server(self, clock: Clock) -> PagerServer:
        raise NotImplementedError

    def make(self, desk: MemoryDesk, url: str, key: str, **options: Any) -> Transport:
        raise NotImplementedError

    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        clock = Clock()
        with self.server(clock) as server:

            def make(desk: MemoryDesk, url: str = "", key: str = self.key, **options: Any) -> Transport:
                return self.make(desk, url or server.url, key, **options)

            yield Scene(server, make, clock)
            assert not [r for r in server.refusals if r[0] in (400, 404, 422)], "a body that the service refuses"


class PagerDutyCase(PagerCase):
    name, key, severities = "pagerduty", pagerduty.KEY, ("warning", "critical")

    def server(self, clock: Clock) -> PagerServer:
        return PagerDutyServer(clock=clock)

    def make(self, desk: MemoryDesk, url: str, key: str, destination: str = "pagerduty:x", **options: Any) -> Transport:
        return PagerDutyTransport(destination, lambda: key, desk, url, **options)


class JsmCase(PagerCase):
    name, key, severities = "jsm", jsm.KEY, ("P3", "P1")

    def server(self, clock: Clock) -> PagerServer:
        return JsmServer(clock=clock)

    def make(self, desk: MemoryDesk, url: str, key: str, destination: str = "jsm:x", **options: Any) -> Transport:
        return JsmTransport(destination, lambda: key, desk, url + jsm.ROOT, **options)
