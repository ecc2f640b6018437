"""What all pagers share: whom an event pages is decided here, how a page is sent in `pagerduty.py` and `jsm.py`.

An event says that something changed. What is sent follows from how the incident stands now and from what the desk
remembers of its page, so that events that come late, twice or in another order call nobody for nothing:

- An incident that ended, was acknowledged or muted before it was paged is never paged. While it is muted nothing is
  sent. One that follows from another is not paged; if it was, its page is ended. Failing again sends nothing.
- After `cap` pages within an hour the next incidents share one page, the storm's. It says how many are open and which
  is the newest; it is acknowledged when they all are, and ended when they all are.
- A crash between sending and remembering sends a second time, to the same key: the pager counts it and calls nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from pydantic import ValidationError

from governance.incidents.model import Alert, Desk, Incident
from governance.model import Event, Severity
from governance.transports.asking import read_secret
from governance.transports.base import FAULTS, Outage, Outcome, PermanentError, TransientError, unreadable
from governance.transports.pace import Pace, shared
from governance.transports.pages import SEVERITIES, Act, Page, Shown, key_of, page_of, storm_key, storm_page, wanted

INCIDENT = "hallmark.incident."
DEPLOYED = ".deployed.v1"
"""How the types end of events that tell of a deployment, `hallmark.publish.deployed.v1`: shown beside the alerts of a
service. Subject: what was deployed. Data, all optional: summary, fingerprint, previous, run_id, slot, owner, url."""
CAP = 20
STORM = timedelta(hours=1)
EVER = datetime.min.replace(tzinfo=UTC)
Failure = TransientError | PermanentError


@dataclass
class Storm:
    """What one delivery knows of the pages of its destination, by the incident."""

    shown: dict[str, Shown]
    before: dict[str, Shown]
    """Open, and behind the storm's page, when it began."""
    joined: dict[str, Incident] = field(default_factory=dict)
    changed: dict[str, Shown] = field(default_factory=dict)

    def recent(self, since: datetime) -> int:
        """How many were paged since then."""
        return sum(s.triggered_at is not None and s.triggered_at >= since for s in self.shown.values())


class Pager:
    """Shows incidents to one destination of a pager: `Transport` without how a page is sent."""

    per_minute: int | None = None
    """Calls that the service takes of one key."""

    def __init__(
        self,
        destination: str,
        key: Callable[[], str | None],
        desk: Desk,
        *,
        describe: Callable[[Incident], Alert] = lambda one: Alert(incident=one),
        cap: int = CAP,
        repeats: bool = False,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`destination` is its name in the outbox, by which the desk remembers; `key` is read at each delivery.

        `describe` gives links and commands. `repeats`: the team's incidents are escalated to itself, a second page.
        """
        self._destination, self._key, self._desk, self._describe = destination, key, desk, describe
        self._cap, self._repeats, self._given_pace, self._clock = cap, repeats, pace, clock
        self._secret, self._pace = "", pace or Pace(None)

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        """Bring each incident's page to where the incident stands; one that is no matter of a pager is delivered."""
        mine: dict[str, list[Event]] = {}
        for event in events:
            if event.type.startswith(INCIDENT):
                mine.setdefault(event.subject, []).append(event)
            elif event.type.endswith(DEPLOYED):
                mine.setdefault(event.id, []).append(event)
        fates: dict[str, Failure | None] = {}
        if mine:
            try:
                self._secret = read_secret(self._key, f"the key of {self._destination}")
            except Outage as error:
                return [Outcome(e.id, error if e.id in _ids(mine) else None) for e in events]
            self._pace = self._given_pace or shared(self._secret, self.per_minute)
            fates = self._all(mine)
        return [Outcome(e.id, fates.get(e.id)) for e in events]

    def _all(self, mine: dict[str, list[Event]]) -> dict[str, Failure | None]:
        storm, failed, out = self._storm(), dict[str, Failure](), None
        for name, told in mine.items():
            if out is None:
                try:
                    self._one(told, storm)
                except (TransientError, PermanentError) as error:
                    failed[name] = error
                    out = _outage(error)
                except FAULTS as error:
                    failed[name] = unreadable(told[-1], error)
            else:
                failed[name] = out
        if storm.changed:
            try:
                self._weather(storm)
            except (TransientError, PermanentError) as error:
                failed.update(dict.fromkeys(storm.changed, error))
            except FAULTS as error:
                failed.update({i: unreadable(mine[i][-1], error) for i in storm.changed})
        return {e.id: failed.get(name) for name, told in mine.items() for e in told}

    def _storm(self) -> Storm:
        known = [Shown.model_validate(r) for r in self._desk.references(self._destination, "triggered_at", EVER)]
        shown = {s.incident: s for s in known}
        return Storm(shown, {i: s for i, s in shown.items() if s.paged and s.storm_at})

    def _one(self, told: Sequence[Event], storm: Storm) -> None:
        """Do what is due of one incident, or one deployment."""
        last = told[-1]
        if last.type.endswith(DEPLOYED):
            self._pace.take()
            self._deployed(last)
            return
        one, shown = self._stand(last)
        act = wanted(one, shown, self._repeats) if one.revision >= shown.revision else None
        if act is None:
            return
        now = self._clock()
        kept = _after(act, one, shown, now)
        behind = shown.paged and shown.storm_at is not None
        if behind or (act == "trigger" and storm.recent(now - STORM) >= self._cap):
            if act in ("trigger", "again"):
                storm.joined[one.id] = one
                kept = kept.model_copy(update={"storm_at": shown.storm_at if behind else now})
            storm.changed[one.id] = kept
        else:
            self._send(act, page_of(self._describe(one)), _why(one, last))
            self._remember(kept)
        storm.shown[one.id] = kept

    def _stand(self, event: Event) -> tuple[Incident, Shown]:
        """The incident as it stands, and what is shown of it."""
        shown = Shown.model_validate(
            self._desk.reference(event.subject, self._destination) or {"incident": event.subject}
        )
        one = self._desk.incident(event.subject)
        if one is None:
            try:
                one = Incident.model_validate(event.data["incident"])
            except KeyError:
                raise PermanentError("an event of an incident that is not there, and without it") from None
            except ValidationError as error:
                where = "; ".join(".".join(map(str, e["loc"])) for e in error.errors(include_input=False)[:5])
                raise PermanentError(f"an event whose incident is not of the form of one: {where}") from None
        return one, shown

    def _weather(self, storm: Storm) -> None:
        """Bring the storm's page to where its incidents stand."""
        before, open_ = storm.before, {i: s for i, s in storm.shown.items() if s.paged}
        key = next((s.key for s in before.values()), "") or storm_key(next(iter(storm.joined)))
        after = [s for s in open_.values() if s.storm_at]
        in_hand = bool(before) and all(s.state == "acknowledged" for s in before.values())
        if storm.joined:
            newest = max(storm.joined.values(), key=lambda one: one.opened_at)
            page = storm_page(key, len(open_), newest, _worst(after))
            self._send("again" if in_hand else "trigger", page, "more incidents joined the storm")
        elif not after:
            self._send("resolve", _about(key, before), "all incidents of the storm are over")
        elif not in_hand and all(s.state == "acknowledged" for s in after):
            self._send("acknowledge", _about(key, before), "all incidents of the storm are acknowledged")
        for shown in storm.changed.values():
            self._remember(shown.model_copy(update={"key": key, "storm_at": shown.storm_at if shown.paged else None}))

    def _send(self, act: Act, page: Page, why: str) -> None:
        for step in ("resolve", "trigger") if act == "again" else (act,):
            self._pace.take()
            try:
                if step == "trigger":
                    self._trigger(page)
                elif step == "acknowledge":
                    self._acknowledge(page, why)
                else:
                    self._resolve(page, why or "sent anew")
            except TransientError as error:
                if error.reason == "throttled" and error.retry_after:
                    self._pace.hold(error.retry_after)
                raise

    def _remember(self, shown: Shown) -> None:
        self._desk.remember(shown.incident, self._destination, shown.model_dump(mode="json"))

    def _trigger(self, page: Page) -> None:
        """Call somebody; of a key that is open already: show it as it is now."""
        raise NotImplementedError

    def _acknowledge(self, page: Page, why: str) -> None:
        """Somebody is on it."""
        raise NotImplementedError

    def _resolve(self, page: Page, why: str) -> None:
        """It is over."""
        raise NotImplementedError

    def _deployed(self, event: Event) -> None:
        """Show a deployment, where the pager can."""
        raise NotImplementedError


def _after(act: Act, one: Incident, shown: Shown, now: datetime) -> Shown:
    """What is shown once this was done."""
    update = {"revision": one.revision, "severity": one.severity, "escalations": one.escalations}
    if act == "resolve":
        return shown.model_copy(update={**update, "state": "resolved"})
    if act == "acknowledge":
        return shown.model_copy(update={**update, "state": "acknowledged"})
    kept = {"state": "triggered", "key": key_of(one), "triggered_at": now, "storm_at": None}
    return shown.model_copy(update={**update, **kept})


def _why(one: Incident, event: Event) -> str:
    """Why a page ends, or is acknowledged."""
    said = str(event.data.get("what") or "")
    return f"it follows from incident {one.root}. {said}".strip() if one.root else said


def _about(key: str, members: dict[str, Shown]) -> Page:
    worst = _worst(list(members.values()))
    return Page(key=key, summary="storm", severity=worst, source="hallmark", team="", kind="storm", at=EVER)


def _worst(shown: Sequence[Shown]) -> Severity:
    return SEVERITIES[max(SEVERITIES.index(s.severity) for s in shown)]


def _outage(error: Failure) -> Outage | None:
    """What keeps the other events from being tried: each would wait as long in vain."""
    if isinstance(error, TransientError) and not isinstance(error, Outage) and error.reason == "timeout":
        return Outage("timeout", str(error))
    return error if isinstance(error, Outage) else None


def _ids(mine: dict[str, list[Event]]) -> set[str]:
    return {e.id for e in chain.from_iterable(mine.values())}
