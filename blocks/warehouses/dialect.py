"""Where the SQL of DuckDB and Snowflake differs. Statements are written once, in what both read; no connection here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from blocks.sources.base import ColumnSpec
from blocks.sources.naming import literal, quote

EARLIEST, LATEST = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
"""What Snowflake's dates and times can hold."""
_SAME = {"VARCHAR", "BOOLEAN", "DATE", "TIME"}
TIME_TRAVEL_DAYS = 1
"""For which Snowflake keeps what a publish replaced: as long as the Standard edition can."""
PORTION_BYTES = 500_000
"""Of ids or values in a statement: Snowflake repeats and shows none that is longer than 1 MB.
https://docs.snowflake.com/en/user-guide/query-size-limits"""
Item = TypeVar("Item")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_OTHERS = {
    "HUGEINT": "NUMBER(38,0)", "UHUGEINT": "NUMBER(38,0)", "FLOAT": "FLOAT", "DOUBLE": "FLOAT", "BLOB": "BINARY",
    "TIMESTAMP": "TIMESTAMP_NTZ", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
}  # fmt: skip


class Dialect(Protocol):
    """What the SQL of bronze, ledger and layers asks of a warehouse's language."""

    table: str
    """Kind of the tables that are made of the landing zone, which can make them again."""

    def schema(self, name: str) -> str:
        """The statement that makes a schema where it is missing."""
        ...

    def type(self, type_: str) -> str:
        """A column's type, given as a DuckDB type, as `columns()` of the warehouse reports it."""
        ...

    def shown(self, column: ColumnSpec) -> str:
        """A column of the stored rows as the view in bronze shows it."""
        ...

    def row_json(self, columns: Iterable[str]) -> str:
        """The columns of a row as JSON text."""
        ...

    def trailing_number(self, text: str) -> str:
        """The digits at the end of a text as a number, or NULL."""
        ...

    def quantiles(self, number: str, shares: Sequence[float]) -> list[str]:
        """Where so large a share of a column's numbers is smaller, about."""
        ...

    def fold(self, sql: str) -> str:
        """A statement of ours as the warehouse itself would have it."""
        ...


class DuckDB:
    """The embedded warehouse."""

    table = "TABLE"

    def schema(self, name: str) -> str:
        """By its name."""
        return f"CREATE SCHEMA IF NOT EXISTS {name}"

    def type(self, type_: str) -> str:
        """As it is."""
        return type_

    def shown(self, column: ColumnSpec) -> str:
        """As it is stored."""
        return quote(column.name)

    def row_json(self, columns: Iterable[str]) -> str:
        """By a struct."""
        cells = ", ".join(f"{literal(c)}: {quote(c)}" for c in columns)
        return f"CAST(to_json({{{cells}}}) AS VARCHAR)"

    def trailing_number(self, text: str) -> str:
        """By a pattern."""
        return f"TRY_CAST(regexp_extract({text}, '[0-9]+$') AS BIGINT)"

    def quantiles(self, number: str, shares: Sequence[float]) -> list[str]:
        """All of one sketch: it makes one for each list of shares."""
        sketch = f"approx_quantile({number}, [{', '.join(map(str, shares))}])"
        return [f"{sketch}[{place}]" for place in range(1, len(shares) + 1)]

    def fold(self, sql: str) -> str:
        """As it is."""
        return sql


class Snowflake:
    """Snowflake: identifiers are upper case there, whether quoted or not."""

    table = "TRANSIENT TABLE"

    def schema(self, name: str) -> str:
        """With Time Travel for readers' layers and the ledger; the rest can be made again."""
        days = TIME_TRAVEL_DAYS if name in ("silver", "gold", "ops") else 0
        return f"CREATE SCHEMA IF NOT EXISTS {name} DATA_RETENTION_TIME_IN_DAYS = {days}"

    def type(self, type_: str) -> str:
        """Numbers are NUMBER; what Snowflake has no type for is text, and so is JSON until the view parses it."""
        if type_ in _SAME:
            return type_
        if type_ in _NUMBERS:
            return "NUMBER(38,0)"
        if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", type_):
            return f"NUMBER({found[1]},{found[2]})"
        return _OTHERS.get(type_, "VARCHAR")

    def shown(self, column: ColumnSpec) -> str:
        """JSON as a VARIANT: COPY by column names cannot parse it, and a second copy of the rows would cost more.

        By 'd' an object that has a key twice is taken; without it one such value makes every reading of the view fail.
        """
        name = quote(column.name)
        return f"parse_json({name}, 'd') AS {name}" if column.type == "JSON" else name

    def row_json(self, columns: Iterable[str]) -> str:
        """By an object that keeps NULLs."""
        cells = ", ".join(f"{literal(c)}, {quote(c)}" for c in columns)
        return f"to_json(object_construct_keep_null({cells}))"

    def trailing_number(self, text: str) -> str:
        """By a pattern."""
        return f"TRY_CAST(regexp_substr({text}, '[0-9]+$') AS NUMBER(38,0))"

    def quantiles(self, number: str, shares: Sequence[float]) -> list[str]:
        """One by one."""
        return [f"approx_percentile({number}, {share})" for share in shares]

    def exported(self, column: ColumnSpec) -> str:
        """A column in DuckDB's SQL as Parquet carries it to COPY; times beyond Snowflake's range become its ends."""
        name, type_ = quote(column.name), column.type
        if type_.startswith("TIMESTAMP") or type_ == "DATE":
            kind = "DATE" if type_ == "DATE" else type_
            bounds = (f"CAST({literal(b if kind != 'DATE' else b[:10])} AS {kind})" for b in (EARLIEST, LATEST))
            return "CASE WHEN {0} IS NOT NULL THEN least(greatest({0}, {1}), {2}) END".format(name, *bounds)
        if type_ in ("HUGEINT", "UHUGEINT"):
            return f"CAST({name} AS DECIMAL(38,0))"
        return f"CAST({name} AS VARCHAR)" if self.type(type_) == "VARCHAR" else name

    def fold(self, sql: str) -> str:
        """Quoted identifiers in upper case, text literals as they are."""
        return re.sub(r"'(?:[^']|'')*'|\"[^\"]+\"", lambda m: m[0] if m[0][0] == "'" else m[0].upper(), sql)


def portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Ids or rows in portions that a statement can hold: their number may be that of the files of a stream."""
    portion: list[Item] = []
    size = 0
    for item in items:
        more = len(str(item)) + 4
        if portion and size + more > PORTION_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += more
    if portion:
        yield portion


def among(values: Sequence[str]) -> str:
    """The right side of IN, for one of the `portions` of ids of our own making."""
    return f"({', '.join(map(literal, values))})"


def names(columns: Iterable[str]) -> str:
    """A list of columns."""
    return ", ".join(map(quote, columns))
