"""What a PUT of a bot leaves alone, corrected by one JSON patch: field by field, as the policy has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.openmetadata.bodies import Owned, Reference, TableColumn
from governance.openmetadata.catalog import STALE, Catalog
from governance.openmetadata.policy import History, Overridden, Rule, by_hand, family, is_tag, labels, rule_of

if TYPE_CHECKING:
    from governance.openmetadata.entities import Wanted

Json = dict[str, Any]
COLUMNS_OF = {"tables": "columns", "containers": "dataModel.columns", "apiEndpoints": "responseSchema.schemaFields"}
"""Where what has a name and a type of its own stands: columns, and the fields that an endpoint answers with."""


def columns_of(collection: str, entity: Json) -> list[Json]:
    """Its columns, wherever they stand."""
    found: Any = entity if collection in COLUMNS_OF else {}
    for part in COLUMNS_OF.get(collection, "").split(".") if found else ():
        found = found.get(part) or {}
    return list(found)


def declared_columns(body: Owned) -> Sequence[TableColumn]:
    """The columns of a body, wherever they stand."""
    holders = (body, getattr(body, "data_model", None), getattr(body, "response_schema", None))
    return next((found for holder in holders if (found := getattr(holder, "columns", None))), ())


@dataclass(frozen=True)
class _Field:
    """A field that a person may have written, as it is and as it is declared."""

    path: str
    name: str
    """As a version's changes name it."""
    rule: Rule
    there: str
    declared: str
    value: Any
    """To be put there."""
    same: bool


@dataclass(frozen=True)
class _Labels:
    path: str
    name: str
    there: Sequence[Json]
    declared: Sequence[str]


class _Correction:
    """Of one entity: the steps of a patch, and what of a person's gives way."""

    def __init__(self, catalog: Catalog, collection: str, wanted: Wanted, stored: Json) -> None:
        self.catalog, self.collection, self.wanted, self.stored = catalog, collection, wanted, stored
        self.steps: list[Json] = []
        self.gave_way: list[Overridden] = []
        self._history: History | None = None

    async def history(self) -> History:
        """Who changed what of the entity; asked for when it is first needed."""
        if self._history is None:
            answer = await self.catalog.client.get(f"{self.collection}/{self.stored['id']}/versions") or {}
            self._history = History(answer.get("versions") or (), self.catalog.ours)
        return self._history

    def put(self, path: str, value: Any) -> None:
        self.steps.append({"op": "add", "path": path, "value": value})

    def over(self, field: str, was: str, now: str, editor: str | None) -> None:
        if editor:
            found = Overridden(entity=self.wanted.fqn, field=field, was=was, now=now, editor=editor)
            self.gave_way.append(found)

    async def field(self, field: _Field, changed: bool) -> None:
        """`changed`: whether anything is declared anew; if not, what differs is somebody else's."""
        if not field.declared or field.same:
            return
        if field.rule == "enforce":
            self.over(field.name, field.there, field.declared, (await self.history()).person(field.name))
        elif not changed or not await self._ours(field):
            self.catalog.tally.kept += 1
            return
        self.put(field.path, field.value)

    async def _ours(self, field: _Field) -> bool:
        history = await self.history()
        return history.is_ours(field.name) if field.there else history.person(field.name) is None

    async def labels(self, of: _Labels) -> None:
        """Those of the entity, or of a column."""
        rules = self.catalog.rules
        there = {x["tagFQN"] for x in of.there if is_tag(x)}
        missing = [t for t in of.declared if t not in there]
        off = {t: (await self.history()).took_off(of.name, t) for t in missing}
        wanted = [t for t in of.declared if not off.get(t) or t == STALE or rule_of(t, rules) == "enforce"]
        now = labels(of.there, wanted, rules, self.catalog.exclusive)
        if now is None:
            return
        self.put(of.path, now)
        gone = by_hand(of.there, now)
        for tag in gone:
            instead = [t for t in wanted if family(t) == family(tag)]
            self.over(of.name, tag, ", ".join(instead), (await self.history()).put_on(of.name, tag))
        for tag in wanted:
            if off.get(tag) and all(family(tag) != family(t) for t in gone):
                self.over(of.name, "", tag, off[tag])


async def corrected(catalog: Catalog, collection: str, wanted: Wanted, stored: Json, changed: bool) -> Json:
    """The entity after a patch; the very same where there was nothing to correct."""
    found = _Correction(catalog, collection, wanted, stored)
    for field in _fields(catalog, collection, wanted, stored):
        await found.field(field, changed)
    for one in _labelled(collection, wanted, stored):
        await found.labels(one)
    if not found.steps:
        return stored
    # First, because what was overridden can be found out only once; telling it again adds nothing.
    for gave_way in found.gave_way:
        catalog.overridden(gave_way)
    version = stored.get("version")
    answer = await catalog.client.patch(f"{collection}/{stored['id']}", found.steps, version)
    return {**stored, **catalog.wrote(answer, version)}


def _fields(catalog: Catalog, collection: str, wanted: Wanted, stored: Json) -> Iterator[_Field]:
    body, rules = wanted.body, catalog.rules
    for name, declared in (("description", body.description), ("displayName", body.display_name)):
        there = stored.get(name) or ""
        yield _Field(f"/{name}", name, rules[name], there, declared or "", declared, there == declared)
    yield _references("owners", rules["owners"], stored, body.owners or ())
    yield _references("domains", rules["domains"], stored, wanted.domains)
    for path, column, there in _columns(collection, wanted, stored):
        said, name = there.get("description") or "", f"columns.{column.name}.description"
        declared = column.description or ""
        yield _Field(f"{path}/description", name, rules["description"], said, declared, declared, said == declared)


def _references(name: str, rule: Rule, stored: Json, declared: Sequence[Reference]) -> _Field:
    """Owners or domains. Where they are seeded, those that an entity inherits are a value that stays."""
    there = [x for x in stored.get(name) or () if not x.get("inherited")]
    value = [x.json_body() for x in declared]
    inherits = rule == "seed" and len(there) < len(stored.get(name) or ())
    same = inherits or [x["id"] for x in there] == [x.id for x in declared]
    shown = (", ".join(x.get("name") or x["id"] for x in refs) for refs in (there, value))
    return _Field(f"/{name}", name, rule, next(shown), next(shown), value, same)


def _labelled(collection: str, wanted: Wanted, stored: Json) -> Iterator[_Labels]:
    yield _Labels("/tags", "tags", stored.get("tags") or (), [t.tag for t in wanted.body.tags or ()])
    for path, column, there in _columns(collection, wanted, stored):
        name = f"columns.{column.name}.tags"
        yield _Labels(f"{path}/tags", name, there.get("tags") or (), [t.tag for t in column.tags or ()])


def _columns(collection: str, wanted: Wanted, stored: Json) -> Iterator[tuple[str, TableColumn, Json]]:
    """The declared columns that are there: the path of each in a patch, and how it is stored."""
    there = {c["name"]: (i, c) for i, c in enumerate(columns_of(collection, stored))}
    root = COLUMNS_OF.get(collection, "").replace(".", "/")
    for column in declared_columns(wanted.body):
        if column.name in there:
            index, as_stored = there[column.name]
            yield f"/{root}/{index}", column, as_stored
