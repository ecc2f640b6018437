"""The calls about incidents: as tasks, and as rows of their states."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response

from tests.openmetadata import incidents, models
from tests.openmetadata.bulk import outcome
from tests.openmetadata.entities import patched
from tests.openmetadata.errors import ApiError, bad, not_found
from tests.openmetadata.http_calls import answer, body_of, segment, state_of, whole, writer_of
from tests.openmetadata.state import Doc, State, new_id

tasks = APIRouter(prefix="/tasks")
rows = APIRouter(prefix="/dataQuality/testCases/testCaseIncidentStatus")
ROW = "api.tests.createTestCaseResolutionStatus:CreateTestCaseResolutionStatus"


@tasks.get("", response_model=None)
async def list_tasks(request: Request) -> Response:
    """Tasks, newest first."""
    state, query = state_of(request), request.query_params
    found = [
        task
        for task in state.tasks.values()
        if query.get("category") in (None, task["category"])
        and query.get("status") in (None, task["status"])
        and query.get("assignee") in (None, *(state.records[ref["id"]].fqn for ref in task["assignees"]))
        and query.get("aboutEntity") in (None, state.records[task["about"]["id"]].fqn)
    ]
    found.sort(key=lambda task: -task["createdAt"])
    data = [incidents.shown_task(state, task) for task in found[: whole(request, "limit", 10)]]
    return answer({"data": data, "paging": {"total": len(found)}})


@tasks.get("/name/{id}", response_model=None)
@tasks.get("/{id}", response_model=None)
async def get_task(request: Request) -> Response:
    """One task."""
    return answer(incidents.shown_task(state_of(request), task_of(request)))


@tasks.post("/{id}/resolve", response_model=None)
async def resolve(request: Request) -> Response:
    """Moves a task to its next stage."""
    body = await body_of(request, "api.tasks.resolveTask:ResolveTaskRequest")
    state, task = state_of(request), task_of(request)
    incidents.transition(state, task, body, writer_of(request).user)
    return answer(incidents.shown_task(state, task))


@tasks.post("/{id}/close", response_model=None)
async def close(request: Request) -> Response:
    """Ends a task."""
    state, task = state_of(request), task_of(request)
    comment = request.query_params.get("comment", "")
    incidents.resolve(state, task, writer_of(request).user, "Other", comment)
    return answer(incidents.shown_task(state, task))


@tasks.post("/{id}/comments", response_model=None)
async def comment(request: Request) -> Response:
    """Says something about a task; the body is a text, or an object with one."""
    state, task = state_of(request), task_of(request)
    text = (await request.body()).decode()
    if text.startswith("{"):
        models.check("api.tasks.createTaskComment:CreateTaskCommentRequest", json.loads(text))
        text = json.loads(text)["message"]
    author = state.named("user", writer_of(request).user).ref
    task["comments"].append({"id": new_id(), "message": text, "author": author, "createdAt": state.now()})
    task["commentCount"] = len(task["comments"])
    return answer(incidents.shown_task(state, task))


@rows.post("", response_model=None)
async def report(request: Request) -> Response:
    """A new state of an incident."""
    body = await body_of(request, ROW)
    state = state_of(request)
    row, _ = incidents.report(state, body, writer_of(request).user)
    return answer(incidents.shown_row(state, row))


@rows.put("/bulk", response_model=None)
async def report_all(request: Request) -> Response:
    """New states of many incidents; what changes nothing fails."""
    state, user = state_of(request), writer_of(request).user
    passed: list[Doc] = []
    failed: list[Doc] = []
    for body in await body_of(request, f"[{ROW}]"):
        try:
            _, new = incidents.report(state, body, user)
            entry = {"request": body["testCaseReference"], "status": 200 if new else 400}
            (passed if new else failed).append(entry if new else {**entry, "message": "No change"})
        except ApiError as error:
            failed.append({"request": body, "message": error.body["message"], "status": 400})
    return answer(outcome(passed, failed))


@rows.get("/stateId/{id}", response_model=None)
async def of_one(request: Request) -> Response:
    """The states of one incident, newest first."""
    state, wanted = state_of(request), segment(request, "id")
    found = [row for row in all_rows(state) if row["stateId"] == wanted]
    return answer({"data": [incidents.shown_row(state, row) for row in found], "paging": {"total": len(found)}})


@rows.get("", response_model=None)
@rows.get("/search/list", response_model=None)
async def list_rows(request: Request) -> Response:
    """States that search knows of, newest first."""
    state, query = state_of(request), request.query_params
    if "startTs" not in query and not request.url.path.endswith("/search/list"):
        raise bad("[query param startTs must not be null]")
    known = state.search.read("incident")
    start, end = whole(request, "startTs", 0), whole(request, "endTs", 1 << 62)
    found, seen = [], set()
    for row in all_rows(state):
        case = state.records[row["testCaseReference"]["id"]]
        latest = row["stateId"] not in seen
        if row["id"] not in known or not start <= row["timestamp"] <= end:
            continue
        seen.add(row["stateId"])
        if query.get("latest") == "true" and not latest:
            continue
        assignee = (row.get("testCaseResolutionStatusDetails") or {}).get("assignee", {}).get("id")
        if query.get("assignee") and (not assignee or state.records[assignee].fqn != query["assignee"]):
            continue
        if query.get("testCaseFQN") not in (None, case.fqn):
            continue
        if (origin := query.get("originEntityFQN")) and not case.fqn.startswith(f"{origin}."):
            continue
        if query.get("testCaseResolutionStatusType") in (None, row["testCaseResolutionStatusType"]):
            found.append(row)
    data = [incidents.shown_row(state, row) for row in found[: whole(request, "limit", 10)]]
    return answer({"data": data, "paging": {"total": len(found)}})


@rows.get("/{id}", response_model=None)
async def get_row(request: Request) -> Response:
    """One state."""
    return answer(incidents.shown_row(state_of(request), row_of(request)))


@rows.patch("/{id}", response_model=None)
async def patch_row(request: Request) -> Response:
    """Changes the severity, and nothing else."""
    row, state = row_of(request), state_of(request)
    new = patched(row, await body_of(request))
    models.check("tests.testCaseResolutionStatus:TestCaseResolutionStatus", incidents.shown_row(state, new))
    free = {"severity", "updatedAt", "updatedBy"}
    if any(new.get(key) != row.get(key) for key in (new.keys() | row.keys()) - free):
        raise bad("Only the severity of an incident's status can be patched")
    row["severity"] = new.get("severity")
    return answer(incidents.shown_row(state, row))


def all_rows(state: State) -> list[Doc]:
    """States of all incidents, newest first."""
    return sorted((row for rows in state.incidents.values() for row in rows), key=lambda row: -row["timestamp"])


def row_of(request: Request) -> Doc:
    """The row of the path."""
    wanted = segment(request, "id")
    for row in all_rows(state_of(request)):
        if row["id"] == wanted:
            return row
    raise not_found("testCaseResolutionStatus", wanted)


def task_of(request: Request) -> Doc:
    """The task of the path."""
    wanted = segment(request, "id")
    for task in state_of(request).tasks.values():
        if wanted in (task["id"], task["taskId"]):
            return task
    raise not_found("task", wanted)
