"""Names and hashes of bronze columns, the same for every kind of source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from blocks.sources.base import RESERVED, ColumnSpec


def bronze_names(names: Iterable[str]) -> list[str]:
    """Column names as bronze holds them: lower case, `[^a-z0-9_]` → `_`, clashes `_2`, blank → `column_N`."""
    taken: set[str] = set(RESERVED)
    result = []
    for number, name in enumerate(names, 1):
        base = re.sub(r"[^a-z0-9_]", "_", name.strip().lower()) or f"column_{number}"
        chosen, count = base, 1
        while chosen in taken:
            count += 1
            chosen = f"{base}_{count}"
        taken.add(chosen)
        result.append(chosen)
    return result


def quote(name: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def glob_escape(path: str) -> str:
    """A path that DuckDB reads literally, though it holds `[`, `*` or `?`."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def row_hash(columns: Sequence[ColumnSpec]) -> str:
    """SQL of `_row_hash`: md5 over `name=value` of the columns that are not NULL.

    A new column that is NULL leaves the hash as it was, so that adding one does not change every row.
    """
    named = [(literal(c.name + "="), f"CAST({quote(c.name)} AS VARCHAR)") for c in columns]
    parts = ", ".join(f"{name} || {value}" for name, value in named)
    full = " AND ".join(f"{quote(c.name)} IS NOT NULL" for c in columns)
    # The same text for a row without a NULL, made in one step rather than in one for each column.
    at_once = ", chr(31), ".join(f"{name}, {value}" for name, value in named)
    return f"md5(CASE WHEN {full} THEN concat({at_once}) ELSE concat_ws(chr(31), {parts}) END)"
