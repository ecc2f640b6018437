"""What an incident is, as frozen types, and what a channel needs of those who keep them. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import Field

from governance.model import Frozen, Sample, Severity

State = Literal["open", "acknowledged", "resolved", "muted"]
UNRESOLVED: tuple[State, ...] = ("open", "acknowledged", "muted")
Kind = Literal["gate", "freshness", "volume", "schema", "quarantine", "load", "flow", "deadline", "delivery"]
Verb = Literal[
    "opened", "reopened", "repeated", "worsened", "attached", "acknowledged", "assigned", "resolved", "muted",
    "unmuted", "escalated", "noted",
]  # fmt: skip
"""What happened to an incident: the verb of `hallmark.incident.<verb>.v1`."""


class Evidence(Frozen):
    """What a failure showed: personal columns are masked, texts are cut."""

    at: datetime
    slot: str = ""
    run_id: str = ""
    type: str = ""
    """Of the check: not_null, freshness, …"""
    column: str | None = None
    observed: str = ""
    threshold: str = ""
    failed_rows: int = 0
    rows: int | None = None
    query: str | None = None
    sample: Sample | None = None
    waived: str = ""
    """Who lets it fail without blocking, and why."""
    error: str = ""
    """Of a load, flow or delivery: its cause."""
    remedy: str = ""


class Blast(Frozen):
    """What stands downstream of an incident."""

    datasets: tuple[str, ...] = ()
    dashboards: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    """What was not published because of it: layers and datasets."""


class Incident(Frozen):
    """One episode of one check or flow, as it stands."""

    id: str
    """Ten hex digits, of the fingerprint and the time at which it opened."""
    fingerprint: str
    """Of (dataset, check) or (flow, cause): the same for each episode of it; 32 hex digits."""
    state: State
    kind: Kind
    severity: Severity
    """The worst that was seen."""
    dataset: str
    """Or the flow, or the destination that cannot be delivered to."""
    check_id: str
    """Of a gate or watch; of a flow its cause in a word."""
    owner: str
    """The team, as oncall.yml names it."""
    title: str
    """One line."""
    opened_at: datetime
    last_seen: datetime
    count: int = 1
    """Failures in this episode."""
    called_at: datetime | None = None
    """When somebody was to be called of it last: an escalation counts from then on."""
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    muted_until: datetime | None = None
    passing_since: datetime | None = None
    """It passes, and is held open because it came and went before."""
    changes: tuple[datetime, ...] = ()
    """When it began to fail or to pass, as far back as matters."""
    assignee: str = ""
    root: str | None = None
    """The incident upstream that this one follows from."""
    attached: tuple[str, ...] = ()
    """Incidents whose root this is."""
    blast: Blast = Blast()
    first: Evidence
    """Of the first failure."""
    latest: Evidence
    """Of the newest one."""
    revision: int = 1
    """Grows with every change: what was shown of a lower one is old."""
    escalations: int = 0
    """How often it was brought to somebody else, for want of an acknowledgement."""


class Entry(Frozen):
    """A line of an incident's timeline."""

    seq: int
    """Grows; unique over all incidents."""
    at: datetime
    actor: str
    """A person, or `hallmark`."""
    verb: Verb
    what: str
    """In words, one line."""


class Desk(Protocol):
    """What a channel asks of those who keep the incidents. `memory.py` and `store.py` are two of them."""

    def incident(self, id: str) -> Incident | None:
        """As it stands now."""
        ...

    def timeline(self, id: str, after: int = 0) -> Sequence[Entry]:
        """Its entries whose `seq` is greater than `after`, oldest first."""
        ...

    def reference(self, id: str, destination: str) -> dict[str, Any]:
        """What the channel remembered of it: a message's id, the revision shown, …; empty at first."""
        ...

    def remember(self, id: str, destination: str, reference: dict[str, Any]) -> None:
        """Keep this in its place, durably."""
        ...

    def references(self, destination: str, key: str, since: datetime) -> Sequence[dict[str, Any]]:
        """All that the channel remembered whose `key` is a time (RFC 3339) not before `since`."""
        ...


class Links(Frozen):
    """Where a person can look; empty where it is not known."""

    run: str = ""
    """The Prefect flow run."""
    catalog: str = ""
    """The incident or dataset in OpenMetadata."""
    report: str = ""
    runbook: str = ""


class Action(Frozen):
    """A command that may help."""

    title: str
    command: str


class Alert(Frozen):
    """What is said of an incident, whatever the channel: `messages.py` makes it, a format shows it."""

    incident: Incident
    attached: tuple[Incident, ...] = ()
    links: Links = Links()
    actions: tuple[Action, ...] = ()
    mention: str = ""
    """Whom to call in Slack: a user group's or user's id (`<!subteam^S…>`, `<@U…>`), or a handle."""
    entries: tuple[Entry, ...] = Field(default=())


class Reported(Frozen):
    """What a person did to an incident somewhere else."""

    incident: str
    """Its id, or its fingerprint."""
    verb: Literal["acknowledged", "assigned", "resolved"]
    actor: str
    at: datetime
    to: str = ""
    """Of `assigned`: whom."""
    note: str = ""
