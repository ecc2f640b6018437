"""Incidents in the catalog: its own of a failed case, brought where ours is, and what people did to them there.

The server opens one with a failed result and gives it to the owner of the table; a result that passes resolves nothing
by itself. It is moved by rows of its states (`testCaseIncidentStatus`), which drive its task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

from governance.incidents.model import Incident, Reported, Verb
from governance.openmetadata import measures
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.datasets import stored_of
from governance.openmetadata.entities import Json
from governance.openmetadata.names import Spelling, clean, in_path
from governance.openmetadata.quality import case_fqn, column_of
from governance.transports.base import PermanentError

STATES = "dataQuality/testCases/testCaseIncidentStatus"
CHECKED = ("gate", "freshness", "volume", "schema")
"""Kinds whose check may be a case there."""
SEVERITIES: Mapping[str, str] = {"critical": "Severity1", "warning": "Severity3", "info": "Severity5"}
Status = Literal["New", "Ack", "Assigned", "Resolved"]
COMMENT_LIMIT = 1_000


async def push_incident(catalog: Catalog, one: Incident, verb: Verb, what: str) -> None:
    """Bring the catalog's incident where ours is. Raises TransientError while the dataset is not there."""
    if one.kind not in CHECKED or verb not in ("acknowledged", "assigned", "resolved"):
        return
    case = await _case(catalog, one)
    latest = await _latest(catalog, case, one)
    if latest is None or latest["testCaseResolutionStatusType"] == "Resolved":
        return
    details: Json | None = None
    status: Status = "Ack"
    if verb == "resolved":
        why = {"testCaseFailureReason": "Other", "testCaseFailureComment": what[:COMMENT_LIMIT] or "resolved"}
        status, details = "Resolved", why
    elif person := await _person(catalog, one.assignee):
        status, details = "Assigned", {"assignee": person}
    elif latest["testCaseResolutionStatusType"] != "New":  # one that is given to a team cannot be acknowledged there
        text = f"{verb}: {what}"[:COMMENT_LIMIT]
        await catalog.client.post(f"tasks/{latest['stateId']}/comments", {"message": text})
        return
    body = measures.IncidentState(
        test_case_reference=case, severity=SEVERITIES[one.severity], test_case_resolution_status_type=status,
        test_case_resolution_status_details=details,
    )  # fmt: skip
    await catalog.client.post(STATES, body.json_body())


async def reported(catalog: Catalog, unresolved: Iterable[Incident]) -> list[Reported]:
    """What people did in the catalog to these incidents and we have not: acknowledged, assigned, resolved."""
    found: list[Reported] = []
    for one in unresolved:
        if one.kind not in CHECKED:
            continue
        latest = await _latest(catalog, await _case(catalog, one), one)
        by = (latest or {}).get("updatedBy") or {}
        actor = str(by.get("name") or by.get("fullyQualifiedName") or "")
        if latest and actor and actor not in catalog.ours and (told := _reported(one, latest, actor)):
            found.append(told)
    return found


def _reported(one: Incident, latest: Json, actor: str) -> Reported | None:
    status = latest["testCaseResolutionStatusType"]
    details = latest.get("testCaseResolutionStatusDetails") or {}
    at = datetime.fromtimestamp(latest["timestamp"] / 1000, UTC)
    said = {"incident": one.id, "actor": actor, "at": at}
    if status == "Resolved":
        note = str(details.get("testCaseFailureComment") or details.get("testCaseFailureReason") or "")
        return Reported(verb="resolved", note=note, **said)
    if status == "Ack" and one.acknowledged_at is None:
        return Reported(verb="acknowledged", **said)
    to = str((details.get("assignee") or {}).get("name") or "")
    if status == "Assigned" and to and to not in (one.assignee, one.owner):
        return Reported(verb="assigned", to=to, **said)
    return None


async def _case(catalog: Catalog, one: Incident) -> str:
    """The fully qualified name of the case of its check."""
    place, found = await stored_of(catalog, one.dataset, "columns")
    columns = Spelling(c["name"] for c in found["columns"])
    return case_fqn(place.fqn, column_of(catalog, columns, one.latest.column), one.check_id)


async def _latest(catalog: Catalog, case: str, one: Incident) -> Json | None:
    """The newest state of the case's incident, if it was told since ours opened."""
    since, until = measures.millis(one.opened_at) - 60_000, measures.millis(datetime.now(UTC)) + 86_400_000
    window: dict[str, str | int] = {"startTs": since, "endTs": until, "latest": "true", "limit": 10}
    page = await catalog.client.get(STATES, testCaseFQN=case, **window) or {}
    rows = [r for r in page.get("data") or () if r.get("testCaseResolutionStatusType")]
    return max(rows, key=lambda r: r["timestamp"], default=None)


async def _person(catalog: Catalog, name: str) -> Json | None:
    """A user of the catalog by this name, or a team."""
    if not name:
        return None
    for collection, type_ in (("users", "user"), ("teams", "team")):
        try:
            found = await catalog.client.get(f"{collection}/name/{in_path(clean(name))}")
        except PermanentError:
            found = None
        if found and not found.get("deleted"):
            return {"id": found["id"], "type": type_}
    return None
