"""What the rows of a trial tell of their columns: which could be a key, and in which order a date is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec
from blocks.sources.naming import bronze_names, literal, quote

if TYPE_CHECKING:
    import duckdb

_NAMED_KEY = re.compile(r"(^|_)(id|uuid|guid|key|sku)$")
_DATE = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})(?:\D|$)"
MOST_COLUMNS = 200


def keys(duck: duckdb.DuckDBPyConnection, columns: Sequence[ColumnSpec], stream: str) -> list[str]:
    """Columns of table `r` that are named like its key, and filled and different in each of its rows."""
    singular = stream.removesuffix("s")
    scalar = [c.name for c in columns if c.type != "JSON"]
    named = [n for n in ("id", "uuid", "guid", f"{stream}_id", f"{singular}_id") if n in scalar]
    # Any other column named like a key may be that of another table, unless it is the first one.
    named += [n for n in scalar[:1] if _NAMED_KEY.search(n) and n not in named]
    found = []
    for name in named:
        row = duck.execute(f"SELECT count(*), count(DISTINCT {quote(name)}) FROM r").fetchone()
        rows, distinct = row if row else (0, 0)
        if rows > 1 and rows == distinct:
            found.append(name)
    return found


def duplicates(duck: duckdb.DuckDBPyConnection, key: Sequence[str]) -> int:
    """Rows of table `r` that repeat a key, or lack it."""
    if not key:
        return 0
    cells = ", ".join(map(quote, bronze_names(key)))
    row = duck.execute(
        f"SELECT (SELECT count(*) FROM r) - (SELECT count(*) FROM (SELECT DISTINCT {cells} FROM r "
        f"WHERE {' AND '.join(f'{quote(n)} IS NOT NULL' for n in bronze_names(key))}))"
    ).fetchone()
    return int(row[0]) if row else 0


def date_orders(duck: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[str, str]:
    """Column → `dmy` or `mdy` where its values allow only that, empty where they allow both or contradict.

    Only columns of which most filled values are dates of that form are told of.
    """
    found = {}
    for name in columns[:MOST_COLUMNS]:
        one, three = (f"TRY_CAST(regexp_extract({quote(name)}, {literal(_DATE)}, {n}) AS INTEGER)" for n in (1, 2))
        row = duck.execute(
            f"SELECT count(*), count(one), count(*) FILTER (one > 12 AND three <= 12), "
            f"count(*) FILTER (three > 12 AND one <= 12) "
            f"FROM (SELECT {one} AS one, {three} AS three FROM r WHERE trim({quote(name)}) <> '')"
        ).fetchone()
        filled, dates, day_first, month_first = row if row else (0, 0, 0, 0)
        if not dates or 2 * dates < filled:
            continue
        found[name] = "dmy" if day_first and not month_first else "mdy" if month_first and not day_first else ""
    return found
