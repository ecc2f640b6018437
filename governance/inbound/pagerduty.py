"""What people did in PagerDuty: asked for by its REST API, or read from a webhook (V3).

Sources: https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents, /docs/authentication (`Token
token=…`), /docs/webhooks-overview. What the service or our own key did (`service_reference`, a resolve by the Events
API, an acknowledgement that timed out) is no matter of a person and is passed over.

Each open page is asked for by itself: an incident with alerts has no key in the list, while `incident_key` finds it by
that of its alerts, and the storm's cap leaves few pages open at once. The API takes 960 requests a minute.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from governance.inbound.heard import Heard, Pages, reports, text, time
from governance.incidents.model import Reported
from governance.transports.asking import Asker, read_secret
from governance.transports.base import FAULTS, Outage, PermanentError, TransientError

LOG = logging.getLogger("hallmark")
URL = "https://api.pagerduty.com"
ACCEPT = "application/vnd.pagerduty+json;version=2"
VERBS: dict[str, Any] = {"acknowledged": "acknowledged", "resolved": "resolved"}
EVENTS: dict[str, Any] = {"incident.acknowledged": "acknowledged", "incident.resolved": "resolved"}
PERSON = ("user_reference", "user")


class PagerDutyReader:
    """Asks what became of pages, with a token that may read incidents."""

    def __init__(self, token: Callable[[], str | None], url: str = URL, timeout: float = 10.0) -> None:
        self._token, self._asker = token, Asker("PagerDuty's REST API", url, timeout)

    def poll(self, pages: Pages) -> list[Reported]:
        """What people did to these pages, as it stands; a page that cannot be read does not keep the others.

        Raises TransientError where nothing was found and trying again may help.
        """
        token = read_secret(self._token, "the token of PagerDuty's REST API") if pages else ""
        found, late = list[Reported](), None
        for key in pages:
            try:
                heard = self._asked(key, token)
            except TransientError as error:
                if error.reason != "absent":
                    late = error
                if isinstance(error, Outage) or error.reason in ("throttled", "timeout"):
                    break
                LOG.warning("the page %s could not be asked for: %s", key, error)
            except (PermanentError, *FAULTS) as error:
                said = error if isinstance(error, PermanentError) else f"an answer of no form: {type(error).__name__}"
                LOG.warning("the page %s could not be asked for: %s", key, said)
            else:
                found += reports(heard, pages) if heard else []
        if late and not found:
            raise late
        return found

    def _asked(self, key: str, token: str) -> Heard | None:
        headers = {"Authorization": f"Token token={token}", "Accept": ACCEPT}
        asked = {"incident_key": key, "date_range": "all", "sort_by": "created_at:desc", "limit": 1}
        answer = self._asker.ask("GET", f"/incidents?{urlencode(asked)}", token, headers)
        newest = next(iter(answer.json().get("incidents") or ()), None)
        return _stands(key, newest) if newest else None

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()


def _stands(key: str, incident: dict[str, Any]) -> Heard | None:
    verb, by = VERBS.get(str(incident.get("status"))), incident.get("last_status_change_by") or {}
    if verb is None or by.get("type") not in PERSON:
        return None
    note = text((incident.get("resolve_reason") or {}).get("type"))
    at = time(incident["last_status_change_at"])
    return Heard(key=key, verb=verb, actor=text(by.get("summary") or by.get("id")), at=at, note=note)


def event_of(body: bytes) -> tuple[str, Any, Heard | None]:
    """(id, when, what a person did) of a webhook; None for what is no matter of ours. Raises ValueError."""
    try:
        event = json.loads(body)["event"]
        id_, at, type_ = str(event["id"]), time(event["occurred_at"]), str(event["event_type"])
        data, agent = event.get("data") or {}, event.get("agent") or {}
        key, verb = text(data.get("incident_key")), EVENTS.get(type_)
        by_person, actor = agent.get("type") in PERSON, text(agent.get("summary") or agent.get("id"))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no webhook of PagerDuty: {type(error).__name__}") from None
    if verb is None or not key or not by_person:
        return id_, at, None
    return id_, at, Heard(key=key, verb=verb, actor=actor, at=at)


def parse_pagerduty(body: bytes) -> Heard | None:
    """What a person did, by a webhook whose signature was checked; None: nothing of ours. Raises ValueError."""
    return event_of(body)[2]
