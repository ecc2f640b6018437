"""Runs of pipelines."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata.errors import bad, not_found
from tests.openmetadata.http_calls import answer, body_of, segment, state_of, whole
from tests.openmetadata.state import Doc, Record, State
from tests.openmetadata.views import shown

router = APIRouter(prefix="/pipelines/{fqn}/status")
STATUS = "entity.data.pipeline:PipelineStatus"
FIELDS = frozenset({"pipelineStatus", "tasks"})


@router.put("", response_model=None)
async def put(request: Request) -> Response:
    """Keeps a run by its timestamp, over an earlier state of it."""
    return answer(keep(request, [await body_of(request, STATUS)]))


@router.put("/bulk", response_model=None)
async def put_all(request: Request) -> Response:
    """Keeps many runs."""
    return answer(keep(request, await body_of(request, f"[{STATUS}]")))


@router.get("", response_model=None)
async def list_(request: Request) -> Response:
    """Runs, newest first."""
    pipeline, query = named(request), request.query_params
    rows = between(
        state_of(request), "status", pipeline, whole(request, "startTs", 0), whole(request, "endTs", 1 << 62)
    )
    if wanted := query.get("status"):
        rows = [row for row in rows if row["executionStatus"] in wanted.split(",")]
    return answer({"data": rows[: whole(request, "limit", 10)], "paging": {"total": len(rows)}})


@router.delete("/{timestamp}", response_model=None)
async def delete(request: Request) -> Response:
    """Drops a run."""
    state, pipeline, at = state_of(request), named(request), segment(request, "timestamp")
    if state.series["status", pipeline.id].pop(int(at), None) is None:
        raise not_found("pipelineStatus", at)
    return answer(shown(state, pipeline, FIELDS))


def named(request: Request) -> Record:
    """The pipeline of the path."""
    return state_of(request).named("pipeline", segment(request, "fqn"))


def keep(request: Request, rows: list[Doc]) -> Doc:
    """Keeps runs whose tasks the pipeline knows."""
    state, pipeline = state_of(request), named(request)
    known = {task["name"] for task in pipeline.doc.get("tasks") or []}
    for row in rows:
        for task in row.get("taskStatus") or []:
            if task["name"] not in known:
                raise bad(f"Invalid task name {task['name']}")
    state.series["status", pipeline.id] |= {row["timestamp"]: row for row in rows}
    return shown(state, pipeline, FIELDS)


def between(state: State, what: str, record: Record, start: int, end: int) -> list[Doc]:
    """Rows of a series within a time, newest first."""
    rows = state.series.get((what, record.id), {})
    return [rows[at] for at in sorted(rows, reverse=True) if start <= at <= end]
