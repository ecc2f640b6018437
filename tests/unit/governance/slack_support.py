"""What the tests of Slack share: a clock that only sleeping moves, and an incident that changes at a desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.incidents.memory import MemoryDesk
from governance.incidents.model import Entry, Incident, Links, Verb
from governance.incidents.samples import NOW, samples
from governance.model import Event
from governance.transports.slack import SlackTransport
from tests.slack.server import Server

OWNER = "<!subteam^S0DELIVERY>"


class Clock:
    """Seconds that pass by sleeping alone."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at - 1000)


class World:
    """A desk, a Slack and a transport between them."""

    def __init__(self, server: Server, clock: Clock, **more: Any) -> None:
        self.server, self.clock, self.more = server, clock, more
        self.desk = MemoryDesk()
        self.seq = 0
        self.transport = self.anew()

    def anew(self) -> SlackTransport:
        """Another process, a second later: nothing is known but what the desk remembers."""
        self.clock.at += 1
        access = self.more or {"token": lambda: self.server.token, "url": self.server.url}
        timeout = access.pop("timeout", 5.0)
        self.transport = SlackTransport(
            "#data-platform", self.desk, **access, timeout=timeout, clock=self.clock, sleep=self.clock.sleep,
            now=self.clock.now, mention=lambda incident: OWNER,
            links=lambda incident: Links(runbook="https://docs.agency.example/oncall"),
        )  # fmt: skip
        return self.transport

    def change(self, verb: Verb, what: str = "", actor: str = "hallmark", **changes: Any) -> Event:
        """The incident changes at the desk; the event that says so."""
        known = self.desk.incidents.get(changes.pop("id", self.first.id)) or self.first
        now = Incident.model_validate({**dict(known), **changes, "revision": known.revision + 1})
        self.desk.incidents[now.id] = now
        self.seq += 1
        at = self.clock.now().astimezone(UTC)
        self.desk.entries.setdefault(now.id, []).append(Entry(seq=self.seq, at=at, actor=actor, verb=verb, what=what))
        return self.event(now, verb)

    def event(self, incident: Incident, verb: str) -> Event:
        """As the engine puts it into the outbox."""
        data = {"incident": incident.model_dump(mode="json"), "what": verb, "owner": incident.owner}
        cause = f"{incident.id}/{incident.revision}"
        return Event.of(f"hallmark.incident.{verb}.v1", incident.id, cause, NOW, **data, severity=incident.severity)

    def tell(self, *events: Event) -> Sequence[Exception | None]:
        """Deliver; what became of each."""
        return [o.error for o in self.transport.deliver(events)]

    @property
    def first(self) -> Incident:
        """Critical, of a gate."""
        return samples()["opened"].incident

    def calls(self, method: str) -> int:
        """How many there were."""
        return sum(c.method == method for c in self.server.calls)
