"""What entities say about each other: owners, domains, labels, custom properties, and the rules about these."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.openmetadata.errors import bad, broken_rule, not_found
from tests.openmetadata.kinds import Kind
from tests.openmetadata.parts import parts_of
from tests.openmetadata.state import Doc, Record, State

PEOPLE = ("user", "team")
MANY_DOMAINS = {"user", "team", "persona", "bot", "dataProduct"}
LABEL_TYPES = {"Classification": "tag", "Glossary": "glossaryTerm"}


def resolved(state: State, given: Any) -> Doc:
    """A reference to something that is there."""
    found = state.records.get(str(given["id"]))
    if found is None or found.deleted or found.type != given["type"]:
        raise not_found(given["type"], given["id"])
    return found.ref


def own(given: list[Doc] | None) -> list[Doc]:
    """References that are an entity's own; those that it inherits are ignored in a write."""
    return [ref for ref in given or [] if not ref.get("inherited")]


def people(state: State, given: list[Doc] | None, member: str = "owners") -> list[Doc]:
    """Owners or reviewers: users, or one team that is a Group."""
    refs = own(given)
    for ref in refs:
        if not ref.get("type"):
            raise bad(f"{member}: a reference has no type")
        if ref["type"] not in PEOPLE:
            raise bad(f"{member}: entity type {ref['type']} is not user or team")
    found = [resolved(state, ref) for ref in refs]
    for ref in found:
        if ref["type"] == "team" and state.records[ref["id"]].doc["teamType"] != "Group":
            raise bad(f"Team of type {state.records[ref['id']].doc['teamType']} can't own entities")
    teams = sum(ref["type"] == "team" for ref in found)
    if teams > 1 or (teams and len(found) > teams):
        raise broken_rule("Rule [Multiple Users or Single Team Ownership] validation failed")
    return found


def by_fqn(state: State, type_: str, names: list[Any] | None) -> list[Doc]:
    """References to entities that a create body names by FQN."""
    return [state.named(type_, name).ref for name in names or []]


def check_domains(state: State, kind: Kind, doc: Doc, inherited: list[Doc]) -> None:
    """One domain per asset, one product per asset, and a product only with its domain."""
    if kind.type in MANY_DOMAINS:
        return
    if len(doc.get("domains") or []) > 1:
        raise broken_rule("Rule [Multiple Domains are not allowed] validation failed")
    products = doc.get("dataProducts") or []
    domains = {ref["id"] for ref in doc.get("domains") or inherited}
    for ref in products:
        if not domains & {domain["id"] for domain in state.records[ref["id"]].doc.get("domains") or []}:
            raise broken_rule("Rule [Data Product Domain Validation] validation failed: no matching domain")
    if len(products) > 1:
        raise broken_rule("Rule [Multiple Data Products are not allowed] validation failed")


def check_labels(state: State, kind: Kind, doc: Doc) -> None:
    """Labels of an entity and its parts."""
    exclusive(state, doc.get("tags") or [])
    waiting = parts_of(kind, doc)
    while waiting:
        part = waiting.pop()
        if part.get("tags"):
            exclusive(state, part["tags"])
        waiting += part.get("children") or []


def labels(state: State, given: list[Doc] | None) -> list[Doc]:
    """Labels as the server keeps them; certifications never travel among them."""
    kept: dict[str, Doc] = {}
    for label in given or []:
        if label["tagFQN"].startswith("Certification."):
            continue
        found = state.named(LABEL_TYPES[label["source"]], label["tagFQN"])
        up = state.records.get(found.parent or "")
        if found.doc.get("disabled") or (up and up.doc.get("disabled")):
            raise bad(f"Tag {label['tagFQN']} is disabled")
        done = {"name": found.doc["name"], "description": found.doc["description"]}
        defaults = {"labelType": "Manual", "state": "Confirmed"}
        kept[found.fqn] = {**done, **defaults, **{key: value for key, value in label.items() if value is not None}}
    return [kept[name] for name in sorted(kept)]


def exclusive(state: State, given: list[Doc]) -> None:
    """No two labels below one parent that allows only one."""
    if len(given) < 2:
        return
    above = Counter(
        record.parent for label in given if (record := state.find(LABEL_TYPES[label["source"]], label["tagFQN"]))
    )
    for parent, count in above.items():
        if parent and count > 1 and state.records[parent].doc.get("mutuallyExclusive"):
            names = [label["tagFQN"] for label in given]
            raise bad(f"Tag labels {', '.join(names)} are mutually exclusive and can't be assigned together")


def labelled_parts(state: State, parts: list[Doc]) -> list[Doc]:
    """Columns or tasks with their labels as the server keeps them."""
    done = []
    for part in parts:
        new = dict(part)
        if part.get("tags"):
            new["tags"] = labels(state, part["tags"])
        if part.get("children"):
            new["children"] = labelled_parts(state, part["children"])
        if part.get("owners"):
            new["owners"] = people(state, part["owners"])
        done.append(new)
    return done


def check_extension(state: State, kind: Kind, doc: Doc) -> None:
    """Custom properties must be declared."""
    for name in doc.get("extension") or {}:
        if name not in state.properties[kind.type]:
            raise bad(f"Unknown custom field {name}")


def ancestors(state: State, record: Record) -> list[Record]:
    """An entity's parents, the nearest first."""
    found = []
    at = record.parent
    while at and at in state.records:
        found.append(state.records[at])
        at = state.records[at].parent
    return found


def inherited(state: State, record: Record, member: str) -> list[Doc]:
    """What an entity has from its nearest parent that has it."""
    if record.doc.get(member) or record.type in {"tag", "glossaryTerm", "user", "team"}:
        return []
    for parent in ancestors(state, record):
        if parent.doc.get(member):
            return [{**ref, "inherited": True} for ref in parent.doc[member]]
    return []
