"""The calls about lineage, by id and by name."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata import lineage
from tests.openmetadata.errors import bad
from tests.openmetadata.http_calls import answer, body_of, segment, state_of, whole, writer_of
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.references import resolved
from tests.openmetadata.state import Record
from tests.openmetadata.views import shown

router = APIRouter(prefix="/lineage")
BY_NAME = "/{source_type}/name/{source}/{target_type}/name/{target}"
BY_ID = "/{source_type}/{source_id}/{target_type}/{target_id}"


@router.put("", response_model=None)
async def put(request: Request) -> Response:
    """Adds or replaces an edge."""
    edge = (await body_of(request, "api.lineage.addLineage:AddLineageRequest"))["edge"]
    state = state_of(request)
    ends = [state.records[resolved(state, edge[end])["id"]] for end in ("fromEntity", "toEntity")]
    user = writer_of(request).user
    lineage.put(state, ends[0], ends[1], edge.get("lineageDetails") or {}, edge.get("description"), user)
    return Response(status_code=200)


@router.put(BY_NAME, response_model=None)
async def put_by_name(request: Request) -> Response:
    """Adds or replaces an edge; the body is its details."""
    details = await body_of(request, lineage.DETAILS)
    source, target = ends_of(request)
    lineage.put(state_of(request), source, target, details, None, writer_of(request).user)
    return Response(status_code=200)


@router.get("/getLineage", response_model=None)
@router.get("/getDataQualityLineage", response_model=None)
async def searched(request: Request) -> Response:
    """What the user interface shows."""
    query = request.query_params
    if not query.get("fqn") or not query.get("type"):
        raise bad("[query param fqn and type must not be null]")
    root = state_of(request).named(query["type"], query["fqn"])
    up, down = depth(request, "upstreamDepth", 3), depth(request, "downstreamDepth", 3)
    return answer(lineage.searched(state_of(request), root, up, down))


@router.get("/getPlatformLineage", response_model=None)
async def platform(request: Request) -> Response:
    """The edges between services, which the stand-in does not derive."""
    return answer({"nodes": {}, "upstreamEdges": {}, "downstreamEdges": {}})


@router.post("/hydrate", response_model=None)
async def hydrate(request: Request) -> Response:
    """Entities of a graph in full."""
    body = await body_of(request, "api.lineage.hydrateLineageRequest:HydrateLineageRequest")
    state = state_of(request)
    wanted = body.get("entities") or []
    if not 1 <= len(wanted) <= 200:
        raise bad("[entities size must be between 1 and 200]")
    found = [record for ref in wanted if (record := state.find(ref["type"], ref["fqn"]))]
    return answer({"entities": {record.fqn: shown(state, record, frozenset()) for record in found}})


@router.get("/getLineageEdge/{source_id}/{target_id}", response_model=None)
@router.get("/getLineageEdge/{source_type}/name/{source}/{target_type}/name/{target}", response_model=None)
async def one(request: Request) -> Response:
    """The details of an edge."""
    state = state_of(request)
    return answer({"edge": lineage.shown_details(state, lineage.edge_between(state, *ends_of(request)))})


@router.patch(BY_NAME, response_model=None)
@router.patch(BY_ID, response_model=None)
async def patch(request: Request) -> Response:
    """Patches the details of an edge."""
    operations = await body_of(request)
    lineage.patch(state_of(request), *ends_of(request), operations, writer_of(request).user)
    return Response(status_code=200)


@router.delete("/source/name/{target_type}/{target}/type/{of}", response_model=None)
@router.delete("/{target_type}/{target_id}/type/{of}", response_model=None)
async def delete_by_source(request: Request) -> Response:
    """Drops the incoming edges of one source."""
    lineage.delete_by_source(state_of(request), end(request, "target"), segment(request, "of"))
    return Response(status_code=200)


@router.delete(BY_NAME, response_model=None)
@router.delete(BY_ID, response_model=None)
async def delete(request: Request) -> Response:
    """Drops an edge."""
    lineage.delete(state_of(request), *ends_of(request))
    return Response(status_code=200)


@router.get("/{target_type}/name/{target}", response_model=None)
@router.get("/{target_type}/{target_id}", response_model=None)
async def graph(request: Request) -> Response:
    """The edges around an entity."""
    up, down = depth(request, "upstreamDepth", 1), depth(request, "downstreamDepth", 1)
    return answer(lineage.graph(state_of(request), end(request, "target"), up, down))


def ends_of(request: Request) -> tuple[Record, Record]:
    """Both ends of an edge that the path names."""
    return end(request, "source"), end(request, "target")


def end(request: Request, which: str) -> Record:
    """One end, by type and name, by type and id, or by id; 404."""
    state, given = state_of(request), request.path_params
    type_ = given.get(f"{which}_type")
    if type_ and type_ not in BY_TYPE:
        raise bad(f"Unknown entity type {type_}")
    if which in given:
        return state.named(str(type_), segment(request, which))
    found = state.records.get(segment(request, f"{which}_id"))
    return state.by_id(type_ or (found.type if found else "entity"), segment(request, f"{which}_id"))


def depth(request: Request, name: str, default: int) -> int:
    """A depth of the graph."""
    value = whole(request, name, default)
    if not 0 <= value <= 3:
        raise bad(f"[query param {name} must be between 0 and 3]")
    return value
