"""What is special about creating some kinds of entities, beyond what their declarations say."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.openmetadata.errors import ApiError, bad
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.names import joined, parsed_link, split
from tests.openmetadata.parts import columns as checked_columns
from tests.openmetadata.parts import parts_of
from tests.openmetadata.precedence import Writer
from tests.openmetadata.references import resolved
from tests.openmetadata.state import Doc, Record, State, new_id

WITH_SCHEMA = {"table", "topic", "apiEndpoint", "dashboardDataModel"}


def basic_suite(state: State, table: Record, by: Writer) -> Record:
    """The suite that a table has once it has a case."""
    fqn = f"{table.fqn}.testSuite"
    found = state.find("testSuite", fqn)
    if found:
        if found.deleted:
            found.doc = {**found.doc, "deleted": False}
        return found
    doc = {
        **BY_TYPE["testSuite"].defaults, "id": new_id(), "name": fqn, "fullyQualifiedName": fqn, "version": 0.1,
        "updatedAt": state.now(), "updatedBy": by.user, "deleted": False, "basic": True,
        "basicEntityReference": table.ref,
    }  # fmt: skip
    return state.add(Record("testSuite", doc, table.id))


def test_case(state: State, sent: Doc, by: Writer) -> Doc:
    """Finds what a case is about, checks its parameters, and makes the suite that it belongs to."""
    type_, fqn, column = parsed_link(sent["entityLink"])
    table = state.named(type_, fqn)
    definition = state.named("testDefinition", sent["testDefinition"])
    about = joined(fqn, column) if column else fqn
    case_fqn = joined(about, sent["name"])
    if not definition.doc.get("enabled", True) and state.find("testCase", case_fqn) is None:
        raise bad(f"Test definition {definition.fqn} is disabled")
    if definition.doc["entityType"] == "COLUMN" and column is None:
        raise bad(f"Invalid entityLink: {definition.fqn} is a test of a column")
    if column and column not in {part["name"] for part in parts_of(BY_TYPE[type_], table.doc)}:
        raise bad(f"Invalid column name {column} found in entity link {sent['entityLink']}")
    check_parameters(definition.doc, sent.get("parameterValues") or [])
    more = {"testSuite": basic_suite(state, table, by).ref, "entityFQN": about}
    return {**sent, "_fqn": case_fqn, "_parent": table.id, "_more": more, "testDefinition": definition.ref}


def check_parameters(definition: Doc, values: list[Doc]) -> None:
    """Values of a case against what its definition declares."""
    declared = {parameter["name"]: parameter for parameter in definition.get("parameterDefinition") or []}
    given = {value.get("name"): value.get("value") for value in values}
    if given and not declared:
        raise bad("Parameter values doesn't match with the number of parameters: the definition has none")
    if "GreatExpectations" in definition["testPlatforms"] or definition["name"] == "tableDiff":
        return
    if unknown := sorted(str(name) for name in given if name not in declared):
        raise bad(f"Parameter {unknown[0]} is not declared by {definition['name']}")
    for name, parameter in declared.items():
        if parameter.get("required") and given.get(name) in (None, ""):
            raise bad(f"Required parameter {name} is not passed in parameterValues")
    least, most = (next((v for n, v in given.items() if n and n.lower().startswith(p)), None) for p in ("min", "max"))
    if least and most and number(least) > number(most):
        raise bad(f"Value {least} of the minimum is greater than the maximum {most}")


def number(value: str) -> float:
    """A parameter as a number; 400."""
    try:
        return float(value)
    except ValueError:
        raise bad(f"Value {value!r} of a parameter is not a number") from None


def test_suite(state: State, sent: Doc, by: Writer) -> Doc:
    """A basic suite has its table's name."""
    table_fqn = sent.pop("basicEntityReference", None) or sent.pop("executableEntityReference", None)
    if table_fqn is None:
        return sent
    table = state.named("table", table_fqn)
    suite = basic_suite(state, table, by)
    return {**sent, "name": suite.doc["name"], "_fqn": suite.fqn, "_parent": table.id,
            "basicEntityReference": table.ref}  # fmt: skip


def query(state: State, sent: Doc, by: Writer) -> Doc:
    """A query's name is a checksum, unless it has one."""
    return {"name": hashlib.md5(sent["query"].encode(), usedforsecurity=False).hexdigest(), **sent}


def tag(state: State, sent: Doc, by: Writer) -> Doc:
    """A tag is below a classification or another tag."""
    if sent.get("parent"):
        return {"classification": split(sent["parent"])[0], **sent}
    if not sent.get("classification"):
        raise bad("[classification or parent must not be null]")
    return sent


def contract(state: State, sent: Doc, by: Writer) -> Doc:
    """One contract per entity, about members that this entity has."""
    entity = state.records[resolved(state, sent["entity"])["id"]]
    fqn = joined(entity.fqn, f"dataContract_{sent['name']}")
    for child in state.children.get(entity.id, ()):
        if state.records[child].type == "dataContract" and state.records[child].fqn != fqn:
            raise bad(f"A data contract already exists for entity '{entity.type}' with ID {entity.id}")
    if sent.get("schema"):
        if entity.type not in WITH_SCHEMA:
            raise bad(f"Schema validation is not supported for {entity.type}")
        names = Counter(column["name"] for column in sent["schema"])
        there = {part["name"] for part in parts_of(BY_TYPE[entity.type], entity.doc)}
        wrong = sorted({name for name, count in names.items() if count > 1} | (names.keys() - there))
        if wrong:
            raise bad(f"Schema validation failed. Duplicate or unknown fields: {', '.join(wrong)}")
        sent = {**sent, "schema": checked_columns(sent["schema"], fqn)}
    if sent.get("qualityExpectations"):
        if entity.type != "table":
            raise bad(f"Quality expectations are not supported for {entity.type}")
        sent = {**sent, "qualityExpectations": [resolved(state, ref) for ref in sent["qualityExpectations"]]}
    if isinstance(sent.get("termsOfUse"), str):
        sent = {**sent, "termsOfUse": {"content": sent["termsOfUse"], "inherited": False}}
    return {**sent, "entity": entity.ref, "_fqn": fqn, "_parent": entity.id}


def term(state: State, sent: Doc, by: Writer) -> Doc:
    """Related terms are kept as references with a relation."""
    related = [state.named("glossaryTerm", name).ref for name in sent.get("relatedTerms") or []]
    return {**sent, "relatedTerms": [{"term": ref, "relationType": "relatedTo"} for ref in related]}


def product(state: State, sent: Doc, by: Writer) -> Doc:
    """A product belongs to a domain."""
    if not sent.get("domains"):
        raise ApiError(400, "[domains must not be empty]")
    return sent


PREPARE: dict[str, Callable[[State, Doc, Writer], dict[str, Any]]] = {
    "testCase": test_case, "testSuite": test_suite, "query": query, "tag": tag, "dataContract": contract,
    "glossaryTerm": term, "dataProduct": product,
}  # fmt: skip
