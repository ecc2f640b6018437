"""Many entities in one call: bulk updates, and the deletion of those that a scan saw no more."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request, Response

from tests.openmetadata import entities, models
from tests.openmetadata.errors import ApiError, bad
from tests.openmetadata.http_calls import answer, body_of, flag, state_of, writer_of
from tests.openmetadata.kinds import BY_TYPE, Kind
from tests.openmetadata.names import joined, quoted
from tests.openmetadata.precedence import Writer
from tests.openmetadata.state import Doc, Record, State

SERVICES = [type_ for type_ in BY_TYPE if type_.endswith("Service")]


def routes(kind: Kind) -> APIRouter:
    """Both calls for one collection."""
    router = APIRouter(prefix=f"/{kind.path}")

    @router.put("/bulk", response_model=None)
    async def bulk(request: Request) -> Response:
        bodies = await body_of(request)
        if not isinstance(bodies, list):
            raise bad("Cannot deserialize the body: a list is wanted")
        writer = writer_of(request, override=flag(request, "overrideMetadata"))
        result = put_all(state_of(request), kind, bodies, writer)
        return answer({**result, "status": "running"}, 202) if flag(request, "async") else answer(result)

    @router.delete("/deleteStale", response_model=None)
    async def stale(request: Request) -> Response:
        body = await body_of(request, "type.bulkDeleteStaleRequest:BulkDeleteStaleRequest")
        return answer(delete_stale(state_of(request), kind, body, writer_of(request)))

    return router


def put_all(state: State, kind: Kind, bodies: list[Doc], by: Writer) -> Doc:
    """Puts one after another. What cannot be read refuses all; what is wrong in an item fails that item."""
    wrong: dict[int, ApiError] = {}
    for place, body in enumerate(bodies):
        try:
            models.check(kind.create, body)
        except models.Unreadable:
            raise
        except ApiError as error:
            wrong[place] = error
    names = Counter(likely_fqn(kind, body) for place, body in enumerate(bodies) if place not in wrong)
    passed, failed = [], []
    for place, body in enumerate(bodies):
        try:
            if place in wrong:
                raise wrong[place]
            fqn = likely_fqn(kind, body)
            if not (names[fqn] == 1 and unchanged(state, kind, fqn, body, by)):
                fqn = entities.put(state, kind, body, by)[0].fqn
            passed.append({"request": fqn, "status": 200})
        except ApiError as error:
            failed.append({"request": body, "message": error.body["message"], "status": 400})
    return outcome(passed, failed)


def outcome(passed: list[Doc], failed: list[Doc], *, dry: bool = False) -> Doc:
    """A BulkOperationResult."""
    status = "success" if not failed else "partialSuccess" if passed else "failure"
    return {
        "dryRun": dry, "status": status, "numberOfRowsProcessed": len(passed) + len(failed),
        "numberOfRowsPassed": len(passed), "numberOfRowsFailed": len(failed), "successRequest": passed,
        "failedRequest": failed,
    }  # fmt: skip


def likely_fqn(kind: Kind, body: Doc) -> str:
    """The FQN that a create body leads to, as far as it can be told from its parent's."""
    parents: list[Any] = [body[member] for member, _ in kind.parents if isinstance(body.get(member), str)]
    below = joined(parents[-1], *([kind.infix] if kind.infix else []), body["name"]) if parents else None
    return below or quoted(body["name"])


def unchanged(state: State, kind: Kind, fqn: str, body: Doc, by: Writer) -> bool:
    """Whether the item's hash says that there is nothing to do."""
    stored = state.find(kind.type, fqn)
    mark = body.get("sourceHash")
    return bool(mark and stored and not stored.deleted and not by.override and stored.doc.get("sourceHash") == mark)


def delete_stale(state: State, kind: Kind, body: Doc, by: Writer) -> Doc:
    """Deletes what is in the scope and was not seen. Nothing seen, or an unknown scope: nothing is deleted."""
    scope_type, dry = body["scopeEntityType"], body.get("dryRun", False)
    types = SERVICES if scope_type == "service" else [scope_type]
    if unknown := [type_ for type_ in types if type_ not in BY_TYPE]:
        raise bad(f"Unsupported scope entity type {unknown[0]}")
    scope = next((found for type_ in types if (found := state.find(type_, body["scopeFqn"]))), None)
    seen = set(body["seenFqns"])
    passed: list[Doc] = []
    for record in state.of_type(kind.type) if scope and seen else []:
        if record.id in state.records and stale(state, record, scope, seen):
            passed.append({"request": record.fqn, "status": 200})
            if not dry:
                options = {"hard": body.get("hardDelete", False), "recursive": body.get("recursive", True)}
                entities.delete(state, record, by, **options)
    return outcome(passed, [], dry=dry)


def stale(state: State, record: Record, scope: Record | None, seen: set[str]) -> bool:
    """Whether an entity of the scope was not seen."""
    return (
        scope is not None and record.fqn.startswith(f"{scope.fqn}.") and record.fqn not in seen and not record.deleted
    )
