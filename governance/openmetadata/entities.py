"""Entities as they should be, into the catalog: read, written where anything differs, and corrected field by field.

What we last wrote of an entity is its `sourceHash`. An entity that has it, and whose enforced fields are as declared,
is left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from governance.openmetadata.bodies import Owned, Reference, TableColumn
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.names import in_path
from governance.openmetadata.policy import History, Overridden, by_hand, labels
from governance.transports.base import PermanentError, TransientError

Json = dict[str, Any]
Failure = TransientError | PermanentError
T = TypeVar("T")
LOG = logging.getLogger(__name__)
FIELDS = {
    "tables": "owners,domains,tags,columns,tableConstraints",
    "containers": "owners,domains,tags,dataModel",
    "dashboards": "owners,domains,tags",
    "pipelines": "owners,domains,tags,tasks",
}
AT_ONCE = 100
"""Entities of one bulk request."""
_TYPE = ("name", "dataType", "dataLength", "precision", "scale", "arrayDataType")
COLUMNS_OF = {"tables": "columns", "containers": "dataModel.columns"}


@dataclass(frozen=True)
class Wanted:
    """An entity as it is declared."""

    fqn: str
    body: Owned
    key: str = ""
    """What the caller knows it by."""

    @property
    def hash(self) -> str:
        """Of all that is declared; 32 characters, as the server wants it."""
        text = json.dumps(self.body.json_body(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


async def bring(catalog: Catalog, collection: str, wanted: Sequence[Wanted]) -> dict[str, Json | Failure]:
    """Let each entity be as it is wanted; by its key, the entity as it is stored, or why it is not."""
    found = await asyncio.gather(*(outcome(read(catalog, collection, w.fqn)) for w in wanted))
    failed = {w.fqn: f for w, f in zip(wanted, found, strict=True) if isinstance(f, TransientError | PermanentError)}
    stored = {
        w.fqn: f for w, f in zip(wanted, found, strict=True) if not isinstance(f, TransientError | PermanentError)
    }
    to_write = {w.fqn: w for w in wanted if w.fqn in stored and _differs(collection, w, stored[w.fqn])}
    failed |= await _write(catalog, collection, list(to_write.values()), stored)
    return dict(zip((w.key or w.fqn for w in wanted), await asyncio.gather(
        *(_finish(catalog, collection, w, stored.get(w.fqn), w.fqn in to_write, failed.get(w.fqn)) for w in wanted)
    ), strict=True))  # fmt: skip


async def outcome(work: Coroutine[Any, Any, T]) -> T | Failure:
    """What comes of it, or why nothing does: a fault in bringing one thing must not keep the others from being brought.

    It goes on being tried for a while, as if the catalog were to blame, and is logged.
    """
    try:
        return await work
    except (TransientError, PermanentError) as error:
        return error
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:5])
        return PermanentError(f"the event is not of its type's form: {found}")
    except Exception as error:
        LOG.exception("a part of an event could not be brought into the catalog")
        return TransientError("unexpected", f"{type(error).__name__}, see the log")


async def read(catalog: Catalog, collection: str, name: str) -> Json | None:
    """An entity with what can be declared of it, also one that was taken away."""
    return await catalog.client.get(f"{collection}/name/{in_path(name)}", fields=FIELDS[collection], include="all")


def columns_of(collection: str, entity: Json) -> list[Json]:
    """Its columns, wherever they stand."""
    found: Any = entity if collection in COLUMNS_OF else {}
    for part in COLUMNS_OF.get(collection, "").split(".") if found else ():
        found = found.get(part) or {}
    return list(found)


def _differs(collection: str, wanted: Wanted, stored: Json | None) -> bool:
    if stored is None or stored.get("deleted") or stored.get("sourceHash") != wanted.hash:
        return True
    return _shape(columns_of(collection, stored)) != _shape(columns_of(collection, wanted.body.json_body()))


def _shape(columns: Sequence[Json]) -> list[Any]:
    """What is enforced of columns."""
    return [
        ([c.get(k) for k in _TYPE], c.get("constraint"), _shape(c.get("children") or ())) for c in columns
    ]  # fmt: skip


async def _write(
    catalog: Catalog, collection: str, wanted: Sequence[Wanted], stored: dict[str, Json | None]
) -> dict[str, Failure]:
    """Create or update, many in a request; what failed, by name."""
    made = await asyncio.gather(*(outcome(_request(catalog, collection, w, stored[w.fqn])) for w in wanted))
    requests = {w.fqn: m for w, m in zip(wanted, made, strict=True) if isinstance(m, dict)}
    failed = {w.fqn: m for w, m in zip(wanted, made, strict=True) if not isinstance(m, dict)}
    # The server takes an entity of a bulk request whose hash it knows for unchanged, whatever it says.
    alone = [w.fqn for w in wanted if w.fqn in requests and (stored[w.fqn] or {}).get("sourceHash") == w.hash]
    names = [n for n in requests if n not in alone]
    parts = [names[i : i + AT_ONCE] for i in range(0, len(names), AT_ONCE)]
    found = await asyncio.gather(
        *(_bulk(catalog, collection, {n: requests[n] for n in part}) for part in parts),
        *(_single(catalog, collection, n, requests[n]) for n in alone),
    )
    return failed | {name: failure for one in found for name, failure in one.items()}


async def _bulk(catalog: Catalog, collection: str, requests: dict[str, Json]) -> dict[str, Failure]:
    try:
        answer = await catalog.client.put(f"{collection}/bulk", list(requests.values()))
    except (TransientError, PermanentError) as error:
        return dict.fromkeys(requests, error)
    failed: dict[str, Failure] = {}
    for item in answer.get("failedRequest") or ():
        name = _requested(item.get("request"), requests)
        if name:
            failed[name] = PermanentError(f"{collection} {name}: {item.get('message')}"[:500])
    return failed


def _requested(request: Any, requests: dict[str, Json]) -> str | None:
    """Which of the requests an answer is about: it names it, or repeats its body."""
    if isinstance(request, str) and request in requests:
        return request
    try:
        body = json.loads(request) if isinstance(request, str) else request
        return next((n for n, r in requests.items() if r["name"] == body["name"] and _parent(r) == _parent(body)), None)
    except (ValueError, KeyError, TypeError):
        return next((n for n, r in requests.items() if r["name"] == request), None)


def _parent(body: Json) -> Any:
    return body.get("databaseSchema") or body.get("service")


async def _single(catalog: Catalog, collection: str, name: str, request: Json) -> dict[str, Failure]:
    try:
        catalog.wrote(await catalog.client.put(collection, request))
    except (TransientError, PermanentError) as error:
        return {name: error}
    return {}


async def _request(catalog: Catalog, collection: str, wanted: Wanted, stored: Json | None) -> Json:
    """The body to send: without what a person has the say in, and without labels that could exclude stored ones."""
    body = {**wanted.body.json_body(), "sourceHash": wanted.hash}
    if stored is None:
        return body
    body.pop("tags", None)
    there = {c["name"]: c for c in columns_of(collection, stored)}
    seeds = [(n, c) for c in columns_of(collection, body) if (n := c["name"]) in there]
    empty = [f for f in ("description", "displayName") if body.get(f) and not stored.get(f)]
    empty += [f"columns.{n}.description" for n, c in seeds if c.get("description") and not there[n].get("description")]
    history = await history_of(catalog, collection, stored) if empty else None
    for name in ("description", "displayName"):
        if stored.get(name) or (history and history.person(name)):
            body.pop(name, None)
    for name, column in seeds:
        column.pop("tags", None)
        if there[name].get("description") or (history and history.person(f"columns.{name}.description")):
            column.pop("description", None)
    if stored.get("domains"):
        body.pop("domains", None)
    return body


async def history_of(catalog: Catalog, collection: str, stored: Json) -> History:
    """Who changed what of an entity."""
    answer = await catalog.client.get(f"{collection}/{stored['id']}/versions") or {}
    return History(answer.get("versions") or (), catalog.ours)


async def _finish(
    catalog: Catalog, collection: str, wanted: Wanted, stored: Json | None, written: bool, failed: Failure | None
) -> Json | Failure:
    if failed:
        return failed
    found: Json | Failure = await outcome(_corrected(catalog, collection, wanted, stored, written))
    return found


async def _corrected(catalog: Catalog, collection: str, wanted: Wanted, stored: Json | None, written: bool) -> Json:
    """Correct what a PUT of a bot does not; the entity as it then is."""
    known = stored is not None
    catalog.tally.created += not known
    if written:
        stored = await read(catalog, collection, wanted.fqn)
    if stored is None:
        raise TransientError("absent", f"{collection} {wanted.fqn} is not there after it was written")
    catalog.wrote(stored if written else {})
    steps, gave_way = await _corrections(catalog, collection, wanted, stored) if known else ([], [])
    if steps:
        answer = await catalog.client.patch(f"{collection}/{stored['id']}", steps, stored.get("version"))
        stored = {**stored, **catalog.wrote(answer)}
    catalog.tally.updated += known and (written or bool(steps))
    theirs = wanted.body.description and stored.get("description") != wanted.body.description
    catalog.tally.kept += bool(theirs)
    for one in gave_way:
        catalog.overridden(one)
    return stored


async def _corrections(
    catalog: Catalog, collection: str, wanted: Wanted, stored: Json
) -> tuple[list[Json], list[Overridden]]:
    """The patch that enforces what is enforced, and what of a person's gives way."""
    steps: list[Json] = []
    changed: list[tuple[str, str, str]] = []
    owners = [x["id"] for x in stored.get("owners") or () if not x.get("inherited")]
    declared = [x.id for x in wanted.body.owners or ()]
    if declared and owners != declared and (catalog.rules["owners"] == "enforce" or not owners):
        value = [x.json_body() for x in wanted.body.owners or ()]
        steps.append({"op": "add", "path": "/owners", "value": value})
        was = ", ".join(x.get("name") or x["id"] for x in stored.get("owners") or ())
        changed += [("owners", was, ", ".join(declared))] if owners else []
    places = [("/tags", "tags", stored.get("tags") or [], wanted.body.tags or ())]
    by_name = {c["name"]: c for c in columns_of(collection, stored)}
    index = {name: i for i, name in enumerate(by_name)}
    root = COLUMNS_OF.get(collection, "").replace(".", "/")
    for column in _declared_columns(wanted.body):
        if column.name in by_name:
            path = f"/{root}/{index[column.name]}/tags"
            places.append(
                (path, f"columns.{column.name}.tags", by_name[column.name].get("tags") or [], column.tags or ())
            )
    for path, field, there, tags in places:
        now = labels(there, [t.tag for t in tags], catalog.rules)
        if now is not None:
            steps.append({"op": "add", "path": path, "value": now})
            changed += [(field, was, ", ".join(t.tag for t in tags)) for was in by_hand(there, now)]
    if not changed:
        return steps, []
    history = await history_of(catalog, collection, stored)
    found = [(f, was, now, history.person(f)) for f, was, now in changed]
    return steps, [Overridden(entity=wanted.fqn, field=f, was=w, now=n, editor=p) for f, w, n, p in found if p]


def _declared_columns(body: Owned) -> Sequence[TableColumn]:
    found = getattr(body, "columns", None) or getattr(getattr(body, "data_model", None), "columns", None)
    return found or ()


async def reference(catalog: Catalog, collection: str, name: str, kind: str) -> Reference:
    """An entity by its name, to refer to. Raises TransientError where it is not there (yet)."""
    found = await catalog.client.get(f"{collection}/name/{in_path(name)}")
    if found is None:
        raise TransientError("absent", f"{kind} {name} is not in the catalog")
    return Reference(id=found["id"], type=kind)
