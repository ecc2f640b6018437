"""Tables beyond what all entities have: profiles, sample data, and the pipelines that write them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata import models
from tests.openmetadata.errors import bad, not_found
from tests.openmetadata.http_calls import answer, body_of, segment, state_of, whole
from tests.openmetadata.names import joined, split
from tests.openmetadata.pipelines import between
from tests.openmetadata.quality_routes import check_rows
from tests.openmetadata.references import resolved
from tests.openmetadata.state import Doc, Record, State
from tests.openmetadata.views import shown

router = APIRouter(prefix="/tables")
OBSERVABILITY = "type.pipelineObservability:PipelineObservability"


@router.put("/{id}/tableProfile", response_model=None)
async def put_profile(request: Request) -> Response:
    """Keeps a profile by its time."""
    body = await body_of(request, "api.data.createTableProfile:CreateTableProfileRequest")
    state, table = state_of(request), table_of(request)
    names = {column["name"] for column in table.doc["columns"]}
    for row in body.get("columnProfile") or []:
        if row["name"] not in names:
            raise bad(f"Invalid column name {row['name']}")
    state.series["tableProfile", table.id][body["tableProfile"]["timestamp"]] = body["tableProfile"]
    for row in body.get("columnProfile") or []:
        state.series[f"columnProfile {row['name']}", table.id][row["timestamp"]] = row
    for row in body.get("systemProfile") or []:
        state.series["systemProfile", table.id][row["timestamp"]] = row
    return answer(shown(state, table, frozenset({"profile"})))


@router.get("/{fqn}/tableProfile/latest", response_model=None)
async def latest_profile(request: Request) -> Response:
    """A table with its newest profile."""
    state = state_of(request)
    return answer(shown(state, state.named("table", segment(request, "fqn")), frozenset({"profile"})))


@router.get("/{fqn}/tableProfile", response_model=None)
async def table_profiles(request: Request) -> Response:
    """Profiles of a table, newest first."""
    return rows(request, state_of(request).named("table", segment(request, "fqn")), "tableProfile")


@router.get("/{fqn}/systemProfile", response_model=None)
async def system_profiles(request: Request) -> Response:
    """Operations on a table, newest first."""
    return rows(request, state_of(request).named("table", segment(request, "fqn")), "systemProfile")


@router.get("/{fqn}/columnProfile", response_model=None)
async def column_profiles(request: Request) -> Response:
    """Profiles of a column, newest first."""
    parts = split(segment(request, "fqn"))
    table = state_of(request).named("table", joined(parts[0] if "." not in parts[0] else f'"{parts[0]}"', *parts[1:4]))
    return rows(request, table, f"columnProfile {parts[4] if len(parts) > 4 else ''}")


@router.put("/{id}/sampleData", response_model=None)
async def put_sample(request: Request) -> Response:
    """Keeps rows of a table."""
    body = await body_of(request, "entity.data.table:TableData")
    state, table = state_of(request), table_of(request)
    check_rows(state, table, body)
    state.extras["sampleData", table.id] = body
    return answer(shown(state, table, frozenset({"sampleData"})))


@router.get("/{id}/sampleData", response_model=None)
async def get_sample(request: Request) -> Response:
    """A table with its rows."""
    return answer(shown(state_of(request), table_of(request), frozenset({"sampleData"})))


@router.delete("/{id}/sampleData", response_model=None)
async def delete_sample(request: Request) -> Response:
    """Forgets the rows."""
    state, table = state_of(request), table_of(request)
    state.extras.pop(("sampleData", table.id), None)
    return answer(shown(state, table, frozenset()))


@router.put("/{id}/pipelineObservability", response_model=None)
async def put_pipelines(request: Request) -> Response:
    """All pipelines that write a table."""
    body = await body_of(request, f"[{OBSERVABILITY}]")
    state, table = state_of(request), table_of(request)
    state.extras["pipelineObservability", table.id] = [checked(state, item) for item in body]
    return answer(shown(state, table, frozenset({"pipelineObservability"})))


@router.put("/{id}/pipelineObservability/{fqn}", response_model=None)
async def put_pipeline(request: Request) -> Response:
    """One pipeline that writes a table, in place of what was known of it."""
    body = await body_of(request)
    items = body if isinstance(body, list) else [body]
    models.check(f"[{OBSERVABILITY}]", items)
    state, table = state_of(request), table_of(request)
    pipeline = state.named("pipeline", segment(request, "fqn"))
    kept = state.extras.get(("pipelineObservability", table.id), [])
    others = [item for item in kept if item["pipeline"]["id"] != pipeline.id]
    state.extras["pipelineObservability", table.id] = others + [checked(state, item) for item in items]
    return answer(shown(state, table, frozenset({"pipelineObservability"})))


def checked(state: State, item: Doc) -> Doc:
    """What is known of a pipeline, which is there."""
    return {**item, "pipeline": resolved(state, item["pipeline"])}


def table_of(request: Request) -> Record:
    """The table of the path."""
    state, id_ = state_of(request), segment(request, "id")
    if id_ not in state.records:
        raise not_found("table", id_)
    return state.by_id("table", id_)


def rows(request: Request, table: Record, what: str) -> Response:
    """Rows of a series within the time that the query names."""
    start, end = whole(request, "startTs", 0), whole(request, "endTs", 1 << 62)
    found = between(state_of(request), what, table, start, end)
    return answer({"data": found[: whole(request, "limit", 1000)], "paging": {"total": len(found)}})
