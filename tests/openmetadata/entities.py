"""What can be done to any entity: create, update, patch, delete, restore."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from tests.openmetadata import changes, models, references
from tests.openmetadata.errors import ApiError, bad
from tests.openmetadata.kinds import BY_TYPE, Kind
from tests.openmetadata.names import checked_name, joined, quoted
from tests.openmetadata.parts import parts_of, prepared, set_parts
from tests.openmetadata.precedence import Writer, merged
from tests.openmetadata.prepare import PREPARE
from tests.openmetadata.state import Doc, Record, State, new_id
from tests.openmetadata.views import patchable

NAMED = {"domains": "domain", "dataProducts": "dataProduct", "experts": "user"}
"""Members of many kinds that name other entities by FQN."""
UNCHECKED = {"role", "policy", "persona"}
"""Entities that the stand-in does not keep."""


def derived(state: State, kind: Kind, body: Doc, by: Writer) -> Record:
    """The entity that a create body describes, all its references resolved."""
    sent = {key: value for key, value in body.items() if value is not None}
    if kind.type in PREPARE:
        sent = PREPARE[kind.type](state, sent, by)
    name = checked_name(sent["name"], None if kind.type in {"testDefinition", "testCase", "testSuite"} else 256)
    doc: Doc = {**kind.defaults, **{key: sent[key] for key in kind.settable if key in sent}}
    if "serviceType" in kind.members and "serviceType" in sent:
        doc["serviceType"] = sent["serviceType"]
    doc |= sent.get("_more", {})
    parent = None
    for member, type_ in kind.parents:
        if (given := sent.get(member)) is not None:
            ref = references.resolved(state, given) if isinstance(given, dict) else state.named(type_, given).ref
            parent, doc[member] = state.records[ref["id"]], ref
    if parent:
        doc |= {key: parent.doc[key] for key in kind.copied if key in parent.doc}
    fqn = sent.get("_fqn") or (
        joined(parent.fqn, *([kind.infix] if kind.infix else []), name) if parent else quoted(name)
    )
    if len(fqn) > 3072:
        raise bad("[fullyQualifiedName size must be between 1 and 3072]")
    doc |= {"id": sent.get("_id") or new_id(), "name": name, "fullyQualifiedName": fqn, "version": 0.1}
    doc |= {"updatedAt": state.now(), "updatedBy": by.user, "deleted": False}
    record = Record(kind.type, doc, sent.get("_parent") or (parent.id if parent else None))
    resolve(state, kind, doc)
    return record


def resolve(state: State, kind: Kind, doc: Doc) -> None:
    """Turns the names and references of a new state into references, and checks them."""
    for member in ("owners", "reviewers"):
        if member in doc:
            doc[member] = references.people(state, doc[member], member)
    for member, type_ in {**NAMED, **kind.links}.items():
        if member in doc:
            refs = references.own([item for item in doc[member] if isinstance(item, dict)])
            names = [item for item in doc[member] if isinstance(item, str)]
            doc[member] = [references.resolved(state, ref) for ref in refs] + references.by_fqn(state, type_, names)
    for member, type_ in kind.ids.items():
        if member in doc:
            ids = [item["id"] if isinstance(item, dict) else item for item in doc[member] or []]
            doc[member] = [state.by_id(type_, one).ref for one in ids if type_ not in UNCHECKED]
    if "queryUsedIn" in doc:
        doc["queryUsedIn"] = [references.resolved(state, ref) for ref in doc["queryUsedIn"]]
    if doc.get("tags"):
        doc["tags"] = references.labels(state, doc["tags"])
    if kind.parts:
        if parts := parts_of(kind, doc):
            doc |= set_parts(kind, doc, references.labelled_parts(state, parts))
        doc |= prepared(kind, doc)


def check(state: State, kind: Kind, record: Record, doc: Doc) -> None:
    """The rules about an entity's new state as a whole."""
    references.check_labels(state, kind, doc)
    references.check_domains(state, kind, doc, references.inherited(state, record, "domains"))
    references.check_extension(state, kind, doc)


def create(state: State, kind: Kind, record: Record) -> Record:
    """Keeps a new entity."""
    check(state, kind, record, record.doc)
    state.add(record)
    state.search.put("entity", record.id, record.type, state.setting.search_delay)
    return record


def post(state: State, kind: Kind, body: Doc, by: Writer) -> Record:
    """A new entity; 409 if there is one of its name."""
    record = derived(state, kind, body, by)
    if state.find(kind.type, record.fqn):
        raise ApiError(409, "Entity already exists")
    return create(state, kind, record)


def put(state: State, kind: Kind, body: Doc, by: Writer) -> tuple[Record, bool]:
    """Creates or updates; whether it is new."""
    record = derived(state, kind, body, by)
    stored = state.find(kind.type, record.fqn)
    if stored is None:
        return create(state, kind, record), True
    if stored.deleted:
        restore(state, stored, by)
    new = prepared(kind, merged(kind, stored.doc, record.doc, by))
    check(state, kind, stored, new)
    changes.apply(kind, stored, new, by.user, state.now())
    return stored, False


def patch(state: State, kind: Kind, record: Record, operations: list[Doc], by: Writer) -> Record:
    """Applies a JSON patch; identity and parents stay as they are."""
    before = patchable(state, record)
    after = patched(before, operations)
    if after.get("deleted") and not record.deleted:
        raise bad("Entity can't be deleted by PUT or PATCH")
    models.check(kind.entity, after)
    fixed = {"id", "name", "fullyQualifiedName", "version", "updatedAt", "updatedBy", "changeDescription", "deleted"}
    fixed |= {member for member, _ in kind.parents} | set(kind.copied)
    new = {key: value for key, value in after.items() if value is not None and key not in fixed}
    new |= {key: record.doc[key] for key in fixed if key in record.doc}
    if "connection" in new:
        new["connection"] = record.doc.get("connection", new["connection"])
    for member in ("owners", "domains"):
        if member in new:
            new[member] = references.own(new[member])
    new = {key: bare(value) for key, value in new.items()}
    if by.bot:
        new = with_descriptions(kind, record.doc, new)
    resolve(state, kind, new)
    check(state, kind, record, new)
    changes.apply(kind, record, new, by.user, state.now())
    return record


def patched(document: Any, operations: Any) -> Any:
    """A JSON patch applied."""
    try:
        return jsonpatch.apply_patch(document, operations)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as error:
        raise bad(f"Invalid JSON patch: {error}") from error


def bare(value: Any) -> Any:
    """A reference as it is stored, from one as it is shown."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if isinstance(value, dict) and {"id", "type", "fullyQualifiedName"} <= value.keys():
        return {"id": value["id"], "type": value["type"]}
    return value


def with_descriptions(kind: Kind, stored: Doc, new: Doc) -> Doc:
    """A bot blanks no description, of the entity or of its parts."""
    if stored.get("description") and not new.get("description"):
        new = {**new, "description": stored["description"]}
    before = {part["name"]: part for part in parts_of(kind, stored)}
    kept = [
        {**part, "description": before[part["name"]]["description"]}
        if not part.get("description") and before.get(part["name"], {}).get("description")
        else part
        for part in parts_of(kind, new)
    ]
    return set_parts(kind, new, kept) if kept else new


def delete(state: State, record: Record, by: Writer, *, hard: bool, recursive: bool) -> None:
    """Marks an entity as deleted, or drops it and all that hangs on it."""
    if record.doc.get("provider") == "system":
        raise bad(f"System entity [name={record.fqn}, type={record.type}] can not be deleted")
    children = [state.records[child] for child in state.children.get(record.id, ())]
    if not recursive and [child for child in children if hard or not child.deleted]:
        raise bad(f"{record.type} is not empty")
    for child in children:
        delete(state, child, by, hard=hard, recursive=True)
    if hard:
        state.drop(record)
        state.search.put("entity", record.id, None, state.setting.search_delay)
    else:
        mark(state, record, by, deleted=True)


def restore(state: State, record: Record, by: Writer) -> None:
    """Brings an entity and its children back."""
    for child in state.children.get(record.id, ()):
        restore(state, state.records[child], by)
    mark(state, record, by, deleted=False)


def mark(state: State, record: Record, by: Writer, *, deleted: bool) -> None:
    """Another version, deleted or not."""
    changes.apply(BY_TYPE[record.type], record, {**record.doc, "deleted": deleted}, by.user, state.now())
    state.search.put("entity", record.id, None if deleted else record.type, state.setting.search_delay)
