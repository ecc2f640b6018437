"""The calls that every collection has."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from tests.openmetadata import changes, entities, views
from tests.openmetadata.errors import ApiError, bad, not_found
from tests.openmetadata.http_calls import answer, body_of, flag, segment, state_of, whole, writer_of
from tests.openmetadata.kinds import Kind
from tests.openmetadata.state import Doc, Record, State

SCOPES = ("service", "database", "databaseSchema", "parent", "glossary", "classification", "directChildrenOf")
Handler = Callable[[Request], Awaitable[Response]]


def routes(kind: Kind) -> APIRouter:
    """All of them for one collection."""
    router = APIRouter(prefix=f"/{kind.path}")

    async def create(request: Request) -> Response:
        body = await body_of(request, kind.create)
        state = state_of(request)
        return answer(views.written(state, entities.post(state, kind, body, writer_of(request))), 201)

    async def put(request: Request) -> Response:
        body = await body_of(request, kind.create)
        state = state_of(request)
        record, new = entities.put(state, kind, body, writer_of(request))
        return answer(views.written(state, record), 201 if new else 200)

    async def get(request: Request) -> Response:
        state, record = state_of(request), there(request, kind)
        fields = views.requested(kind, request.query_params.get("fields"))
        return answer(views.shown(state, record, fields), headers={"ETag": views.etag(record)})

    async def list_(request: Request) -> Response:
        return answer(page(request, kind))

    async def patch(request: Request) -> Response:
        record = there(request, kind, "non-deleted")
        if request.headers.get("content-type", "").split(";")[0] != "application/json-patch+json":
            raise ApiError(415, "HTTP 415 Unsupported Media Type")
        expected = request.headers.get("if-match")
        if expected and not matches(expected, record):
            raise ApiError(412, "The entity has been modified: If-Match does not match its ETag")
        state = state_of(request)
        entities.patch(state, kind, record, await body_of(request), writer_of(request))
        return answer(views.written(state, record), headers={"ETag": views.etag(record)})

    async def delete(request: Request) -> Response:
        state, hard = state_of(request), flag(request, "hardDelete")
        record = there(request, kind, "all" if hard else "non-deleted")
        entities.delete(state, record, writer_of(request), hard=hard, recursive=flag(request, "recursive"))
        return answer({**views.written(state, record), "deleted": True} if "deleted" in kind.members else {})

    async def delete_later(request: Request) -> Response:
        await delete(request)
        return answer({"jobId": segment(request, "id"), "message": "Delete initiated successfully."}, 202)

    async def restore(request: Request) -> Response:
        body = await body_of(request, "api.data.restoreEntity:RestoreEntity")
        state = state_of(request)
        record = state.records.get(body["id"])
        if record is None or record.type != kind.type:
            raise not_found(kind.type, body["id"])
        entities.restore(state, record, writer_of(request))
        return answer(views.written(state, record))

    async def versions(request: Request) -> Response:
        state, record = state_of(request), there(request, kind, "all")
        found = [json.dumps(views.earlier(state, record, doc)) for doc in changes.versions(record)]
        return answer({"entityType": kind.type, "versions": found})

    async def version(request: Request) -> Response:
        state, record = state_of(request), there(request, kind, "all")
        for doc in changes.versions(record):
            if str(doc["version"]) == segment(request, "version"):
                return answer(views.earlier(state, record, doc))
        raise not_found(kind.type, f"{record.id} version {segment(request, 'version')}")

    table: list[tuple[str, str, Handler]] = [
        ("POST", "", create), ("PUT", "", put), ("GET", "", list_), ("PUT", "/restore", restore),
        ("DELETE", "/async/{id}", delete_later), ("GET", "/name/{fqn}", get), ("PATCH", "/name/{fqn}", patch),
        ("DELETE", "/name/{fqn}", delete), ("GET", "/{id}/versions", versions),
        ("GET", "/{id}/versions/{version}", version), ("GET", "/{id}", get), ("PATCH", "/{id}", patch),
        ("DELETE", "/{id}", delete),
    ]  # fmt: skip
    for method, path, handler in table:
        router.add_api_route(path, handler, methods=[method], response_model=None)
    return router


def there(request: Request, kind: Kind, include: str | None = None) -> Record:
    """The entity that the path names, as far as `include` lets it be seen."""
    state, include = state_of(request), include or request.query_params.get("include", "non-deleted")
    if include not in ("non-deleted", "deleted", "all"):
        raise bad(f"query param include must be one of [all, deleted, non-deleted], got {include}")
    key = segment(request, "fqn" if "fqn" in request.path_params else "id")
    record = state.find(kind.type, key) if "fqn" in request.path_params else state.records.get(key)
    if record is None or record.type != kind.type or record.deleted not in included(include):
        raise not_found(kind.type, key)
    return record


def included(include: str) -> tuple[bool, ...]:
    """Values of `deleted` that may be seen."""
    return {"all": (False, True), "deleted": (True,)}.get(include, (False,))


def matches(expected: str, record: Record) -> bool:
    """Whether If-Match names the entity as it is."""
    tags = {tag.strip() for tag in expected.split(",")}
    return bool(tags & {"*", views.etag(record), f'W/"{record.doc["version"]}"'})


def page(request: Request, kind: Kind) -> Doc:
    """A page of a collection."""
    state, limit = state_of(request), whole(request, "limit", 10)
    if not 0 <= limit <= 1_000_000:
        raise bad("[query param limit must be between 0 and 1000000]")
    fields = views.requested(kind, request.query_params.get("fields"))
    found = [record for record in state.of_type(kind.type) if wanted(state, request, record)]
    after, before = (cursor(request, name) for name in ("after", "before"))
    start = sum(key(record) <= after for record in found) if after else 0
    if before:
        start = max(0, sum(key(record) < before for record in found) - limit)
    data = found[start : start + limit]
    paging: Doc = {"total": len(found)}
    if data and start + limit < len(found):
        paging["after"] = encoded(data[-1])
    if data and start:
        paging["before"] = encoded(data[0])
    return {"data": [views.shown(state, record, fields) for record in data], "paging": paging}


def wanted(state: State, request: Request, record: Record) -> bool:
    """Whether a list's filters let an entity through."""
    query = request.query_params
    if record.deleted not in included(query.get("include", "non-deleted")):
        return False
    for scope in SCOPES:
        if (value := query.get(scope)) and not record.fqn.startswith(f"{scoped(state, value)}."):
            return False
    if (link := query.get("entityLink")) and record.doc.get("entityLink") != link:
        return False
    suite = query.get("testSuiteId")
    return not suite or suite in {ref["id"] for ref in views.suite_refs(state, record)}


def scoped(state: State, value: str) -> str:
    """A filter's FQN, which some lists name by id."""
    return state.records[value].fqn if value in state.records else value


def key(record: Record) -> tuple[str, str]:
    """The order of a list."""
    return record.doc["name"], record.id


def encoded(record: Record) -> str:
    """A cursor that stands for an entity."""
    return base64.urlsafe_b64encode(json.dumps(key(record)).encode()).decode()


def cursor(request: Request, name: str) -> tuple[str, str] | None:
    """The place in a list that a cursor names."""
    if not (value := request.query_params.get(name)):
        return None
    try:
        at, id_ = json.loads(base64.urlsafe_b64decode(value))
    except ValueError:
        raise bad(f"query param {name} is not a cursor") from None
    return at, id_
