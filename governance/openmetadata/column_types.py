"""A warehouse's column type as OpenMetadata's: data type, lengths, element types and fields.

Types are read by sqlglot, so that nested ones of either warehouse come apart. What OpenMetadata has no value for is
the nearest one that holds it, else UNKNOWN; the type as the warehouse prints it stays in `dataTypeDisplay`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from governance.openmetadata.names import clean

Type = exp.DataType.Type
_NAMES = {
    Type.TINYINT: "TINYINT", Type.SMALLINT: "SMALLINT", Type.INT: "INT", Type.BIGINT: "BIGINT",
    Type.MEDIUMINT: "INT", Type.INT128: "LARGEINT", Type.INT256: "LARGEINT",
    Type.UTINYINT: "UINT", Type.USMALLINT: "UINT", Type.UINT: "UINT", Type.UBIGINT: "UINT", Type.UINT128: "LARGEINT",
    Type.FLOAT: "FLOAT", Type.DOUBLE: "DOUBLE", Type.DECIMAL: "DECIMAL", Type.BIGDECIMAL: "DECIMAL",
    Type.BOOLEAN: "BOOLEAN", Type.DATE: "DATE", Type.TIME: "TIME", Type.TIMETZ: "TIME", Type.INTERVAL: "INTERVAL",
    Type.DATETIME: "TIMESTAMP", Type.TIMESTAMP: "TIMESTAMP", Type.TIMESTAMPNTZ: "TIMESTAMP",
    Type.TIMESTAMP_S: "TIMESTAMP", Type.TIMESTAMP_MS: "TIMESTAMP", Type.TIMESTAMP_NS: "TIMESTAMP",
    Type.TIMESTAMPTZ: "TIMESTAMPZ", Type.TIMESTAMPLTZ: "TIMESTAMPZ",
    Type.TEXT: "STRING", Type.VARCHAR: "STRING", Type.NVARCHAR: "STRING", Type.CHAR: "STRING", Type.NCHAR: "STRING",
    Type.BINARY: "BLOB", Type.VARBINARY: "BLOB", Type.BLOB: "BLOB", Type.UUID: "UUID", Type.JSON: "JSON",
    Type.VARIANT: "VARIANT", Type.OBJECT: "JSON", Type.GEOGRAPHY: "GEOGRAPHY", Type.GEOMETRY: "GEOMETRY",
    Type.ENUM: "ENUM", Type.BIT: "BIT", Type.UNION: "UNION", Type.MAP: "MAP", Type.STRUCT: "STRUCT",
    Type.ARRAY: "ARRAY", Type.LIST: "ARRAY", Type.INET: "INET", Type.MONEY: "MONEY", Type.XML: "XML",
}  # fmt: skip
_WITH_LENGTH = {Type.VARCHAR: "VARCHAR", Type.NVARCHAR: "VARCHAR", Type.CHAR: "CHAR", Type.NCHAR: "CHAR",
                Type.TEXT: "VARCHAR", Type.BINARY: "BINARY", Type.VARBINARY: "VARBINARY"}  # fmt: skip
_OF_FIELDS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT"), "INT"), **dict.fromkeys(("BIGINT", "UINT"), "LONG"),
    **dict.fromkeys(("VARCHAR", "CHAR", "UUID"), "STRING"), **dict.fromkeys(("BLOB", "BINARY", "VARBINARY"), "BYTES"),
    "STRUCT": "RECORD",
    **{same: same for same in ("BOOLEAN", "FLOAT", "DOUBLE", "TIMESTAMP", "TIMESTAMPZ", "TIME", "DATE", "STRING",
                               "ARRAY", "MAP", "ENUM", "UNION")},
}  # fmt: skip
DISPLAY_LIMIT = 2000


@lru_cache(4096)
def _parsed(type_: str, dialect: str) -> exp.DataType | None:
    try:
        return exp.DataType.build(type_, dialect=dialect)
    except (SqlglotError, ValueError):
        return None


def column_type(type_: str, dialect: str = "duckdb") -> dict[str, Any]:
    """The members of a column's body that say its type; `type_` as the warehouse prints it."""
    parsed = _parsed(type_, dialect) if type_ else None
    display = {"dataTypeDisplay": type_.lower()[:DISPLAY_LIMIT]} if type_ else {}
    return {**(_members(parsed) if parsed else {"dataType": "UNKNOWN"}), **display}


def field_type(type_: str, dialect: str = "duckdb") -> dict[str, Any]:
    """The same of a field of a message, which has the types of Avro, and nothing that limits them."""
    return _as_field(column_type(type_, dialect))


def _as_field(column: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in column.items() if k in ("name", "dataTypeDisplay")}
    children = {"children": [_as_field(c) for c in column["children"]]} if "children" in column else {}
    return {**kept, "dataType": _OF_FIELDS.get(column["dataType"], "UNKNOWN"), **children}


def _members(parsed: exp.DataType) -> dict[str, Any]:
    kind, inner = parsed.this, parsed.expressions
    name = _NAMES.get(kind, "UNKNOWN")
    numbers = [int(n.name) for n in inner if isinstance(n, exp.DataTypeParam) and n.name.isdigit()]
    if name == "DECIMAL" and numbers:
        return {"dataType": name, "precision": numbers[0], "scale": numbers[1] if len(numbers) > 1 else 0}
    if kind in _WITH_LENGTH and numbers:
        return {"dataType": _WITH_LENGTH[kind], "dataLength": numbers[0]}
    if name == "ARRAY":
        element = _members(inner[0]) if inner and isinstance(inner[0], exp.DataType) else {"dataType": "UNKNOWN"}
        children = {"children": element["children"]} if element["dataType"] == "STRUCT" else {}
        return {"dataType": name, "arrayDataType": element["dataType"], **children}
    if name == "STRUCT":
        return {"dataType": name, "children": _fields(inner)}
    return {"dataType": name}


def _fields(nodes: Sequence[exp.Expression]) -> list[dict[str, Any]]:
    """The fields of a struct, each name once."""
    found: dict[str, dict[str, Any]] = {}
    for index, node in enumerate(nodes):
        field = _field(node, index)
        while field["name"] in found:
            field["name"] += "_"
        found[field["name"]] = field
    return list(found.values())


def _field(node: exp.Expression, index: int) -> dict[str, Any]:
    kind = node.args.get("kind") if isinstance(node, exp.ColumnDef) else node
    members = _members(kind) if isinstance(kind, exp.DataType) else {"dataType": "UNKNOWN"}
    name = node.name if isinstance(node, exp.ColumnDef) else ""
    return {"name": clean(name) if name else f"field_{index}", **members}
