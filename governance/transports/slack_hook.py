"""An incident by an incoming webhook: messages that nobody can edit, find again, or answer in a thread.

One message when it is first told, then a short one for each change of its state; a repetition is told by nothing, nor
is an incident that is attached later (the next message says how many there are). A process that is killed after Slack
took a message and before that was remembered sends it once more: by a webhook it cannot be looked up.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from typing import Any

from governance import messages
from governance.formats.body import Body, Call, Paragraph, Part
from governance.formats.slack import SlackMessage, render
from governance.incidents.model import Alert, Desk, Verb
from governance.transports.base import TransientError
from governance.transports.slack_client import INTERVAL, QUIET, Pace, failure, secret, unanswered

FOLLOWED: tuple[Verb, ...] = ("reopened", "worsened", "acknowledged", "resolved", "muted", "unmuted", "escalated")
_ADDRESS = re.compile(r"https?://[!-~]+", re.I)


class Hook:
    """Shows alerts by one webhook, which is of one channel. Remembers {revision, entry, told}."""

    def __init__(
        self, webhook: Callable[[], str | None], timeout: float, pace: Pace, desk: Desk, destination: str
    ) -> None:
        self._webhook, self._timeout, self._pace = webhook, timeout, pace
        self._desk, self._destination = desk, destination
        self._url = ""

    def open(self) -> None:
        """Take the address as it is now."""
        self._url = secret(self._webhook, _ADDRESS, "the address of Slack's webhook")

    def show(self, alert: Alert) -> None:
        """Tell what was not told of it."""
        incident, known = alert.incident, self.shown(alert.incident.id)
        if not known.get("told"):
            body = messages.summary(alert) if incident.state == "resolved" else messages.whole(alert)
            self._send(render(body))
        elif follow := self._follow(alert, known.get("entry", 0)):
            self._send(render(follow))
        last = max([known.get("entry", 0), *(e.seq for e in alert.entries)])
        self._desk.remember(
            incident.id, self._destination, {"told": True, "entry": last, "revision": incident.revision}
        )

    def shown(self, id: str) -> dict[str, Any]:
        """What was remembered of an incident."""
        return self._desk.reference(id, self._destination)

    def _follow(self, alert: Alert, after: int) -> Body | None:
        incident = alert.incident
        news = [e for e in alert.entries if e.seq > after and e.verb in FOLLOWED]
        if not news or incident.root:
            return None
        calls = any(e.verb in messages.CALLING for e in news) and incident.state in ("open", "acknowledged")
        parts: list[Part] = [Call(whom=alert.mention)] if calls and alert.mention else []
        parts += [Paragraph(text=text) for text in messages.news(news)[-5:]]
        if storm := messages.storm(alert):
            parts.append(Paragraph(title="Attached", text=storm))
        parts.append(Paragraph(text=f"Incident {incident.id}, owned by {incident.owner}"))
        return Body(title=messages.headline(incident), tone=messages.tone(incident), parts=tuple(parts))

    def _send(self, message: SlackMessage) -> None:
        from slack_sdk.webhook import WebhookClient

        self._pace.wait()
        client = WebhookClient(self._url, timeout=self._timeout, logger=QUIET, retry_handlers=[])  # type: ignore[arg-type]
        try:
            answer = client.send(
                text=message.text, blocks=list(message.blocks), unfurl_links=False, unfurl_media=False
            )  # fmt: skip
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise unanswered(error) from None
        finally:
            self._pace.leave()
        if answer.status_code != 200:
            refused = failure(answer.status_code, answer.body, answer.headers, {}, "webhook")
            if isinstance(refused, TransientError) and refused.reason == "throttled":
                self._pace.leave(refused.retry_after or INTERVAL)
            raise refused
