"""What is told of queries, and of how much entities are used: by OpenMetadata's own usage workflow alone."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata.errors import bad
from tests.openmetadata.http_calls import answer, body_of, segment, state_of
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.views import written

router = APIRouter()


@router.put("/queries/{id}/usage", response_model=None)
async def used_in(request: Request) -> Response:
    """Adds entities that a query reads."""
    body = await body_of(request, "[type.entityReference:EntityReference]")
    state = state_of(request)
    query = state.by_id("query", segment(request, "id"))
    known = {ref["id"]: ref for ref in query.doc.get("queryUsedIn") or []}
    known |= {ref["id"]: state.by_id(ref["type"], ref["id"]).ref for ref in body}
    query.doc = {**query.doc, "queryUsedIn": list(known.values())}
    return answer(written(state, query))


@router.put("/queries/{id}/users", response_model=None)
async def asked_by_users(request: Request) -> Response:
    """Adds users, by name, who ask it."""
    state, names = state_of(request), await body_of(request)
    query = state.by_id("query", segment(request, "id"))
    query.doc = {**query.doc, "users": [state.named("user", name).ref for name in names]}
    return answer(written(state, query))


@router.put("/queries/{id}/usedBy", response_model=None)
async def asked_by(request: Request) -> Response:
    """Adds names of the warehouse's users."""
    state, names = state_of(request), await body_of(request)
    query = state.by_id("query", segment(request, "id"))
    query.doc = {**query.doc, "usedBy": sorted({*(query.doc.get("usedBy") or ()), *names})}
    return answer(written(state, query))


@router.post("/queryCostRecord", response_model=None)
async def cost(request: Request) -> Response:
    """What a query cost on a day."""
    body = await body_of(request, "api.data.createQueryCostRecord:CreateQueryCostRecordRequest")
    state = state_of(request)
    query = state.by_id("query", body["queryReference"]["id"])
    state.series["queryCost", query.id][body["timestamp"]] = body
    return answer(body, 201)


@router.post("/usage/compute.percentile/{type}/{date}", response_model=None)
async def percentile(request: Request) -> Response:
    """Ranks what is used on a day; nobody here asks for the ranks."""
    if segment(request, "type") not in BY_TYPE:
        raise bad(f"Entity type {segment(request, 'type')} not found")
    return Response(status_code=201)
