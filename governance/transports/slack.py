"""Brings incidents to a channel of Slack, as they stand: by a bot's token or by a webhook.

An event says that an incident changed; what is shown is its state at the desk, so that events that come late, twice or
in a heap show the same. With a token a message is looked up before it is sent again after an unclear outcome
(`slack_thread.py`); by a webhook it may be told twice after a crash (`slack_hook.py`).

A bot needs the scopes chat:write, channels:read and channels:history, for private channels groups:read and
groups:history too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from governance.incidents.model import Alert, Desk, Incident, Links
from governance.messages import alert_of
from governance.model import Event
from governance.transports.base import FAULTS, Outage, Outcome, PermanentError, TransientError, unreadable
from governance.transports.slack_client import URL, Pace, SlackClient
from governance.transports.slack_hook import Hook
from governance.transports.slack_thread import Reference, Thread

PREFIX = "hallmark.incident."
DELIVERY_SECONDS = 60.0
"""How long one delivery may take at a message a second; the other events come again."""
ORIGINS = 8
"""How many incidents up the origin of one is looked for."""


class Shower(Protocol):
    """Shows alerts in one channel."""

    def open(self) -> None:
        """Before the first alert of a delivery."""

    def show(self, alert: Alert) -> None:
        """Make the channel show it."""

    def shown(self, id: str) -> Reference:
        """What was remembered of an incident."""


class SlackTransport:
    """Delivers events of incidents to one channel; any other event is delivered by that."""

    def __init__(
        self,
        channel: str,
        desk: Desk,
        *,
        token: Callable[[], str | None] | None = None,
        webhook: Callable[[], str | None] | None = None,
        url: str = URL,
        links: Callable[[Incident], Links] = lambda incident: Links(),
        mention: Callable[[Incident], str] = lambda incident: "",
        timeout: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`channel` is a name with its # or an id; the outbox names this destination `slack:<channel>`.

        One of `token` and `webhook` is given; it is asked for each delivery, so that a rotated secret is found.
        `mention` is who is called: `<@U…>`, `<!subteam^S…>`, or a handle, which is shown and calls nobody.
        """
        if (token is None) == (webhook is None):
            raise ValueError("a SlackTransport takes a token or a webhook")
        self._desk, self._links, self._mention, self._clock = desk, links, mention, clock
        pace, destination = Pace(clock, sleep), f"slack:{channel}"
        self._origins: set[str] = set()
        self._shower: Shower
        if token is not None:
            self._shower = Thread(SlackClient(token, url, timeout, pace), desk, channel, destination, now)
        elif webhook is not None:
            self._shower = Hook(webhook, timeout, pace, desk, destination)

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        """Show what the events are about; once Slack does not answer, or asks to wait, no more is tried."""
        outcomes: list[Outcome] = []
        self._origins.clear()
        end, stop = self._clock() + DELIVERY_SECONDS, None
        try:
            if events:
                self._shower.open()
        except TransientError as error:
            stop = error
        for event in events:
            found: TransientError | PermanentError | None = stop
            if stop is None:
                try:
                    self._tell(event)
                except (TransientError, PermanentError) as error:
                    found = error
                    if isinstance(error, Outage) or (isinstance(error, TransientError) and error.reason == "throttled"):
                        stop = error
                except FAULTS as error:
                    found = unreadable(event, error)
                if stop is None and self._clock() > end:
                    stop = TransientError("throttled", "a channel takes one message a second", 1.0)
            outcomes.append(Outcome(event.id, found))
        return outcomes

    def close(self, timeout: float) -> bool:
        """Nothing stays open between calls."""
        return True

    def _tell(self, event: Event) -> None:
        if not event.type.startswith(PREFIX):
            return
        incident = self._desk.incident(event.subject) or _told(event)
        origin = self._origin(incident)
        if origin.id == incident.id or self._shower.shown(incident.id):
            known = self._shower.shown(incident.id)
            if "pending" in known or known.get("revision", -1) < incident.revision:
                self._show(incident)
        # Never a message of its own: what it follows from shows it, once for all events of a delivery.
        if origin.id != incident.id and origin.id not in self._origins:
            self._show(origin)
            self._origins.add(origin.id)

    def _origin(self, incident: Incident) -> Incident:
        """The incident that this one follows from, as far as the desk knows; itself if it follows from none."""
        found = incident
        for _ in range(ORIGINS):
            above = self._desk.incident(found.root) if found.root else None
            if above is None or above.id == incident.id:
                return found
            found = above
        return found

    def _show(self, incident: Incident) -> None:
        attached = [found for one in incident.attached if (found := self._desk.incident(one))]
        links, mention = self._links(incident), self._mention(incident)
        self._shower.show(alert_of(incident, attached, links, self._desk.timeline(incident.id), mention))


def _told(event: Event) -> Incident:
    """The incident as the event has it, where the desk does not know it any more."""
    try:
        return Incident.model_validate(event.data.get("incident"))
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:3])
        raise PermanentError(f"the event holds no incident: {found}") from None
