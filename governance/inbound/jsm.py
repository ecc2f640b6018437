"""What people did in JSM Operations, asked for by its REST API with the token of an Atlassian account.

Source: https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/api-group-alerts (GET
`/jsm/ops/api/{cloudId}/v1/alerts`; Basic e-mail:token; `values` and `links.next`). The key of an integration may not
read there. One list answers for all pages: the alerts with our tag that changed last, newest first.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from governance.inbound.heard import Heard, Pages, reports, text, time
from governance.incidents.model import Reported
from governance.transports.asking import Asker, read_secret
from governance.transports.jsm import TAG, USER

SIZE = 100
MOST = 10
"""Pages of a list that are read at most."""
BACK = timedelta(days=30)


class JsmReader:
    """Asks what became of pages. `url` ends with the cloud id: https://api.atlassian.com/jsm/ops/api/<cloudId>."""

    def __init__(
        self,
        token: Callable[[], str | None],
        user: str,
        url: str,
        timeout: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._token, self._user, self._clock = token, user, clock
        self._asker = Asker("JSM Operations' REST API", url, timeout)

    def poll(self, pages: Pages) -> list[Reported]:
        """What people did to these pages, as it stands. Raises TransientError or PermanentError."""
        if not pages:
            return []
        token = read_secret(self._token, "the token of JSM Operations")
        basic = base64.b64encode(f"{self._user}:{token}".encode()).decode()
        left, found = set(pages), list[Reported]()
        for number in range(MOST):
            asked = {
                "query": f"tag: {TAG}",
                "sort": "updatedAt",
                "order": "desc",
                "size": SIZE,
                "offset": number * SIZE,
            }
            headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
            values = self._asker.ask("GET", f"/v1/alerts?{urlencode(asked)}", token, headers).json().get("values") or []
            for alert in values:
                key = str(alert.get("alias") or "")
                if key in left:  # the newest of its alias; older ones are closed
                    left.discard(key)
                    heard = _stands(key, alert)
                    found += reports(heard, pages) if heard else []
            old = bool(values) and time(values[-1]["updatedAt"]) < self._clock() - BACK
            if not left or len(values) < SIZE or old:
                break
        return found

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()


def _stands(key: str, alert: dict[str, Any]) -> Heard | None:
    said, closed = alert.get("report") or {}, alert.get("status") == "closed"
    if not closed and not alert.get("acknowledged"):
        return None
    by = text(said.get("closedBy") if closed else said.get("acknowledgedBy") or alert.get("owner"))
    if not by or by.lower() in (USER.lower(), "system"):
        return None
    at = time(alert.get("updatedAt"))
    return Heard(key=key, verb="resolved" if closed else "acknowledged", actor=by, at=at)
