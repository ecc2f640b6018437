"""JSM Operations' integration events, and the list of alerts of its REST API.

Paths, fields and answers as https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/
api-group-integration-events and /rest/v2/api-group-alerts say; lengths as https://docs.opsgenie.com/docs/
alerts-and-alert-fields does. What it takes is done at once here; there it is done a little later.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote

from tests.pagers.server import Alert, PagerServer, Refused, parsed, stamp

KEY = "genie-key-of-the-tests"
USER, TOKEN, CLOUD = "oncall@example.com", "atlassian-token", "35273b54-3f06-40d2-880f-dd28cf8daafa"
ROOT, API = "/jsm/ops/integration", f"/jsm/ops/api/{CLOUD}"
LENGTHS = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100, "user": 100}
FIELDS = {*LENGTHS, "responders", "visibleTo", "actions", "tags", "details", "priority", "note"}
ACT = re.compile(re.escape(ROOT) + r"/v2/alerts/([^/]+)/(acknowledge|close|notes)")
THROTTLED = {"message": "You are making too many requests!", "took": 0.0}


def invalid(**errors: str) -> Refused:
    return Refused(422, {"message": "Request body is not processable.", "errors": errors, "took": 0.0})


class JsmServer(PagerServer):
    """With the keys of the integrations that it knows."""

    per_minute = 600

    def __init__(self, keys: tuple[str, ...] = (KEY,), **options: Any) -> None:
        super().__init__(**options)
        self.keys = set(keys)

    def route(self, method: str, path: str, query: dict[str, list[str]], headers: Any, raw: bytes) -> tuple[int, Any]:
        if method == "GET" and path == f"{API}/v1/alerts":
            return 200, self._listed(query, headers)
        act = ACT.fullmatch(path)
        if method != "POST" or not (act or path == f"{ROOT}/v2/alerts"):
            raise Refused(404, {"message": "No such resource"})
        given = str(headers.get("Authorization") or "")
        if not given:
            raise Refused(401, {"message": "Could not authenticate"})
        key = given.removeprefix("GenieKey ")
        if not given.startswith("GenieKey ") or key not in self.keys:
            raise Refused(403, {"message": f"Key format is not valid or the key is unknown: {key}"})
        self.paced(key, THROTTLED)
        body = parsed(raw, {"message": "Request body is not a JSON object"})
        self._check(body, created=act is None)
        if act is None:
            self.triggered(body["alias"], body["message"], body["priority"], body)
        else:
            if query.get("identifierType") != ["alias"]:
                raise invalid(identifierType="an alias was given")
            self._act(unquote(act[1]), act[2], body)
        self.requests.append((method, path, body))
        return 202, {"result": "Request will be processed", "took": 0.1, "requestId": "43a29c5c-3dbf-4fa4-9c26"}

    def _check(self, body: dict[str, Any], created: bool) -> None:
        if unknown := sorted(set(body) - (FIELDS if created else {"user", "source", "note"})):
            raise invalid(**dict.fromkeys(unknown, "is not known"))
        if created and not str(body.get("message") or "").strip():
            raise invalid(message="Message can not be empty.")
        for name, limit in {**LENGTHS, "note": 25_000}.items():
            if not isinstance(body.get(name, ""), str) or len(body.get(name, "")) > limit:
                raise invalid(**{name: f"may have {limit} characters"})
        if body.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
            raise invalid(priority="should be one of P1, P2, P3, P4, P5")
        tags = body.get("tags", [])
        if len(tags) > 20 or any(not isinstance(t, str) or len(t) > 50 for t in tags):
            raise invalid(tags="20 of 50 characters at most")
        details = body.get("details", {})
        if (
            any(not isinstance(v, str) for v in details.values())
            or sum(len(k) + len(details[k]) for k in details) > 8000
        ):
            raise invalid(details="texts, of 8000 characters in all")
        if len(body.get("responders", [])) > 50 or any("type" not in r for r in body.get("responders", [])):
            raise invalid(responders="50 at most, each with its type")

    def _act(self, alias: str, act: str, body: dict[str, Any]) -> None:
        alert = self.open(alias)
        if alert is not None and act != "notes":
            alert.move("acknowledged" if act == "acknowledge" else "resolved", self.clock(), said=body.get("note", ""))

    def _listed(self, query: dict[str, list[str]], headers: Any) -> Any:
        basic = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if headers.get("Authorization") != f"Basic {basic}":
            raise Refused(401, {"message": "Unauthorized; scope does not match"})
        size, offset = int(query.get("size", ["20"])[0]), int(query.get("offset", ["0"])[0])
        if not 0 < size <= 100 or size + offset > 20_000:
            raise Refused(400, {"message": "size and offset"})
        found = sorted(self.alerts, key=lambda a: a.changed or a.at, reverse=query.get("order") == ["desc"])
        if (wanted := query.get("query", [""])[0]).startswith("tag: "):
            found = [a for a in found if wanted.removeprefix("tag: ") in a.body["tags"]]
        page = found[offset : offset + size]
        return {"values": [shown(a) for a in page], "count": len(page), "links": {}}


def shown(alert: Alert) -> dict[str, Any]:
    """As the list shows one."""
    by, over = alert.person or "Hallmark", alert.status == "resolved"
    held = any(e.verb == "acknowledged" for e in alert.log)
    report = {"acknowledgedBy": by} if held else {}
    return {
        "id": f"70413a06-38d6-4c85-92b8-5ebc900d42e2-{alert.number}", "tinyId": str(alert.number), "alias": alert.key,
        "message": alert.summary, "status": "closed" if over else "open", "acknowledged": held,
        "tags": alert.body["tags"],
        "count": sum(e.verb == "triggered" for e in alert.log), "createdAt": stamp(alert.at),
        "owner": by if held else "",
        "updatedAt": stamp(alert.changed or alert.at), "priority": alert.severity,
        "report": {**report, **({"closedBy": by} if over else {})},
    }  # fmt: skip
