"""Custom properties, usage, and the assets of data products."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata.errors import ApiError, bad, not_found
from tests.openmetadata.http_calls import answer, body_of, segment, state_of
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.references import inherited
from tests.openmetadata.state import Doc, Record, State
from tests.openmetadata.views import written

router = APIRouter(prefix="/metadata/types")
usage = APIRouter(prefix="/usage")
products = APIRouter(prefix="/dataProducts")
REFUSED = set('"*&<>:^$\\/~')
USAGE = "type.usageRequest:UsageRequest"


@router.get("/name/{name}", response_model=None)
async def get_type(request: Request) -> Response:
    """A type of entities or of members, with its custom properties if asked for."""
    state, name = state_of(request), segment(request, "name")
    if name not in state.property_types:
        raise not_found("type", name)
    shown = dict(state.property_types[name])
    if "customProperties" in request.query_params.get("fields", ""):
        shown["customProperties"] = list(state.properties[name].values())
    return answer(shown)


@router.put("/{id}", response_model=None)
async def put_property(request: Request) -> Response:
    """Declares a custom property of an entity type."""
    body = await body_of(request, "api.data.createCustomProperty:CreateCustomPropertyRequest")
    state = state_of(request)
    entity_type = of_id(state, segment(request, "id"))
    property_type = of_id(state, body["propertyType"]["id"])
    if not body["name"][:1].isalnum() or REFUSED & set(body["name"]):
        raise bad(f"[name {body['name']!r} is no name of a custom property]")
    reference = {"id": property_type["id"], "type": "type", "name": property_type["name"],
                 "fullyQualifiedName": property_type["name"]}  # fmt: skip
    state.properties[entity_type["name"]][body["name"]] = {"description": "", **body, "propertyType": reference}
    return answer({**entity_type, "customProperties": list(state.properties[entity_type["name"]].values())})


def of_id(state: State, id_: str) -> Doc:
    """A type by id; 404."""
    found = next((type_ for type_ in state.property_types.values() if type_["id"] == id_), None)
    if found is None:
        raise not_found("type", id_)
    return found


@usage.post("/{type}/{id}", response_model=None)
async def post_usage(request: Request) -> Response:
    """Counts the use of an entity on a day; 409 for a day that is counted."""
    body = await body_of(request, USAGE)
    record = used(request)
    counts = state_of(request).extras.get(("usage", record.id), {})
    if body["date"] in counts:
        raise ApiError(409, "Entity already exists")
    return count(request, record, body)


@usage.put("/{type}/{id}", response_model=None)
async def put_usage(request: Request) -> Response:
    """Counts the use of an entity on a day, in place of an earlier count."""
    body = await body_of(request, USAGE)
    return count(request, used(request), body)


def used(request: Request) -> Record:
    """The entity of the path."""
    return state_of(request).by_id(segment(request, "type"), segment(request, "id"))


def count(request: Request, record: Record, body: Doc) -> Response:
    """Keeps a count."""
    state = state_of(request)
    state.extras.setdefault(("usage", record.id), {})[body["date"]] = body["count"]
    summary = {"dailyStats": {"count": body["count"], "percentileRank": 0.0}, "date": body["date"]}
    state.extras["usageSummary", record.id] = summary
    return answer(written(state, record), 201)


@products.put("/{name}/assets/add", response_model=None)
@products.put("/{name}/assets/remove", response_model=None)
async def assets(request: Request) -> Response:
    """Adds assets to a data product, or takes them away."""
    body = await body_of(request, "api.bulkAssets:BulkAssets")
    state = state_of(request)
    product = state.named("dataProduct", segment(request, "name"))
    domains = {ref["id"] for ref in product.doc.get("domains") or []}
    for ref in body.get("assets") or []:
        record = state.by_id(ref["type"], str(ref["id"]))
        others = [p for p in record.doc.get("dataProducts") or [] if p["id"] != product.id]
        if request.url.path.endswith("/add"):
            own = record.doc.get("domains") or inherited(state, record, "domains")
            if "dataProducts" not in BY_TYPE[record.type].members or not domains & {d["id"] for d in own}:
                raise bad(f"Asset {record.fqn} has no domain of the data product {product.fqn}")
            others.append(product.ref)
        record.doc = {**record.doc, "dataProducts": others}
    done = [{"request": ref, "status": 200} for ref in body.get("assets") or []]
    return answer({
        "dryRun": False, "status": "success", "numberOfRowsProcessed": len(done), "numberOfRowsPassed": len(done),
        "numberOfRowsFailed": 0, "successRequest": done, "failedRequest": [],
    })  # fmt: skip
