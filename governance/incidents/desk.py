"""What a person or the time does to incidents: acknowledge, assign, resolve, mute; escalate, unmute.

Each is one transaction with the events for those who must hear. Doing a thing again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from governance.errors import ConfigurationError
from governance.incidents.engine import HALLMARK, Route, Work
from governance.incidents.episodes import Change, Policy, elapse
from governance.incidents.model import Incident, Reported
from governance.incidents.store import IncidentStore
from governance.oncall import Ownership

Do = Callable[[Incident], Change | None]


@dataclass(frozen=True)
class IncidentDesk:
    """Acts on the incidents of one store."""

    store: IncidentStore
    ownership: Ownership
    route: Route
    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def acknowledge(self, id: str, actor: str, note: str = "") -> Incident:
        """Somebody is on it: it is not escalated any more. Raises ConfigurationError for an id that is none."""

        def do(one: Incident) -> Change | None:
            if one.state not in ("open", "muted") or one.acknowledged_at:
                return None
            state = one.state if one.state == "muted" else "acknowledged"
            update = {"state": state, "acknowledged_at": self.clock(), "assignee": one.assignee or actor}
            return Change(one.model_copy(update=update), "acknowledged", note or f"{actor} is on it")

        return self._do(id, actor, do)

    def assign(self, id: str, actor: str, to: str) -> Incident:
        """Give it to somebody, who thereby has acknowledged nothing yet."""

        def do(one: Incident) -> Change | None:
            if one.assignee == to or one.state == "resolved":
                return None
            return Change(one.model_copy(update={"assignee": to}), "assigned", f"assigned to {to}")

        return self._do(id, actor, do)

    def resolve(self, id: str, actor: str, note: str = "") -> Incident:
        """Say that it is over. A failure within a day opens it again."""

        def do(one: Incident) -> Change | None:
            if one.state == "resolved":
                return None
            now = self.clock()
            update = {"state": "resolved", "resolved_at": now, "passing_since": None, "muted_until": None}
            done = one.model_copy(update={**update, "changes": (*one.changes, now)})
            return Change(done, "resolved", note or f"{actor} says it is over")

        return self._do(id, actor, do)

    def mute(self, id: str, actor: str, until: datetime, reason: str = "") -> Incident:
        """Record it, and call nobody before `until`. Raises ConfigurationError for a time that has passed."""
        if until <= self.clock():
            raise ConfigurationError("--until", f"{until:%Y-%m-%d %H:%M} UTC has passed", "give a time that lies ahead")

        def do(one: Incident) -> Change | None:
            if one.state == "resolved" or (one.state == "muted" and one.muted_until == until):
                return None
            muted = one.model_copy(update={"state": "muted", "muted_until": until})
            why = f": {reason}" if reason else ""
            return Change(muted, "muted", f"muted until {until:%Y-%m-%d %H:%M} UTC{why}")

        return self._do(id, actor, do)

    def note(self, id: str, actor: str, what: str) -> Incident:
        """Write what was done about it into its timeline."""
        return self._do(id, actor, lambda one: Change(one, "noted", what))

    def heed(self, told: Reported) -> Incident | None:
        """Do what a person did somewhere else; None for an incident that is not known here."""
        one = self.store.incident(told.incident) or self.store.newest(told.incident)
        if one is None:
            return None
        if told.at < max(one.changes, default=one.opened_at):  # said of it before it was opened anew
            return None
        if told.verb == "assigned":
            return self.assign(one.id, told.actor, told.to)
        if told.verb == "acknowledged":
            return self.acknowledge(one.id, told.actor, told.note)
        return self.resolve(one.id, told.actor, told.note)

    def tick(self) -> int:
        """Escalate what nobody acknowledged, end what has been quiet, unmute, forget. Returns how many changed."""
        now, changed = self.clock(), 0
        with self.store.writing() as writing:
            work = Work(writing, self.ownership, self.route, self.policy)
            for one in writing.unresolved():
                if change := elapse(one, now, self.policy) or self._escalated(one, now):
                    work.make(change, now)
                    changed += 1
                elif one.root:
                    changed += work.leave(one, now)
            work.tell()
            writing.prune(now)
        return changed

    def _escalated(self, one: Incident, now: datetime) -> Change | None:
        """Once, so many minutes after somebody was to be called."""
        team = self.ownership.team_of(one.dataset, one.owner)
        if team.escalate is None or one.state != "open" or one.root or one.severity not in team.page:
            return None
        due = (one.called_at or max(one.changes, default=one.opened_at)) + timedelta(minutes=team.escalate.minutes)
        if now < due or one.escalations:
            return None
        what = f"nobody acknowledged it within {team.escalate.minutes} minutes: {team.escalate.to} is called"
        return Change(one.model_copy(update={"escalations": one.escalations + 1}), "escalated", what)

    def _do(self, id: str, actor: str, do: Do) -> Incident:
        found = self.store.find(id)
        with self.store.writing() as writing:
            one = writing.incident(found.id) or found
            change = do(one)
            if change is None:
                return one
            work = Work(writing, self.ownership, self.route, self.policy)
            kept = work.make(change, self.clock(), actor or HALLMARK)
            work.tell()
        return kept
