"""Columns, tasks and fields: what entities consist of, and what the server refuses about them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.openmetadata.errors import bad
from tests.openmetadata.kinds import Kind
from tests.openmetadata.names import checked_name, joined

Doc = dict[str, Any]
FIELDS = "responseSchema.schemaFields"
"""Of an API endpoint: fields of what it answers, which are no columns."""
WITH_LENGTH = {"CHAR", "VARCHAR", "BINARY", "VARBINARY"}


def parts_of(kind: Kind, doc: Doc) -> list[Doc]:
    """The columns, tasks or fields of an entity."""
    if kind.parts is None:
        return []
    outer, _, inner = kind.parts.partition(".")
    value: Any = doc.get(outer)
    return list(((value or {}).get(inner) if inner else value) or [])


def set_parts(kind: Kind, doc: Doc, parts: list[Doc]) -> Doc:
    """The entity with other columns, tasks or fields."""
    if kind.parts is None:
        return doc
    outer, _, inner = kind.parts.partition(".")
    if not doc.get(outer) and (inner or not parts):
        return doc
    return {**doc, outer: {**doc[outer], inner: parts} if inner else parts}


def prepared(kind: Kind, doc: Doc) -> Doc:
    """Checks the parts of an entity, and fills in what the server does."""
    if kind.parts is None:
        return doc
    parts = parts_of(kind, doc)
    if kind.parts == "tasks":
        checked = [
            {**task, "fullyQualifiedName": joined(doc["fullyQualifiedName"], checked_name(task["name"], None))}
            for task in parts
        ]
        return set_parts(kind, doc, checked) if parts else doc
    if kind.parts == FIELDS:
        return set_parts(kind, doc, fields(parts, above(kind, doc["fullyQualifiedName"])))
    checked = columns(parts, doc["fullyQualifiedName"])
    check_keys(checked, doc)
    return set_parts(kind, doc, checked)


def above(kind: Kind, fqn: str) -> str:
    """What the names of its parts begin with: an entity's own name, and of fields also which schema they are of."""
    return f"{fqn}.responseSchema" if kind.parts == FIELDS else fqn


def fields(given: list[Doc], parent: str) -> list[Doc]:
    """Names fields and those below them; nothing else is said of them that could be wrong."""
    found = []
    for one in given:
        done = {key: value for key, value in one.items() if value is not None}
        done["fullyQualifiedName"] = joined(parent, checked_name(one["name"], None))
        if one.get("children"):
            done["children"] = fields(one["children"], done["fullyQualifiedName"])
        found.append(done)
    return found


def columns(given: list[Doc], parent: str) -> list[Doc]:
    """Checks columns and those below them."""
    twice = [name for name, count in Counter(column["name"] for column in given).items() if count > 1]
    if twice:
        raise bad(f"Column name {twice[0]} is repeated")
    return [one_column(column, parent) for column in given]


def one_column(column: Doc, parent: str) -> Doc:
    """Checks a column."""
    name, kind = checked_name(column["name"], None), column["dataType"]
    if kind in WITH_LENGTH and column.get("dataLength") is None:
        raise bad(f"For column data types CHAR, VARCHAR, BINARY, VARBINARY, dataLength must not be null ({name})")
    if kind == "ARRAY" and not column.get("arrayDataType"):
        raise bad(f"For column data type array, arrayDataType must not be null ({name})")
    if kind == "STRUCT" and column.get("children") is None:
        raise bad(f"For column data type struct, children must not be null ({name})")
    precision, scale = column.get("precision"), column.get("scale")
    if scale is not None and precision is None:
        raise bad(f"Scale is set but precision is not, for column {name}")
    if scale is not None and scale > precision:
        raise bad(f"Scale {scale} can't be greater than the precision {precision}, for column {name}")
    done = {key: value for key, value in column.items() if value is not None}
    if kind != "ARRAY":
        done.pop("arrayDataType", None)
    done["fullyQualifiedName"] = joined(parent, name)
    done["dataTypeDisplay"] = str(column.get("dataTypeDisplay") or kind).lower()
    done.setdefault("tags", [])
    if column.get("children") is not None:
        done["children"] = columns(column["children"], done["fullyQualifiedName"])
    return done


def check_keys(given: list[Doc], doc: Doc) -> None:
    """Checks what a table says about its columns."""
    names = {column["name"] for column in given}
    keys = [column["name"] for column in given if column.get("constraint") == "PRIMARY_KEY"]
    constraints = doc.get("tableConstraints") or []
    if len(keys) > 1:
        raise bad("Multiple columns tagged with primary key constraints")
    if keys and any(constraint.get("constraintType") == "PRIMARY_KEY" for constraint in constraints):
        raise bad("A column already tagged as PRIMARY_KEY, so the table constraint can't be one")
    partition = (doc.get("tablePartition") or {}).get("columns") or []
    named = [name for constraint in constraints for name in constraint.get("columns") or []]
    for name in [*named, *(column.get("columnName") for column in partition)]:
        if name not in names:
            raise bad(f"Invalid column name {name}")


def paths(given: list[Doc], prefix: str = "") -> set[str]:
    """Dotted paths of columns and those below them, each part quoted if need be."""
    found: set[str] = set()
    for column in given:
        path = joined(prefix, column["name"]) if prefix else joined("", column["name"])[1:]
        found |= {path} | paths(column.get("children") or [], path)
    return found
