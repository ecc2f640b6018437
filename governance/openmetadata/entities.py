"""Entities as they should be, into the catalog: read, corrected field by field, and written where anything differs.

What we last wrote of an entity is its `sourceHash`. An entity that has it, and whose enforced fields are as declared,
is left alone. The hash is written last, so that what failed on the way is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from governance.openmetadata.bodies import Container, Owned, Reference, Table, TableColumn
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.corrections import columns_of, corrected, declared_columns
from governance.openmetadata.names import in_path
from governance.transports.base import PermanentError, TransientError

LOG = logging.getLogger(__name__)
T = TypeVar("T")
Json = dict[str, Any]
Failure = TransientError | PermanentError
FIELDS = {
    "tables": "owners,domains,tags,columns,tableConstraints",
    "containers": "owners,domains,tags,dataModel",
    "dashboards": "owners,domains,tags",
    "apiEndpoints": "owners,domains,tags,responseSchema",
    "pipelines": "owners,domains,tags,tasks,scheduleInterval",
}
AT_ONCE = 100
"""Entities of one bulk request."""
BYTES_AT_ONCE = 4_000_000
"""Of one bulk request, about: the server takes some 10 MB."""
_TYPE = ("name", "dataType", "dataLength", "precision", "scale", "arrayDataType")


@dataclass(frozen=True)
class Wanted:
    """An entity as it is declared."""

    fqn: str
    body: Owned
    key: str = ""
    """What the caller knows it by."""
    domains: tuple[Reference, ...] = ()
    """Those that the body names."""

    @cached_property
    def hash(self) -> str:
        """Of all that is declared; 32 characters, as the server wants it."""
        text = json.dumps(self.body.json_body(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Plan:
    wanted: Wanted
    stored: Json | None
    request: Json | None
    """What is to be written; None: nothing."""
    corrected: bool = False


async def bring(catalog: Catalog, collection: str, wanted: Sequence[Wanted]) -> dict[str, Json | Failure]:
    """Let each entity be as it is wanted; by its key, the entity as it is stored, or why it is not.

    Of two that declare one entity, the later one counts.
    """
    once = {w.fqn: w for w in wanted}
    tried = await asyncio.gather(*(attempt(_plan(catalog, collection, w), n) for n, w in once.items()))
    plans = {p.wanted.fqn: p for p in tried if isinstance(p, _Plan)}
    found: dict[str, Json | Failure] = {n: p for n, p in zip(once, tried, strict=True) if not isinstance(p, _Plan)}
    found |= await _write(catalog, collection, [p for p in plans.values() if p.request])
    left = [n for n in plans if n not in found]
    ends = await asyncio.gather(*(attempt(_finish(catalog, collection, plans[n]), n) for n in left))
    found |= dict(zip(left, ends, strict=True))
    return {w.key or w.fqn: found[w.fqn] for w in wanted}


async def attempt(work: Awaitable[T], what: str) -> T | Failure:
    """Its result, or why there is none: a fault in bringing one thing must not keep the others from being brought."""
    try:
        return await work
    except (TransientError, PermanentError) as error:
        return error
    except Exception as error:
        LOG.exception("bringing %s into the catalog", what)
        return TransientError("unexpected", f"{type(error).__name__}, see the log")


async def read(catalog: Catalog, collection: str, name: str) -> Json | None:
    """An entity with what can be declared of it, also one that was taken away."""
    return await catalog.client.get(f"{collection}/name/{in_path(name)}", fields=FIELDS[collection], include="all")


async def _plan(catalog: Catalog, collection: str, wanted: Wanted) -> _Plan:
    """Read an entity and correct it field by field; what is left to be written of it."""
    stored = await read(catalog, collection, wanted.fqn)
    if stored is None:
        return _Plan(wanted, None, {**wanted.body.json_body(), "sourceHash": wanted.hash})
    gone = bool(stored.get("deleted"))
    if gone:
        await catalog.client.put(f"{collection}/restore", {"id": stored["id"]})
        stored = await read(catalog, collection, wanted.fqn) or stored
    wanted = _respelled(wanted, columns_of(collection, stored))
    changed = stored.get("sourceHash") != wanted.hash
    after = await corrected(catalog, collection, wanted, stored, changed)
    differs = changed or _differs(collection, stored, wanted.body.json_body())
    request = _request(collection, wanted, after) if differs else None
    return _Plan(wanted, after, request, gone or after is not stored)


def _respelled(wanted: Wanted, stored: Sequence[Json]) -> Wanted:
    """The same with the names of columns in the case in which the catalog has them."""
    names = [c.name for c in declared_columns(wanted.body)]
    free = [c["name"] for c in stored if c["name"] not in names]
    known = {c["name"] for c in stored}
    spelling: dict[str, str] = {}
    for name in (n for n in names if n not in known):
        if there := next((f for f in free if f.casefold() == name.casefold()), None):
            spelling[name] = there
            free.remove(there)
    if not spelling:
        return wanted
    columns = tuple(
        c.model_copy(update={"name": spelling.get(c.name, c.name)}) for c in declared_columns(wanted.body)
    )  # fmt: skip
    return replace(wanted, body=_with_columns(wanted.body, columns, spelling))


def _with_columns(body: Owned, columns: tuple[TableColumn, ...], spelling: Mapping[str, str]) -> Owned:
    if not isinstance(body, Table):
        holder = "data_model" if isinstance(body, Container) else "response_schema"
        return body.model_copy(update={holder: getattr(body, holder).model_copy(update={"columns": columns})})
    constraints = [
        c.model_copy(update={"columns": tuple(spelling.get(n, n) for n in c.columns)})
        for c in body.table_constraints or ()
    ]
    return body.model_copy(update={"columns": columns, "table_constraints": tuple(constraints) or None})


def _differs(collection: str, stored: Json, declared: Json) -> bool:
    """Whether something else is there than what is enforced: of columns, or of tasks and when they are due."""
    if collection == "pipelines":
        tasks, wanted = (sorted(t["name"] for t in x.get("tasks") or ()) for x in (stored, declared))
        due = declared.get("scheduleInterval")
        return tasks != wanted or (due is not None and stored.get("scheduleInterval") != due)
    return _shape(columns_of(collection, stored)) != _shape(columns_of(collection, declared))


def _shape(columns: Sequence[Json]) -> list[Any]:
    return [([c.get(k) for k in _TYPE], c.get("constraint"), _shape(c.get("children") or ())) for c in columns]


def _request(collection: str, wanted: Wanted, stored: Json) -> Json:
    """The body to send: with what people have a say in as it is now; of a new column, as it is declared.

    A PUT of a bot would keep that anyway; one by the token of a person would take away what it does not repeat.
    """
    body = {**wanted.body.json_body(), "sourceHash": wanted.hash}
    for name in ("tags", "owners", "domains"):
        body.pop(name, None)
    _keep(body, stored)
    there = {c["name"]: c for c in columns_of(collection, stored)}
    for column in columns_of(collection, body):
        if column["name"] in there:
            column.pop("tags", None)
            _keep(column, there[column["name"]])
    return body


def _keep(sent: Json, stored: Json) -> None:
    """Repeat what is said of an entity, of a column, and of what is in it."""
    for name in ("description", "displayName"):
        sent.pop(name, None)
        if stored.get(name):
            sent[name] = stored[name]
    there = {c["name"]: c for c in stored.get("children") or ()}
    for child in sent.get("children") or ():
        if child["name"] in there:
            _keep(child, there[child["name"]])


async def _write(catalog: Catalog, collection: str, plans: Sequence[_Plan]) -> dict[str, Failure]:
    """Create or update, many in a request; what failed, by name."""
    # The server takes an entity of a bulk request whose hash it knows for unchanged, whatever it says.
    alone = [p for p in plans if (p.stored or {}).get("sourceHash") == p.wanted.hash]
    parts = _parts([p for p in plans if p not in alone])
    found = await asyncio.gather(*(_bulk(catalog, collection, p) for p in (*parts, *([p] for p in alone))))
    return {name: failure for one in found for name, failure in one.items()}


def _parts(plans: Sequence[_Plan]) -> list[list[_Plan]]:
    """Requests that the server takes, by number and by size."""
    parts: list[list[_Plan]] = []
    size = 0
    for plan in plans:
        length = len(json.dumps(plan.request))
        if not parts or len(parts[-1]) == AT_ONCE or size + length > BYTES_AT_ONCE:
            parts.append([])
            size = 0
        parts[-1].append(plan)
        size += length
    return parts


async def _bulk(catalog: Catalog, collection: str, plans: Sequence[_Plan]) -> dict[str, Failure]:
    """One request of many, or of one. One that the server cannot read refuses all: then each goes by itself."""
    if len(plans) == 1:
        done = await attempt(catalog.client.put(collection, plans[0].request), plans[0].wanted.fqn)
        if not isinstance(done, Failure):
            catalog.wrote(done, (plans[0].stored or {}).get("version"))
        return {plans[0].wanted.fqn: done} if isinstance(done, Failure) else {}
    answer = await attempt(catalog.client.put(f"{collection}/bulk", [p.request for p in plans]), collection)
    if isinstance(answer, PermanentError) or (isinstance(answer, TransientError) and answer.reason == "unexpected"):
        each = await asyncio.gather(*(_bulk(catalog, collection, [p]) for p in plans))
        return {name: failure for one in each for name, failure in one.items()}
    if isinstance(answer, TransientError):
        return {p.wanted.fqn: answer for p in plans}
    failed: dict[str, Failure] = {}
    for item in answer.get("failedRequest") or ():
        for plan in plans:
            if _is_of(item.get("request"), plan):
                failed[plan.wanted.fqn] = _of_item(plan.wanted.fqn, item)
    return failed


def _of_item(name: str, item: Json) -> Failure:
    """Why an entity of a bulk request was refused: one status stands for all that a single one would be told."""
    status, message = int(item.get("status") or 400), f"{name}: {item.get('message')}"[:500]
    if status == 429 or status >= 500:
        return TransientError("throttled" if status == 429 else "server", message)
    if status == 404 or " not found" in message:  # what it refers to is on its way, or was taken away meanwhile
        return TransientError("absent", message)
    return PermanentError(message)


def _is_of(request: Any, plan: _Plan) -> bool:
    """Whether an answer is about this request: it names the entity, or repeats the body."""
    if isinstance(request, str) and request.startswith("{"):
        request = json.loads(request)
    if not isinstance(request, dict) or plan.request is None:
        return bool(request == plan.wanted.fqn)
    parent = ("databaseSchema", "service", "parent", "apiCollection")
    return all(request.get(k) == plan.request.get(k) for k in ("name", *parent) if k in plan.request)


async def _finish(catalog: Catalog, collection: str, plan: _Plan) -> Json:
    """The entity as it then is, and what was done with it. Raises TransientError where it is not there after all."""
    stored = plan.stored
    if plan.request:
        stored = await read(catalog, collection, plan.wanted.fqn)
    if stored is None:
        raise TransientError("absent", f"{plan.wanted.fqn} was written, and is not in the catalog")
    if plan.stored is None:
        catalog.wrote(stored) if stored.get("version") == 0.1 else None
        catalog.tally.created += 1
    else:
        catalog.tally.updated += plan.request is not None or plan.corrected
    return stored
