"""Incidents: a task per open failure of a test case, and the series of states that mirrors it."""

from __future__ import annotations

from typing import Any

from tests.openmetadata.errors import ApiError, bad
from tests.openmetadata.references import inherited, resolved
from tests.openmetadata.state import Doc, Record, State, new_id
from tests.openmetadata.views import expanded, labels_of_case

REASONS = {"FalsePositive", "MissingData", "Duplicates", "OutOfBounds", "Other"}
STAGE_OF = {"New": "new", "Ack": "ack", "Assigned": "assigned", "Resolved": "resolved"}
MIRROR = {stage: status for status, stage in STAGE_OF.items()}
TASK_STATUS = {"new": "Open", "ack": "InProgress", "assigned": "InProgress", "resolved": "Completed"}
LEADS_TO = {"new": "new", "ack": "ack", "assign": "assigned", "reassign": "assigned", "resolve": "resolved"}
TRANSITIONS = {
    "new": ("ack", "assign", "resolve"), "ack": ("new", "assign", "resolve"), "assigned": ("reassign", "resolve"),
    "resolved": (),
}  # fmt: skip


def open_task(state: State, case: Record) -> Doc | None:
    """The task of a case that is not resolved."""
    tasks = (task for task in state.tasks.values() if task["about"]["id"] == case.id)
    return next((task for task in tasks if task["workflowStageId"] != "resolved"), None)


def on_failure(state: State, case: Record, user: str) -> str:
    """The id of the incident that a failure belongs to: the open one, or a new one."""
    task = open_task(state, case)
    if task is None:
        now, id_ = state.now(), new_id()
        task = state.tasks[id_] = {
            "id": id_, "taskId": f"TASK-{len(state.tasks) + 1:05}", "name": f"Incident of {case.doc['name']}",
            "fullyQualifiedName": f"TASK-{len(state.tasks) + 1:05}", "category": "Incident",
            "type": "TestCaseResolution", "status": "Open", "priority": "Medium", "about": case.ref, "payload": {},
            "createdBy": state.named("user", user).ref, "assignees": [], "comments": [], "commentCount": 0, "tags": [],
            "createdAt": now, "updatedAt": now, "updatedBy": user, "version": 0.1, "deleted": False,
        }  # fmt: skip
        owners = case.doc.get("owners") or inherited(state, case, "owners")
        enter(state, task, "new", user, mirror=not owners)
        if owners:
            task["assignees"] = [{"id": owner["id"], "type": owner["type"]} for owner in owners]
            enter(state, task, "assigned", user, details={"assignee": task["assignees"][0]})
    return str(task["id"])


def enter(
    state: State, task: Doc, stage: str, user: str, *, details: Doc | None = None, severity: str | None = None,
    mirror: bool = True,
) -> None:  # fmt: skip
    """Brings a task into a stage, and notes that in the series."""
    task |= {
        "workflowStageId": stage, "status": TASK_STATUS[stage], "updatedAt": state.now(), "updatedBy": user,
        "availableTransitions": [
            {
                "id": name, "label": name.capitalize(), "targetStageId": LEADS_TO[name],
                "targetTaskStatus": TASK_STATUS[LEADS_TO[name]], "requiresComment": name == "resolve",
            }
            for name in TRANSITIONS[stage]
        ],
    }  # fmt: skip
    if not mirror:
        return
    rows = state.incidents[task["about"]["id"]]
    mine = [row for row in rows if row["stateId"] == task["id"]]
    now = max(state.now(), rows[-1]["timestamp"] + 1 if rows else 0)
    row: Doc = {
        "id": new_id(), "stateId": task["id"], "timestamp": now, "testCaseResolutionStatusType": MIRROR[stage],
        "updatedBy": state.named("user", user).ref, "updatedAt": now, "testCaseReference": task["about"],
        "severity": severity or (mine[-1].get("severity") if mine else inferred(state, task)),
        "metrics": metrics(mine, stage, now),
    }  # fmt: skip
    if details:
        row["testCaseResolutionStatusDetails"] = details
    rows.append({key: value for key, value in row.items() if value})
    state.search.put("incident", row["id"], row["id"], state.setting.search_delay)


def inferred(state: State, task: Doc) -> str | None:
    """The severity that the tier of the table suggests."""
    tiers = [label["tagFQN"] for label in labels_of_case(state, state.records[task["about"]["id"]])]
    return next((f"Severity{tier[-1]}" for tier in tiers if tier.startswith("Tier.Tier")), None)


def metrics(earlier: list[Doc], stage: str, now: int) -> list[Doc]:
    """How long the answer, and the end, took."""
    start = earlier[0]["timestamp"] if earlier else now
    found = [{"name": "timeToResponse", "value": now - start}] if earlier and stage != "new" else []
    return found + ([{"name": "timeToResolution", "value": now - start}] if stage == "resolved" else [])


def resolve(state: State, task: Doc, user: str, reason: str, comment: str) -> None:
    """Ends an incident."""
    reason = reason if reason in REASONS else "Other"
    by = state.named("user", user).ref
    task["resolution"] = {"type": "Completed", "resolvedBy": by, "resolvedAt": state.now(), "comment": comment}
    details = {"testCaseFailureReason": reason, "testCaseFailureComment": comment, "resolvedBy": by}
    enter(state, task, "resolved", user, details=details)


def transition(state: State, task: Doc, body: Doc, user: str) -> None:
    """Acts on a task in the way of 2.0."""
    name = body.get("transitionId") or "resolve"
    if name not in TRANSITIONS[task["workflowStageId"]]:
        raise bad(f"Transition {name} is not available in stage {task['workflowStageId']}")
    payload = body.get("payload") or {}
    if name == "resolve":
        reason, comment = (
            payload.get("testCaseFailureReason", "Other"),
            body.get("comment") or payload.get("resolution"),
        )
        resolve(state, task, user, reason, comment or "")
    elif name in ("assign", "reassign"):
        if not payload.get("assignees"):
            raise bad("assignees must not be empty")
        task["assignees"] = [resolved(state, ref) for ref in payload["assignees"]]
        enter(state, task, "assigned", user, details={"assignee": task["assignees"][0]})
    else:
        enter(state, task, LEADS_TO[name], user)


def report(state: State, body: Doc, user: str) -> tuple[Doc, bool]:
    """Acts by a row of the series, in the way of 1.x: the newest row, and whether it is new."""
    case = state.named("testCase", body["testCaseReference"])
    rows = state.incidents[case.id]
    status, severity = body["testCaseResolutionStatusType"], body.get("severity")
    details = body.get("testCaseResolutionStatusDetails") or {}
    task = state.tasks.get(rows[-1]["stateId"]) if rows else None
    is_open = task is not None and task["workflowStageId"] != "resolved"
    if (status == "New" and is_open) or (status == "Resolved" and rows and not is_open):
        return rows[-1], False
    if task is None or (status == "New" and not is_open):
        on_failure(state, case, user)
        task = open_task(state, case)
        assert task is not None
        if status == "New":
            return state.incidents[case.id][-1], True
    if status == "Resolved":
        check_resolved(details)
        resolve(state, task, user, details["testCaseFailureReason"], details["testCaseFailureComment"])
    elif status == "Assigned":
        if not details.get("assignee"):
            raise bad("[testCaseResolutionStatusDetails.assignee must not be null]")
        task["assignees"] = [resolved(state, details["assignee"])]
        enter(state, task, "assigned", user, details={"assignee": task["assignees"][0]}, severity=severity)
    else:
        enter(state, task, "ack", user, severity=severity)
    return state.incidents[case.id][-1], True


def check_resolved(details: Any) -> None:
    """A resolution has a reason and a comment."""
    for member in ("testCaseFailureReason", "testCaseFailureComment"):
        if not details.get(member):
            raise ApiError(400, f"[testCaseResolutionStatusDetails.{member} must not be null]")


def shown_row(state: State, row: Doc) -> Doc:
    """A row of the series as it is read."""
    shown = {key: expanded(state, value) for key, value in row.items()}
    if details := row.get("testCaseResolutionStatusDetails"):
        shown["testCaseResolutionStatusDetails"] = {key: expanded(state, value) for key, value in details.items()}
    return shown


def shown_task(state: State, task: Doc) -> Doc:
    """A task as it is read."""
    return {key: expanded(state, value) for key, value in task.items()}
