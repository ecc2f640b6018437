"""Declared tests as SQL that selects their failing rows; the same text on DuckDB and Snowflake.

Only text: no connection, no Great Expectations. NULLs count as they do in dbt's tests of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from governance.declared_tests import DeclaredTest
from governance.errors import ConfigurationError

BATCH = "\x00batch\x00"
"""Stands for the checked table until `for_gx` has escaped the rest."""


@dataclass(frozen=True)
class Dialect:
    """How a warehouse writes names."""

    quote: Callable[[str], str]
    """A column or table name, folded and quoted."""
    place: Callable[[str], str]
    """`<schema>.<table>` as readers know it → where it is read now."""

    def table(self, dataset: str) -> str:
        """A dataset, as it is written after FROM."""
        return ".".join(self.quote(part) for part in self.place(dataset).split(".", 1))


def failing_rows(test: DeclaredTest, dialect: Dialect) -> str:
    """A SELECT with one row per failing row, in the form that GX's `unexpected_rows_query` takes.

    `test.type` is one of QUERIES. Raises ConfigurationError for an argument that is missing.
    """
    return for_gx(QUERIES[test.type](test, dialect, "1"))


def rows_themselves(test: DeclaredTest, dialect: Dialect, table: str) -> str:
    """A SELECT of the failing rows with all of their columns, to be run as it is.

    `table` is what stands after FROM. `test.type` is one of QUERIES; raises as `failing_rows` does.
    """
    return QUERIES[test.type](test, dialect, "checked.*").replace(BATCH, table)


def argument(test: DeclaredTest, name: str) -> Any:
    """An argument of the declared test. Raises ConfigurationError if it has none of that name."""
    if test.kwargs.get(name) in (None, [], ()):
        raise ConfigurationError(
            f"check {test.check_id}", f"its argument {name} is missing or empty", "correct the test in dbt's YAML"
        )
    return test.kwargs[name]


def column_of(test: DeclaredTest) -> str:
    """The tested column. Raises ConfigurationError for a test that is declared on the table."""
    if not test.column:
        raise ConfigurationError(
            f"check {test.check_id}", f"a test of type {test.type} needs a column", "declare it under a column"
        )
    return test.column


def literal(value: object) -> str:
    """A value as SQL text. A backslash is an escape on Snowflake and none on DuckDB, so it goes through CHR."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, str | date):
        parts = ("'" + part.replace("'", "''") + "'" for part in str(value).split("\\"))
        return " || CHR(92) || ".join(parts)
    raise ConfigurationError(f"value {value!r}", f"a {type(value).__name__} cannot be compared in SQL", "use text")


def for_gx(sql: str) -> str:
    """Escape what GX and SQLAlchemy read as their own: braces as fields, `:name` as a bound value."""
    sql = re.sub(r"(?<![:\w])(:[\w$]+)(?![:\w$])", r"\\\1", sql.replace("{", "{{").replace("}", "}}"))
    return sql.replace(BATCH, "{batch}")


def _checked(test: DeclaredTest) -> str:
    where = test.kwargs.get("where")
    return f"(select * from {BATCH}" + (f" where ({where}\n)" if where else "") + ") as checked"


def _not_null(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    return f"select {columns} from {_checked(test)} where {dialect.quote(column_of(test))} is null"


def _unique(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    column = dialect.quote(column_of(test))
    return (
        f"select {columns} from {_checked(test)} where {column} is not null "
        f"qualify count(*) over (partition by {column}) > 1"
    )


def _unique_combination(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    together = ", ".join(dialect.quote(c) for c in argument(test, "combination_of_columns"))
    return f"select {columns} from {_checked(test)} qualify count(*) over (partition by {together}) > 1"


def _accepted_values(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    quoted = test.kwargs.get("quote", True)
    values = [literal(str(v)) if quoted else str(v) for v in argument(test, "values")]
    return f"select {columns} from {_checked(test)} where {dialect.quote(column_of(test))} not in ({', '.join(values)})"


def _relationships(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    child, parent = (
        f"checked.{dialect.quote(column_of(test))}",
        f"parent.{dialect.quote(str(argument(test, 'field')))}",
    )
    return (
        f"select {columns} from {_checked(test)} where {child} is not null and not exists "
        f"(select 1 from {dialect.table(str(argument(test, 'to')))} as parent where {parent} = {child})"
    )


def _expression_is_true(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    subject = f"{dialect.quote(test.column)} " if test.column else ""  # on a column: what follows its name
    return f"select {columns} from {_checked(test)} where not ({subject}{argument(test, 'expression')}\n)"


def _share_below(test: DeclaredTest, dialect: Dialect, columns: str) -> str:
    return f"select {columns} from {_checked(test)} where ({argument(test, 'condition')}\n)"


QUERIES: Mapping[str, Callable[[DeclaredTest, Dialect, str], str]] = {
    "not_null": _not_null,
    "unique": _unique,
    "unique_combination": _unique_combination,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "expression_is_true": _expression_is_true,
    "share_below": _share_below,
}
