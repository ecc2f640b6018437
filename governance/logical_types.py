"""What DuckDB and Snowflake call a type → what it means on both, in the words of the Open Data Contract Standard."""

from __future__ import annotations

import re
from typing import Literal, cast

LogicalType = Literal[
    "string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean", ""
]  # fmt: skip
"""Empty where the standard has none (binary, intervals), or the type is not known."""

_NAMES: dict[str, str] = {
    "string": "varchar text char character string bpchar nvarchar uuid enum character_varying",
    "integer": "tinyint smallint int integer bigint hugeint utinyint usmallint uinteger ubigint byteint "
    "int1 int2 int4 int8",
    "number": "double float float4 float8 real double_precision",
    "boolean": "boolean bool",
    "date": "date",
    "timestamp": "timestamp datetime timestamptz timestamp_tz timestamp_ltz timestamp_ntz timestamp_s timestamp_ms "
    "timestamp_ns timestamp_with_time_zone timestamp_without_time_zone",
    "time": "time timetz time_with_time_zone",
    "object": "json variant object struct map",
    "array": "array list vector",
}
_LOGICAL = {name: logical for logical, names in _NAMES.items() for name in names.split()}
_DECIMAL = re.compile(r"(numeric|decimal|number|dec)\s*(?:\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?$")
_DEFAULT_SCALE = {"numeric": "3", "decimal": "3", "dec": "3", "number": "0"}
"""DuckDB's NUMERIC is (18, 3), Snowflake's NUMBER (38, 0)."""


def logical_type(type: str) -> LogicalType:
    """The logical type of a physical one. A decimal without places is an integer: Snowflake has no other."""
    name = " ".join(type.lower().split())
    if name.endswith("]"):
        return "array"
    if found := _DECIMAL.match(name):
        bare = "(" not in name
        scale = _DEFAULT_SCALE[found[1]] if bare else found[2] or "0"
        return "integer" if scale == "0" else "number"
    base = re.sub(r"\(.*?\)", "", name).strip().replace(" ", "_")
    return cast(LogicalType, _LOGICAL.get(base) or _LOGICAL.get(base.partition("_")[0], ""))
