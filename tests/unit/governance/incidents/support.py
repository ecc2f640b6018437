"""Incidents under test: a real state database, the routes of a small oncall.yml, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.incidents.desk import IncidentDesk
from governance.incidents.engine import IncidentTransport
from governance.incidents.model import Incident
from governance.incidents.store import IncidentStore
from governance.model import CheckResult, Event
from governance.oncall import Escalation, Ownership, Team
from governance.outbox import Outbox
from governance.routing import route

SLOT = "2026-11-24T06:00:00Z"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday
TEAMS = {
    "platform": Team(name="platform", slack="#platform"),
    "growth": Team(name="growth", slack="#growth", pager="jsm", escalate=Escalation(minutes=30, to="platform")),
}


@dataclass
class World:
    """What an engineer on call has: incidents, what is told of them, and the time."""

    url: str
    ownership: Ownership = field(default_factory=lambda: Ownership(default="platform", teams=TEAMS))
    now: datetime = NOW
    n: int = 0

    def __post_init__(self) -> None:
        self.store = IncidentStore(self.url)
        arguments: dict[str, Any] = {"clock": lambda: self.now}
        self.engine = IncidentTransport(self.store, self.ownership, self.route, **arguments)
        self.desk = IncidentDesk(self.store, self.ownership, self.route, **arguments)

    def route(self, event: Event) -> list[Any]:
        return route(event, self.ownership)

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)

    def event(self, type_: str, subject: str, **data: Any) -> Event:
        self.n += 1
        return Event.of(f"hallmark.{type_}.v1", subject, f"run-{self.n}", self.now, **data)

    def gate(self, dataset: str, *checks: CheckResult, **data: Any) -> Event:
        verb = "failed" if any(not c.success for c in checks) else "passed"
        said = [c.model_dump(mode="json") for c in checks]
        return self.event(f"gate.{verb}", dataset, checks=said, **{"slot": SLOT, **data})

    def hear(self, *events: Event) -> None:
        outcomes = self.engine.deliver(events)
        assert [o.event_id for o in outcomes] == [e.id for e in events]
        assert not [o.error for o in outcomes if o.error]

    def fails(self, dataset: str, check_id: str = "", owner: str = "", slot: str = SLOT, **more: Any) -> Event:
        """A gate that fails, heard; a minute passes."""
        event = self.gate(dataset, check(dataset, check_id, **more), owner=owner, slot=slot)
        self.hear(event)
        self.pass_(minutes=1)
        return event

    def passes(self, dataset: str, check_id: str = "") -> Event:
        event = self.gate(dataset, check(dataset, check_id, success=True))
        self.hear(event)
        self.pass_(minutes=1)
        return event

    def made_of(self, dataset: str, *inputs: str, kind: str = "table", owner: str = "platform") -> None:
        self.hear(
            self.event("dataset.published", dataset, kind=kind, owner=owner),
            self.event("lineage.published", dataset, inputs=inputs, owner=owner, edges=[]),
        )

    @property
    def open(self) -> list[Incident]:
        return self.store.rows(("open", "acknowledged", "muted"))

    def one(self) -> Incident:
        [found] = self.store.rows()
        return found

    def told(self, destination: str) -> list[str]:
        """The verbs that a destination is told, in their order."""
        with Outbox(self.url) as outbox:
            rows = outbox.rows(destination=destination, limit=10_000)
        return [r["type"].split(".")[2] for r in reversed(rows)]

    def whats(self, id: str) -> Sequence[str]:
        return [e.what for e in self.store.timeline(id)]


def check(
    dataset: str, check_id: str = "", success: bool = False, severity: Any = "critical", **more: Any
) -> CheckResult:
    return CheckResult(
        check_id=check_id or f"{dataset}.id.not_null", layer=dataset.partition(".")[0], dataset=dataset,
        type=more.pop("type", "not_null"), severity=severity, success=success,
        failed_rows=0 if success else more.pop("failed_rows", 3), **more,
    )  # fmt: skip
