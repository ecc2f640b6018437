"""PagerDuty's Events API v2, the reading of incidents by its REST API, and its webhooks (V3).

Fields, lengths and answers as https://developer.pagerduty.com/docs/send-alert-event, /docs/send-change-event,
/docs/events-api-v2-overview, /docs/events-api-rate-limits, /docs/webhooks-overview and /docs/verifying-signatures say.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from tests.pagers.server import Alert, PagerServer, Refused, parsed, stamp

KEY = "k" * 32
TOKEN = "rest-token-of-the-tests"  # no real one
SECRET = "webhook-secret"
SEVERITIES = ("critical", "error", "warning", "info")
BODY_LIMIT = 512 * 1024
THROTTLED = {"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly."}


def invalid(*errors: str) -> Refused:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return Refused(400, body)


class PagerDutyServer(PagerServer):
    """With the integration keys that it knows; `changes` are the deployments it was told of."""

    def __init__(self, keys: tuple[str, ...] = (KEY,), **options: Any) -> None:
        super().__init__(**options)
        self.keys, self.changes = set(keys), list[dict[str, Any]]()

    def route(self, method: str, path: str, query: dict[str, list[str]], headers: Any, raw: bytes) -> tuple[int, Any]:
        if (method, path) == ("GET", "/incidents"):
            return 200, self._incidents(query, headers)
        if method != "POST" or path not in ("/v2/enqueue", "/v2/change/enqueue"):
            raise Refused(404, {"error": {"message": "Not Found", "code": 2100}})
        if len(raw) > BODY_LIMIT:
            raise Refused(413, {"message": "Payload too large"})
        body = parsed(raw, {"status": "invalid event", "message": "Event object is not valid JSON"})
        key = body.get("routing_key")
        if not isinstance(key, str) or len(key) != 32 or key not in self.keys:
            raise invalid("Invalid routing key")
        self.paced(key, THROTTLED)
        if path == "/v2/change/enqueue":
            self._payload(body, ("summary",))
            self.changes.append(body)
            self.requests.append((method, path, body))
            return 202, {"status": "success", "message": "Change event processed"}
        self._event(body)
        self.requests.append((method, path, body))
        return 202, {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}

    def _event(self, body: dict[str, Any]) -> None:
        action, key = body.get("event_action"), body.get("dedup_key")
        if action not in ("trigger", "acknowledge", "resolve"):
            raise invalid("'event_action' is missing or invalid")
        if not isinstance(key, str) or not key:
            raise invalid("'dedup_key' is missing or blank")  # this program always has one
        if len(key) > 255:
            raise invalid("'dedup_key' is too long")
        if action == "trigger" or "payload" in body:
            self._payload(body, ("summary", "source", "severity"))
        alert, said = self.open(key), (body.get("payload") or {}).get("summary", "")
        if action == "trigger":
            again = self.triggered(key, said, body["payload"]["severity"], body)
            again.severity = body["payload"]["severity"]
        elif alert is not None:  # of one that is not open they are dropped
            alert.move("acknowledged" if action == "acknowledge" else "resolved", self.clock(), said=said)

    def _payload(self, body: dict[str, Any], required: tuple[str, ...]) -> None:
        payload = body.get("payload")
        if not isinstance(payload, dict):
            raise invalid("'payload' is missing or blank")
        for name in required:
            if not isinstance(payload.get(name), str) or not payload[name].strip():
                raise invalid(f"'payload.{name}' is missing or blank")
        if len(payload["summary"]) > 1024:
            raise invalid("'payload.summary' is too long")
        if "severity" in payload and payload["severity"] not in SEVERITIES:
            raise invalid("'payload.severity' is invalid")
        if not isinstance(payload.get("custom_details", {}), dict):
            raise invalid("'payload.custom_details' is invalid")
        if "timestamp" in payload and datetime.fromisoformat(payload["timestamp"]).tzinfo is None:
            raise invalid("'payload.timestamp' is invalid")
        for link in body.get("links", []):
            if not isinstance(link, dict) or not str(link.get("href", "")).startswith("http"):
                raise invalid("'links' is invalid")

    def _incidents(self, query: dict[str, list[str]], headers: Any) -> Any:
        if headers.get("Authorization") != f"Token token={TOKEN}":
            raise Refused(401, {"error": {"message": "Unauthorized", "code": 2006}})
        if headers.get("Accept") != "application/vnd.pagerduty+json;version=2":
            raise Refused(406, {"error": {"message": "Not Acceptable"}})
        limit = int(query.get("limit", ["25"])[0])
        if not 0 < limit <= 100:
            raise Refused(400, {"error": {"message": "Invalid Input Provided", "code": 2001, "errors": ["limit"]}})
        wanted = query.get("incident_key", [None])[0]
        found = [a for a in self.alerts if wanted is None or a.key == wanted]
        if query.get("sort_by", [""])[0] == "created_at:desc":
            found.reverse()
        return {"incidents": [incident(a) for a in found[:limit]], "limit": limit, "offset": 0, "more": False}

    def webhook(self, alert: Alert, type_: str, secrets: tuple[str, ...] = (SECRET,)) -> tuple[bytes, dict[str, str]]:
        """(body, headers) of what it sends when a person did this to an alert."""
        agent = reference(alert)
        event = {
            "id": f"{type_}-{alert.number}-{len(alert.log)}", "event_type": type_, "resource_type": "incident",
            "occurred_at": stamp(alert.changed or alert.at), "agent": agent, "client": {"name": "PagerDuty"},
            "data": {**incident(alert), "incident_key": alert.key},
        }  # fmt: skip
        body = json.dumps({"event": event}).encode()
        signed = [f"v1={hmac.new(s.encode(), body, hashlib.sha256).hexdigest()}" for s in secrets]
        return body, {"X-PagerDuty-Signature": ",".join(signed), "Content-Type": "application/json"}


def incident(alert: Alert) -> dict[str, Any]:
    """As the REST API shows one; of an incident with alerts it has no key."""
    return {
        "id": f"Q{alert.number:06d}", "type": "incident", "incident_number": alert.number, "title": alert.summary,
        "status": alert.status, "incident_key": None, "created_at": stamp(alert.at),
        "last_status_change_at": stamp(alert.changed or alert.at), "last_status_change_by": reference(alert),
        "resolve_reason": None,
    }  # fmt: skip


def reference(alert: Alert) -> dict[str, Any]:
    """Who did it: a person, or the service."""
    if alert.person:
        return {"id": "PLH1HKV", "type": "user_reference", "summary": alert.person}
    return {"id": "PF9KMXH", "type": "service_reference", "summary": "Data platform"}
