"""What a value is compared as, whatever engine holds it: kinds, and their text in the SQL of each engine.

Equal values have the same text in all of them. Types are given as DuckDB names them. No connection here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol

from governance.errors import ConfigurationError

Name = Literal[
    "integer", "decimal", "float", "exact", "rounded", "boolean", "date", "timestamp", "time", "blob", "json", "text"
]  # fmt: skip
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
             "UHUGEINT")  # fmt: skip
_OTHERS: dict[str, Name] = {
    "FLOAT": "float", "DOUBLE": "float", "BOOLEAN": "boolean", "DATE": "date", "TIME": "time", "BLOB": "blob",
    "JSON": "json", **dict.fromkeys(_INTEGERS, "integer"),
}  # fmt: skip
FLOATS = ("float", "exact", "rounded")
"""To 15 digits, which every engine prints alike; DuckDB by itself to all; with Snowflake to nine decimals."""
_NUMBERS = ("boolean", "integer", "decimal", "float")
FREE = ("text", "json")
"""Kinds whose text may be anything, separators among it."""


@dataclass(frozen=True)
class Kind:
    """What the values of two columns are compared as."""

    name: Name
    scale: int = 0


@dataclass(frozen=True)
class Column:
    """A column of one side."""

    name: str
    """As bronze would call it: by it columns of two sides belong together."""
    sql: str
    """Its value."""
    type: str
    """As DuckDB calls it."""
    parsed: bool = False
    """Text of a file that has no types: it takes that of the other side."""
    padded: bool = False
    """PostgreSQL's char(n), whose cast to text would cut its blanks."""


class Language(Protocol):
    """The SQL of an engine."""

    name: str

    def text(self, column: Column, kind: Kind) -> str:
        """The value's text as this kind; NULL stays NULL."""
        ...

    def number(self, text: str, style: str) -> str:
        """A checksum of a text: an integer of 60 bits or less. The same `style` gives the same in every engine."""
        ...

    def literal(self, text: str) -> str:
        """A text as a literal."""
        ...


def kind_of(type_: str) -> Kind:
    """What values of a type are by themselves."""
    if found := re.fullmatch(r"(?:DECIMAL|NUMERIC)\((\d+), ?(\d+)\)", type_):
        return Kind("decimal", int(found[2])) if int(found[2]) else Kind("integer")
    if type_.startswith("TIMESTAMP"):
        return Kind("timestamp")
    return Kind(_OTHERS.get(type_, "text"))


def together(a: Column, b: Column, languages: set[str]) -> Kind | None:
    """What the values of two columns are compared as; None where their engines write such values differently."""
    foreign = len(languages) > 1 and "snowflake" in languages
    if languages == {"duckdb"} and a.type == b.type and kind_of(a.type).name == "float":
        return Kind("exact")
    if languages == {"duckdb"} and a.type == b.type == "TIMESTAMP_NS":
        return Kind("text")  # to the nanosecond, which a time of any other type has not
    if a.parsed != b.parsed:
        typed = kind_of(b.type if a.parsed else a.type)
        return _across(typed, foreign)
    one, two = kind_of(a.type), kind_of(b.type)
    if one.name == two.name:
        return _across(Kind(one.name, max(one.scale, two.scale)), foreign)
    names = {one.name, two.name}
    if names == {"integer", "float"}:
        return Kind("integer")  # of 15 digits a bigint would be equal to its neighbour
    if names <= set(_NUMBERS):
        widest = max(names, key=_NUMBERS.index)
        return _across(Kind(widest, max(one.scale, two.scale)), foreign)
    if names == {"date", "timestamp"}:
        return Kind("timestamp")
    return None if foreign and "json" in names else Kind("text")


def _across(kind: Kind, foreign: bool) -> Kind | None:
    if foreign and kind.name == "float":
        return Kind("rounded", 9)  # Snowflake does not say by how many digits it prints a FLOAT
    return None if foreign and kind.name == "json" else kind


def style_of(languages: set[str]) -> str:
    """How checksums are made that all of these engines can make."""
    if languages == {"duckdb"}:
        return "native"
    return "digits" if "snowflake" in languages else "hex"


def joined(language: Language, cells: list[tuple[Column, Kind]]) -> str:
    """One text of several values, different for different values: free text has its length before it."""
    parts = []
    for column, kind in cells:
        text = language.text(column, kind)
        parts.append(
            f"coalesce(length({text}) || ':' || {text}, '~')" if kind.name in FREE else f"coalesce({text}, '~')"
        )
    while len(parts) > 50:  # PostgreSQL takes 100 arguments at most
        parts = [f"concat_ws(';', {', '.join(parts[n : n + 50])})" for n in range(0, len(parts), 50)]
    return f"concat_ws(';', {', '.join(parts)})"


def checksum(
    language: Language, cells: list[tuple[Column, Kind]], style: str, same: frozenset[str] = frozenset()
) -> str:
    """A checksum of several values; DuckDB by itself hashes those of `same` type on both sides as they are."""
    if style != "native":
        return language.number(joined(language, cells), style)
    return f"hash({', '.join(c.sql if c.name in same else language.text(c, k) for c, k in cells)})"


def shown(text: str | None, kind: Kind) -> object:
    """A value as JSON has it, of its text."""
    from datetime import UTC, date, datetime, timedelta

    if text is None or kind.name in ("decimal", "rounded", "blob", *FREE):
        return text
    try:
        number = float(text) if kind.name in FLOATS else int(text)
        if kind.name in ("integer", *FLOATS):
            return number
        if kind.name == "boolean":
            return bool(number)
        if kind.name == "date":
            return (date(1970, 1, 1) + timedelta(days=int(number))).isoformat()
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(number))
    except (ValueError, OverflowError):  # 'infinity', or a year that Python has not
        return text
    if kind.name == "time":
        return "24:00:00" if number == 86_400_000_000 else at.time().isoformat()
    return at.isoformat().replace("+00:00", "Z")


def check_comparable(kind: Kind | None, a: Column, b: Column) -> Kind:
    """Raises ConfigurationError for a key that cannot be compared."""
    names = {kind_of(a.type).name, kind_of(b.type).name}
    if kind is None or kind.name == "json" or "float" in names:
        cause = "values of its type have no one form in both engines"
        raise ConfigurationError(f"key {a.name}", cause, "give another --key")
    return kind
