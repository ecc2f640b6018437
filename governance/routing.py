"""Who hears of what: (event, ownership) → destinations, a pure function.

No I/O and no state; how a destination is reached is its transport's business.
"""

from __future__ import annotations

from datetime import datetime

from governance.incidents.signals import READ
from governance.model import Event, Frozen, Severity
from governance.oncall import Ownership, Team
from governance.openmetadata.concerns import CONCERNS, DATASET, LINEAGE


class Destination(Frozen):
    """A transport, and an address within it."""

    transport: str
    """file, memory, …: the dispatcher's name of it."""
    address: str = ""
    """A channel, or a team whose key it is; empty where the transport has only one."""
    not_before: datetime | None = None
    """It waits until then."""

    @property
    def name(self) -> str:
        """As the outbox stores it: `file`, `slack:#data-platform`."""
        return f"{self.transport}:{self.address}" if self.address else self.transport


MOVES = 10
"""How often hours and quiet hours may put a call off by turns, before it is made all the same."""
FILE = Destination(transport="file")
CATALOG = Destination(transport="openmetadata")
INCIDENTS = Destination(transport="incidents")
"""Those who keep the incidents: what they make of it comes back as `hallmark.incident.<verb>.v1`."""
INCIDENT = "hallmark.incident."
DEPLOYED = "hallmark.publish.deployed.v1"
"""Other code makes the data from now on: what somebody who is called may want to know."""
KNOWLEDGE = frozenset((DATASET, LINEAGE))
"""Types that say what stands downstream of what."""


def route(event: Event, ownership: Ownership) -> list[Destination]:
    """At least one destination for every event: the file keeps all of them."""
    found = [FILE]
    if event.type in CONCERNS:
        found.append(CATALOG)
    if event.type in READ or event.type in KNOWLEDGE:
        found.append(INCIDENTS)
    elif event.type == DEPLOYED:
        team = ownership.team_of(event.subject, event.data.get("owner"))
        found.append(Destination(transport=team.pager, address=team.name))
    elif event.type.startswith(INCIDENT) and "incident" in event.data:
        found += _of_incident(event, ownership)
    return found


def _of_incident(event: Event, ownership: Ownership) -> list[Destination]:
    """The channels of the team whose it is, and of the one that it is brought to for want of an acknowledgement."""
    team = ownership.team_of(str(event.data.get("dataset") or ""), str(event.data.get("owner") or ""))
    severity: Severity = event.data["severity"]
    found = []
    if severity in team.notify:
        waits = ownership.quiet_until(team.name, severity, event.time)
        found.append(Destination(transport="slack", address=team.slack, not_before=waits))
    paged = [team] if severity in team.page or severity in team.page_in_hours else []
    for one in [*paged, *_escalated(event, team, ownership)]:
        at = _called_at(one, severity, event.time, ownership)
        waits = at if at > event.time else None
        found.append(Destination(transport=one.pager, address=one.name, not_before=waits))
    return list(dict.fromkeys(found))


def _called_at(team: Team, severity: Severity, at: datetime, ownership: Ownership) -> datetime:
    """When from then on the team may first be called: in its hours, if they count, and not in quiet ones."""
    for _ in range(MOVES):
        within = at if severity in team.page else team.hours.next_within(at)
        free = ownership.quiet_until(team.name, severity, within) or within
        if free == at:
            break
        at = free
    return at


def _escalated(event: Event, team: Team, ownership: Ownership) -> list[Team]:
    if not event.data.get("escalations") or team.escalate is None:
        return []
    return [ownership.teams[team.escalate.to]]
