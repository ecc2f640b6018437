"""How an entity is shown: which members, its references in full, and what it inherits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.openmetadata.errors import bad
from tests.openmetadata.kinds import BY_TYPE, Kind
from tests.openmetadata.parts import parts_of, set_parts
from tests.openmetadata.references import ancestors, inherited
from tests.openmetadata.state import Doc, Record, State

SECRET = ("password", "token", "secret", "apikey", "privatekey")
MASK = "*********"
INHERITED = ("owners", "domains")


def requested(kind: Kind, fields: str | None) -> frozenset[str]:
    """The members that `fields` asks for."""
    if fields in ("*", "all"):
        return kind.members
    names = frozenset(name.strip() for name in (fields or "").split(",") if name.strip())
    if unknown := sorted(names - kind.members):
        raise bad(f"Invalid field name {unknown[0]}")
    return names


def shown(state: State, record: Record, fields: frozenset[str], *, only_own: bool = False) -> Doc:
    """An entity as a GET with these fields answers it; `only_own`: without what is computed or inherited."""
    kind = BY_TYPE[record.type]
    absent = kind.hidden - fields
    doc = {key: value for key, value in record.doc.items() if key not in absent and key in kind.members}
    for member in () if only_own else fields & kind.members:
        if (compute := COMPUTED.get((record.type, member))) and (value := compute(state, record)) is not None:
            doc[member] = value
    for member in () if only_own else INHERITED:
        if member in fields and not doc.get(member) and (from_parent := inherited(state, record, member)):
            doc[member] = from_parent
    if kind.parts and "tags" not in fields and "tags" in kind.members:
        doc = set_parts(kind, doc, [unlabelled(part) for part in parts_of(kind, doc)])
    if "connection" in doc:
        doc["connection"] = masked(doc["connection"])
    if record.type == "testCase":
        doc.update(test_case_state(state, record))
    return {key: expanded(state, value) for key, value in doc.items()}


def written(state: State, record: Record) -> Doc:
    """An entity as the answer to a write: all that it has itself."""
    kind = BY_TYPE[record.type]
    return shown(state, record, kind.hidden, only_own=True)


def patchable(state: State, record: Record) -> Doc:
    """What a JSON patch applies to."""
    doc = written(state, record)
    for member in INHERITED:
        if not doc.get(member) and (from_parent := inherited(state, record, member)):
            doc[member] = expanded(state, from_parent)
    return doc


def earlier(state: State, record: Record, doc: Doc) -> Doc:
    """A version of an entity."""
    return {key: expanded(state, value) for key, value in doc.items() if key in BY_TYPE[record.type].members}


def etag(record: Record) -> str:
    """The strong form; it does not depend on the fields that are shown."""
    return f'"{hashlib.sha256(json.dumps(record.doc, sort_keys=True).encode()).hexdigest()[:16]}"'


def unlabelled(part: Doc) -> Doc:
    """A column without its labels."""
    new = {**part, "tags": []} if "tags" in part else part
    return {**new, "children": [unlabelled(c) for c in part["children"]]} if part.get("children") else new


def masked(value: Any) -> Any:
    """A connection without its secrets."""
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(inner, str) and any(word in key.lower() for word in SECRET) else masked(inner)
            for key, inner in value.items()
        }
    return value


def expanded(state: State, value: Any) -> Any:
    """References with the names of what they refer to; those whose target is gone are left out of a list."""
    if isinstance(value, list):
        if value and all(is_reference(item) for item in value):
            return [expanded(state, item) for item in value if item["id"] in state.records]
        return value
    if is_reference(value) and (target := state.records.get(value["id"])):
        full = {**value, "name": target.doc["name"], "fullyQualifiedName": target.fqn, "deleted": target.deleted}
        for member in ("displayName", "description"):
            if target.doc.get(member):
                full[member] = target.doc[member]
        return full
    return value


def is_reference(value: Any) -> bool:
    """Whether a value is a stored reference."""
    return isinstance(value, dict) and value.keys() <= {"id", "type", "inherited"} and {"id", "type"} <= value.keys()


def referred(type_: str, member: str) -> Callable[[State, Record], list[Doc]]:
    """A function that finds the entities of a type that name an entity in a member."""

    def find(state: State, record: Record) -> list[Doc]:
        there = [other for other in state.of_type(type_) if not other.deleted]
        return [o.ref for o in there if record.id in {ref["id"] for ref in o.doc.get(member) or []}]

    return find


def below(type_: str) -> Callable[[State, Record], list[Doc]]:
    """A function that finds the children of a type."""

    def find(state: State, record: Record) -> list[Doc]:
        children = (state.records[child] for child in state.children.get(record.id, ()))
        return [child.ref for child in children if child.type == type_ and not child.deleted]

    return find


def latest(what: str) -> Callable[[State, Record], Doc | None]:
    """A function that finds the newest row of a series of an entity."""

    def find(state: State, record: Record) -> Doc | None:
        rows = state.series.get((what, record.id))
        return rows[max(rows)] if rows else None

    return find


def extra(what: str) -> Callable[[State, Record], Any]:
    """A function that finds the one value kept for an entity."""
    return lambda state, record: state.extras.get((what, record.id))


def suite_of(state: State, record: Record) -> Doc | None:
    """The basic suite of a table."""
    found = state.find("testSuite", f"{record.fqn}.testSuite")
    return found.ref if found and not found.deleted else None


def suite_refs(state: State, record: Record) -> list[Doc]:
    """The suites of a test case: the basic one, then the logical ones."""
    return [record.doc["testSuite"], *state.extras.get(("suites", record.id), [])]


def suites_of(state: State, record: Record) -> list[Doc]:
    """All suites of a test case, in full."""
    ids = [ref["id"] for ref in suite_refs(state, record)]
    return [shown(state, state.records[suite], frozenset()) for suite in ids if suite in state.records]


def tests_of(state: State, record: Record) -> list[Doc]:
    """The cases of a suite."""
    return [
        case.ref
        for case in state.of_type("testCase")
        if not case.deleted and record.id in {ref["id"] for ref in suite_refs(state, case)}
    ]


def test_case_state(state: State, record: Record) -> Doc:
    """What a case inherits beside owners."""
    rows = state.series.get(("result", record.id))
    return {"testCaseStatus": rows[max(rows)]["testCaseStatus"]} if rows else {}


def contract_of(state: State, record: Record) -> Doc | None:
    """The contract of an asset."""
    return next(iter(below("dataContract")(state, record)), None)


def labels_of_case(state: State, record: Record) -> list[Doc]:
    """A case's labels, with those of its table; its own win in an exclusive classification."""
    labels = list(record.doc.get("tags") or [])
    for parent in ancestors(state, record)[:1]:
        taken = {label["tagFQN"].partition(".")[0] for label in labels}
        labels += [label for label in parent.doc.get("tags") or [] if label["tagFQN"].partition(".")[0] not in taken]
    return labels


COMPUTED: dict[tuple[str, str], Callable[[State, Record], Any]] = {
    ("table", "testSuite"): suite_of,
    ("table", "profile"): latest("tableProfile"),
    ("table", "sampleData"): extra("sampleData"),
    ("table", "usageSummary"): extra("usageSummary"),
    ("table", "pipelineObservability"): extra("pipelineObservability"),
    ("table", "queries"): referred("query", "queryUsedIn"),
    ("database", "databaseSchemas"): below("databaseSchema"),
    ("databaseSchema", "tables"): below("table"),
    ("container", "children"): below("container"),
    ("apiCollection", "apiEndpoints"): below("apiEndpoint"),
    ("domain", "children"): below("domain"),
    ("tag", "children"): below("tag"),
    ("glossaryTerm", "children"): below("glossaryTerm"),
    ("team", "users"): referred("user", "teams"),
    ("pipeline", "pipelineStatus"): latest("status"),
    ("testSuite", "tests"): tests_of,
    ("testCase", "testSuites"): suites_of,
    ("testCase", "testCaseResult"): latest("result"),
    ("testCase", "failedRowsSample"): extra("failedRowsSample"),
    ("testCase", "inspectionQuery"): extra("inspectionQuery"),
    ("testCase", "tags"): labels_of_case,
}
COMPUTED |= {(type_, "dataContract"): contract_of for type_ in BY_TYPE}
