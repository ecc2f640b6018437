"""Parquet files with their own types; what is nested becomes JSON, and what Snowflake has no type for, text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.engine import engine
from blocks.landing import Landing
from blocks.sources.base import ColumnSpec, Manifest, Reject
from blocks.sources.extracts import Flat
from blocks.sources.naming import bronze_names, glob_escape, literal, quote
from governance.errors import UnreadFileError

if TYPE_CHECKING:
    import duckdb

_KEPT = (
    "BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE", "JSON",
)  # fmt: skip
_AS = {
    "TINYINT": "SMALLINT", "UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)", "TIMESTAMP_S": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP",
}  # fmt: skip


_DECIMAL = r"DECIMAL\((\d+),(\d+)\)"
_INTEGERS = ("SMALLINT", "INTEGER", "BIGINT")
DIGITS = 38


def schema_of(path: Path, where: str) -> tuple[ColumnSpec, ...]:
    """The columns of a landed file; none for one that is damaged. UnreadFileError for numbers that are too long."""
    import duckdb

    file = literal(glob_escape(str(path)))
    with engine() as connection:
        try:
            found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({file})").fetchall()
            # Its description may be whole and its pages not.
            connection.execute(f"SELECT bit_xor(hash(t)) FROM read_parquet({file}) t").fetchall()
            long = connection.execute(f"SELECT name FROM parquet_schema({file}) WHERE precision > {DIGITS}").fetchall()
        except duckdb.Error:
            return ()
    if long:
        cause = f"column {', '.join(name for (name,) in long)} has decimals of more than {DIGITS} digits"
        raise UnreadFileError(where, cause, "write them as text")
    names = bronze_names(row[0] for row in found)
    return tuple(ColumnSpec(n, _bronze_type(row[1]), row[0]) for n, row in zip(names, found, strict=True))


class ParquetExtract(Flat):
    """Landed Parquet files of one stream as one SELECT."""

    def __init__(self, units: Sequence[Manifest], landing: Landing) -> None:
        self.units = units
        self.paths = [landing.part(u) for u in units]
        self.columns = list(_common(c for u in units for c in u.schema).values())
        self.types = {c.name: c.type for c in self.columns}

    @property
    def sql(self) -> str:
        """One branch for each file."""
        none = "SELECT '' AS _load_id, '' AS _source_position WHERE false"
        branches = [self._branch(u, p) for u, p in zip(self.units, self.paths, strict=True) if u.schema]
        return " UNION ALL BY NAME ".join(branches) or none

    def _branch(self, unit: Manifest, path: Path) -> str:
        exact = _exact_types(path)
        cells = ", ".join(f"CAST({_value(c, exact)} AS {self.types[c.name]}) AS {quote(c.name)}" for c in unit.schema)
        return (
            f"SELECT {cells}, {literal(unit.load_id)} AS _load_id, {literal(unit.parts[0].position + '#')} "
            f"|| row_number() OVER () AS _source_position FROM read_parquet({literal(glob_escape(str(path)))})"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """A file that is cut off is one unit: its columns are described at its end."""
        found = []
        for unit in (u for u in self.units if not u.schema):
            part = unit.parts[0]
            code, reason = ("unreadable_file", "it is not a whole Parquet file")
            if not part.bytes:
                code, reason = "empty_file", "the file has no byte"
            found.append(Reject(unit.load_id, part.position, code, reason, None, 0, part.bytes))
        return found


def _bronze_type(type_: str) -> str:
    if type_ in _KEPT or re.fullmatch(_DECIMAL, type_):
        return type_
    if type_ in _AS:
        return _AS[type_]
    return "JSON" if re.search(r"\[\d*\]$|^(STRUCT|MAP|UNION|VARIANT)\b", type_) else "VARCHAR"


def _common(columns: Iterable[ColumnSpec]) -> dict[str, ColumnSpec]:
    """The columns of all files by name: where their types differ, the wider one, or else text."""
    found: dict[str, ColumnSpec] = {}
    for column in columns:
        old = found.setdefault(column.name, column)
        if old.type != column.type:
            found[column.name] = replace(column, type=_wider(old.type, column.type))
    return found


def _wider(a: str, b: str) -> str:
    if a in _INTEGERS and b in _INTEGERS:
        return max(a, b, key=_INTEGERS.index)
    one, other = re.fullmatch(_DECIMAL, a), re.fullmatch(_DECIMAL, b)
    if one and other and one[2] == other[2]:
        return max(a, b, key=lambda t: int(t[8 : t.index(",")]))
    return "VARCHAR"


def _exact_types(path: Path) -> dict[str, str]:
    """Nested columns with decimals → their type with text in place of these: in JSON they would become floats."""
    with engine() as connection:
        found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(glob_escape(str(path)))})").fetchall()
    nested = [(row[0], row[1]) for row in found if _bronze_type(row[1]) == "JSON"]
    return {name: exact for name, type_ in nested if (exact := re.sub(_DECIMAL, "VARCHAR", type_)) != type_}


def _value(column: ColumnSpec, exact: Mapping[str, str]) -> str:
    name = quote(column.origin)
    if column.type != "JSON":
        return name
    return f"to_json(CAST({name} AS {exact[column.origin]}))" if column.origin in exact else f"to_json({name})"
