"""JSM Operations (Atlassian's Jira Service Management) by its integration events, with the key of an API integration.

Sources: https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events (POST
`/jsm/ops/integration/v2/alerts`, acknowledge, close and notes by alias; `Authorization: GenieKey …`; 202, done later)
and, for lengths, https://docs.opsgenie.com/docs/alerts-and-alert-fields, whose interface it is. Opsgenie itself ends on
5 April 2027 (https://support.atlassian.com/opsgenie/docs/what-happens-when-opsgenie-is-turned-off): until then
`https://api.opsgenie.com` as the address works too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from governance.incidents.model import Desk
from governance.model import Event, Severity
from governance.transports.asking import Asker
from governance.transports.base import TransientError
from governance.transports.pager import Pager
from governance.transports.pages import Page, line

URL = "https://api.atlassian.com/jsm/ops/integration"
MESSAGE_LIMIT = 130
DESCRIPTION_LIMIT = 15_000
NOTE_LIMIT = 25_000
ENTITY_LIMIT = 512
TAG_LIMIT = 50
DETAILS_LIMIT = 8_000
TAG = "hallmark"
USER = "Hallmark"
"""Who acknowledges and closes there, as it shows it; what a person does has another name."""
PRIORITY: dict[Severity, str] = {"critical": "P1", "warning": "P3", "info": "P5"}


class JsmTransport(Pager):
    """Pages by the key of one API integration; it belongs to a team, which is called."""

    def __init__(
        self,
        destination: str,
        key: Callable[[], str | None],
        desk: Desk,
        url: str = URL,
        timeout: float = 10.0,
        responders: Sequence[Mapping[str, str]] = (),
        **shared: Any,
    ) -> None:
        """`responders` ({type, id}) where the integration belongs to no team; `shared` are the options of `Pager`."""
        super().__init__(destination, key, desk, **shared)
        self._responders = [dict(r) for r in responders]
        self._asker = Asker("JSM Operations", url, timeout)

    def close(self, timeout: float) -> bool:
        """Close the connections."""
        self._asker.close()
        return True

    def _trigger(self, page: Page) -> None:
        self._post("/v2/alerts", created(page, self._responders))

    def _acknowledge(self, page: Page, why: str) -> None:
        self._act(page, "acknowledge", why)

    def _resolve(self, page: Page, why: str) -> None:
        self._act(page, "close", why)

    def _deployed(self, event: Event) -> None:
        """It knows no deployments by this interface."""

    def _act(self, page: Page, act: str, why: str) -> None:
        try:
            self._post(f"/v2/alerts/{quote(page.key, safe='')}/{act}?identifierType=alias", noted(why))
        except TransientError as error:
            if error.reason != "absent":  # an alert that is not there needs neither
                raise

    def _post(self, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"GenieKey {self._secret}"}
        self._asker.ask("POST", path, self._secret, headers, json=body)


def created(page: Page, responders: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """The body that makes an alert, or counts one more of the open one of its alias."""
    links = [f"{text}: {url}" for text, url in page.links]
    said = "\n".join([page.summary, *(f"{name}: {value}" for name, value in page.details.items()), *links])
    details, left = {}, DETAILS_LIMIT
    for name, value in page.details.items():
        if (left := left - len(name) - len(value)) < 0:
            break
        details[name] = value
    body: dict[str, Any] = {
        "message": fitting(page.summary, MESSAGE_LIMIT), "alias": page.key,
        "description": fitting(said, DESCRIPTION_LIMIT), "priority": PRIORITY[page.severity],
        "entity": page.source[:ENTITY_LIMIT], "source": USER, "user": USER, "details": details,
        "tags": [t[:TAG_LIMIT] for t in (TAG, page.severity, page.kind, page.team) if t],
    }  # fmt: skip
    return {**body, "responders": [dict(r) for r in responders]} if responders else body


def noted(why: str) -> dict[str, Any]:
    """The body that goes with an acknowledgement or a close."""
    return {"user": USER, "source": USER, "note": fitting(line(why), NOTE_LIMIT)}


def fitting(text: str, limit: int) -> str:
    """Cut to what fits once it is escaped: messages and descriptions are shown as HTML there."""
    cut = text[:limit]
    while len(shown := escape(cut, quote=False)) > limit:
        cut = cut[: len(cut) - max(1, (len(shown) - limit) // 5)]
    return shown
