"""PagerDuty by its Events API v2: alerts by `/v2/enqueue`, deployments by `/v2/change/enqueue`.

Sources: https://developer.pagerduty.com/docs/send-alert-event (fields and lengths, one open alert for a `dedup_key`),
/docs/send-change-event, /docs/events-api-v2-overview (202, 400, 429, 5xx; 512 KB) and /docs/events-api-rate-limits
(about 120 calls within 60 s for a key, looking back from now).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from governance.incidents.model import Desk
from governance.model import Event, Severity
from governance.transports.asking import Asker
from governance.transports.pager import Pager
from governance.transports.pages import Page, line

URL = "https://events.pagerduty.com"
PER_MINUTE = 120
SUMMARY_LIMIT = 1024
Action = Literal["trigger", "acknowledge", "resolve"]
SEVERITY: dict[Severity, str] = {"critical": "critical", "warning": "warning", "info": "info"}


class PagerDutyTransport(Pager):
    """Pages by one routing key: the integration key of a service."""

    per_minute = PER_MINUTE

    def __init__(
        self,
        destination: str,
        key: Callable[[], str | None],
        desk: Desk,
        url: str = URL,
        timeout: float = 10.0,
        **shared: Any,
    ) -> None:
        """`shared` are the options of `Pager`."""
        super().__init__(destination, key, desk, **shared)
        self._asker = Asker("PagerDuty", url, timeout)

    def close(self, timeout: float) -> bool:
        """Close the connections."""
        self._asker.close()
        return True

    def _trigger(self, page: Page) -> None:
        self._enqueue(alert(page, "trigger", self._secret))

    def _acknowledge(self, page: Page, why: str) -> None:
        self._enqueue(alert(page, "acknowledge", self._secret, why))

    def _resolve(self, page: Page, why: str) -> None:
        self._enqueue(alert(page, "resolve", self._secret, why))

    def _deployed(self, event: Event) -> None:
        # There is no key that would tell two of one event apart: one that is sent again is a second line of the list.
        self._asker.ask("POST", "/v2/change/enqueue", self._secret, json=change(event, self._secret))

    def _enqueue(self, body: dict[str, Any]) -> None:
        self._asker.ask("POST", "/v2/enqueue", self._secret, json=body)


def alert(page: Page, action: Action, key: str, why: str = "") -> dict[str, Any]:
    """The body of an alert event. What ends a page says why in its log."""
    payload: dict[str, Any] = {
        "summary": (page.summary if action == "trigger" else line(why) or action)[:SUMMARY_LIMIT],
        "source": page.source[:SUMMARY_LIMIT], "severity": SEVERITY[page.severity],
    }  # fmt: skip
    body: dict[str, Any] = {"routing_key": key, "event_action": action, "dedup_key": page.key, "payload": payload}
    if action != "trigger":
        return body
    payload["timestamp"] = _time(page.at)
    payload |= {n: v for n, v in {"component": page.source, "group": page.team, "class": page.kind}.items() if v}
    payload["custom_details"] = page.details
    return {**body, "client": "Hallmark", "links": [{"href": url, "text": text} for text, url in page.links]}


def change(event: Event, key: str) -> dict[str, Any]:
    """The body of a change event: what was deployed, and what it was before."""
    data = event.data
    new, old = (line(str(data.get(name) or "")) for name in ("fingerprint", "previous"))
    summary = line(str(data.get("summary") or f"{event.subject} deployed" + (f": {old} → {new}" if new else "")))
    known = {
        n: line(str(data[n]))[:1000] for n in ("fingerprint", "previous", "slot", "run_id", "owner") if data.get(n)
    }
    url = str(data.get("url") or "")
    links = [{"href": url, "text": "what was deployed"}] if url.startswith(("http://", "https://")) else []
    payload = {"summary": summary[:SUMMARY_LIMIT], "source": line(event.subject) or "hallmark",
               "timestamp": _time(event.time), "custom_details": known}  # fmt: skip
    return {"routing_key": key, "payload": payload, "links": links}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
