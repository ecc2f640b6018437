"""An incident as a thread: one message that is edited as the incident changes, its details and its news as replies.

Every message is announced in the reference before it is sent (`pending`), and carries the incident's id in its
metadata. A process that was killed in between, or got no answer, leaves the announcement: the next one looks for the
message in the channel before it sends it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from governance import messages
from governance.formats.body import Body
from governance.formats.slack import SlackMessage, render
from governance.incidents.model import Alert, Desk, Entry
from governance.transports.base import Outage, PermanentError, TransientError
from governance.transports.slack_client import Refusal, SlackClient

log = logging.getLogger(__name__)
SKEW = 600.0
"""Seconds by which our clock and Slack's may differ, and that a call may take."""
_UNCLEAR = ("timeout", "connection", "server", "unexpected")
Reference = dict[str, Any]


class Thread:
    """Shows alerts in one channel by a bot's token.

    Of each incident it remembers {ts, channel, root, details_ts, details, revision, entry, pending}: the messages, a
    digest of what each shows, the newest revision and entry that were shown, and what is being sent.
    """

    def __init__(
        self, client: SlackClient, desk: Desk, channel: str, destination: str, now: Callable[[], datetime]
    ) -> None:
        self._client, self._desk, self._now = client, desk, now
        self._channel, self._destination = channel, destination
        self._id = channel if channel[:1] in ("C", "G") and channel.isalnum() and channel.isupper() else ""

    def open(self) -> None:
        """Before the first of a delivery."""
        self._client.open()

    def show(self, alert: Alert) -> None:
        """Make the channel show this. `alert.entries` are all those that the desk has."""
        try:
            self._show(alert)
        except Refusal as error:
            known = self._reference(alert.incident.id)
            if error.code != "thread_not_found" or "ts" not in known:
                raise
            # Somebody deleted it: it is told anew.
            self._remember(alert.incident.id, {"entry": known.get("entry", 0)})
            self._show(alert)

    def _show(self, alert: Alert) -> None:
        incident, known = alert.incident, self._reference(alert.incident.id)
        if pending := known.get("pending"):
            known = self._recovered(incident.id, known, pending)
        news = [e for e in alert.entries if e.seq > known.get("entry", 0)]
        first = "revision" not in known  # remembered once all of it is shown
        known = self._root(alert, known)
        silent = first and incident.state == "resolved"
        if not silent:
            known = self._details(alert, known)
            known = self._news(alert, known, news, first)
        last = max([known.get("entry", 0), *(e.seq for e in alert.entries)])
        self._remember(incident.id, {**known, "entry": last, "revision": incident.revision})

    def shown(self, id: str) -> Reference:
        """What was remembered of an incident."""
        return self._reference(id)

    def _root(self, alert: Alert, known: Reference) -> Reference:
        message, digest = _rendered(messages.summary(alert))
        payload = {"incident": alert.incident.id, "part": "root", "shown": digest}
        if "ts" in known:
            if digest == known.get("root"):
                return known
            if self._edited(known, "ts", message, payload):
                return {**known, "root": digest}
            known = {"entry": known.get("entry", 0)}
        answer = self._sent(alert, known, "root", message, payload)
        self._id = str(answer["channel"])
        found = {"ts": str(answer["ts"]), "channel": self._id, "root": digest}
        return self._remember(alert.incident.id, {**_settled(known), **found})

    def _details(self, alert: Alert, known: Reference) -> Reference:
        body = messages.details(alert)
        if body is None:
            return known
        message, digest = _rendered(body)
        payload = {"incident": alert.incident.id, "part": "details", "shown": digest}
        if digest == known.get("details"):
            return known
        if "details_ts" in known:
            if self._edited(known, "details_ts", message, payload):
                return {**known, "details": digest}
            known = {k: v for k, v in known.items() if k not in ("details_ts", "details")}
        answer = self._sent(alert, known, "details", message, payload)
        return self._remember(
            alert.incident.id, {**_settled(known), "details_ts": str(answer["ts"]), "details": digest}
        )

    def _edited(self, known: Reference, which: str, message: SlackMessage, payload: Reference) -> bool:
        """Whether it is there still; False for one that somebody deleted, which is told anew."""
        try:
            self._client.update(known["channel"], known[which], message, payload)
        except Refusal as error:
            if error.code == "message_not_found":
                return False
            if error.code not in ("edit_window_closed", "cant_update_message"):
                raise
            log.warning("the %s of %s stays as it is: %s", payload["part"], payload["incident"], error)
        return True

    def _news(self, alert: Alert, known: Reference, news: Sequence[Entry], first: bool) -> Reference:
        """One reply with what is new; repetitions and attached incidents are in the messages that are edited."""
        told = [e for e in news if e.verb not in ("repeated", "attached", "opened")]
        worth = any(e.verb in messages.CALLING for e in told) and not first
        calls = worth and alert.incident.state in ("open", "acknowledged") and not alert.incident.root
        body = messages.progress(told, alert.mention if calls else "")
        if body is None:
            return known
        last = told[-1].seq
        payload = {"incident": alert.incident.id, "part": "news", "entry": last}
        self._sent(alert, known, "news", render(body), payload)
        return self._remember(alert.incident.id, {**_settled(known), "entry": last})

    def _sent(
        self, alert: Alert, known: Reference, part: str, message: SlackMessage, payload: Reference
    ) -> dict[str, Any]:
        """Announce a message, send it, and take the announcement back where Slack surely did not take it."""
        pending = {"part": part, "at": self._now().astimezone(UTC).isoformat()}
        self._remember(alert.incident.id, {**known, "pending": pending})
        try:
            return self._client.post(
                known.get("channel") or self._id or self._channel, message, payload, known.get("ts")
            )
        except (TransientError, PermanentError) as error:
            if isinstance(error, PermanentError) or error.reason not in _UNCLEAR:
                self._remember(alert.incident.id, _settled(known))
            raise

    def _recovered(self, id: str, known: Reference, pending: dict[str, str]) -> Reference:
        """The reference with what Slack turns out to have taken."""
        at = datetime.fromisoformat(pending["at"]).timestamp()
        sent = at - SKEW, at + SKEW
        try:
            if pending["part"] == "root":
                self._id = known.get("channel") or self._id or self._client.channel_id(self._channel) or ""
                told = list(self._client.told(self._id, id, *sent)) if self._id else []
            else:
                told = list(self._client.told(known["channel"], id, *sent, known["ts"]))
        except Outage as error:
            if "missing_scope" not in str(error):
                raise
            # Told twice is better than not at all.
            log.warning("%s may be told twice in %s: the bot may not read it: %s", id, self._channel, error)
            told = []
        return self._remember(id, {**_settled(known), **self._found(pending["part"], told, known)})

    def _found(self, part: str, told: Sequence[dict[str, Any]], known: Reference) -> Reference:
        mine = sorted((t for t in told if t.get("part") == part), key=lambda t: float(t["ts"]))
        if not mine:
            return {}
        if part == "news":
            return {"entry": max(known.get("entry", 0), *(int(t.get("entry", 0)) for t in mine))}
        if part == "details":
            return {"details_ts": mine[0]["ts"], "details": mine[0].get("shown", "")}
        return {"ts": mine[0]["ts"], "channel": self._id, "root": mine[0].get("shown", "")}

    def _reference(self, id: str) -> Reference:
        return self._desk.reference(id, self._destination)

    def _remember(self, id: str, reference: Reference) -> Reference:
        self._desk.remember(id, self._destination, reference)
        return reference


def _settled(known: Reference) -> Reference:
    return {k: v for k, v in known.items() if k != "pending"}


def _rendered(body: Body) -> tuple[SlackMessage, str]:
    """A message, and a digest of it by which a change is found."""
    message = render(body)
    return message, hashlib.sha256(message.model_dump_json().encode()).hexdigest()[:16]
