"""What a table holds, in numbers: one SELECT over it, which both warehouses read.

No value of a text leaves the warehouse, and of a personal column none at all: of those there are counts. Whoever
publishes the rows writes the profile to the ledger.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from blocks.sources.naming import quote
from blocks.warehouses.dialect import portions
from governance.errors import HallmarkError
from governance.model import ColumnProfile, Profile
from governance.protection import Protection

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

LOG = logging.getLogger("hallmark")
SHARES = (0.25, 0.5, 0.75)
_NUMBER = re.compile(
    r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|INT|FLOAT|DOUBLE|REAL|(DECIMAL|NUMBER|NUMERIC)(\(\d+,\s*\d+\))?"
)
_TIME = re.compile(r"DATE|(TIME|TIMESTAMP|TIMESTAMP_\w+)(\(\d+\))?( WITH(OUT)? TIME ZONE)?")
_COUNTED = re.compile(r"(VARCHAR|TEXT|BINARY)(\(\d+\))?|BOOLEAN|BLOB|UUID")
Cell = tuple[str, str, str]
"""Column, what of it (`count`, `distinct`, `mean`, `min`, `max`, or a share of SHARES), the SQL."""


def profile(
    warehouse: SqlWarehouse, schema: str, table: str, columns: Mapping[str, str], declared: Protection
) -> Profile | None:
    """The profile of these columns (name → type, as the warehouse or the engine has it) of a table or view.

    None, and a line in the log, where the warehouse cannot make it: the data do not wait for it.
    """
    import duckdb

    personal = declared.personal_of(columns)
    cells = [cell for name, type_ in columns.items() for cell in _cells(warehouse, name, type_, name in personal)]
    found: dict[tuple[str, str], Any] = {}
    rows = 0
    try:
        for some in list(portions(cells)) or [[]]:  # of one table with thousands of columns more than one
            listed = ", ".join(["count(*)", *(sql for _, _, sql in some)])
            [(rows, *values)] = warehouse.execute(f"SELECT {listed} FROM {schema}.{quote(table)}")
            found |= dict(zip(((name, what) for name, what, _ in some), values, strict=True))
    except (HallmarkError, duckdb.Error) as error:  # its text may hold a value
        LOG.warning("%s.%s: it has no profile: %s", schema, table, type(error).__name__)
        return None
    return Profile(rows=int(rows), columns=tuple(_column(name, int(rows), found) for name in columns))


def _cells(warehouse: SqlWarehouse, name: str, type_: str, personal: bool) -> Iterator[Cell]:
    """What is asked of a column. Lists, JSON and whatever else cannot be put in order are counted only."""
    column = quote(name)
    yield name, "count", f"count({column})"
    is_number, is_time = _NUMBER.fullmatch(type_), _TIME.fullmatch(type_)
    if is_number or is_time or _COUNTED.fullmatch(type_):
        yield name, "distinct", f"approx_count_distinct({column})"
    if personal or not (is_number or is_time):
        return
    for end in ("min", "max"):
        yield name, end, f"CAST({end}({column}) AS VARCHAR)"
    if is_number:
        number = f"CAST({column} AS DOUBLE)"  # the sum of large numbers is none of their own type
        yield name, "mean", f"avg({number})"
        for share, sql in zip(SHARES, warehouse.dialect.quantiles(number, SHARES), strict=True):
            yield name, str(share), sql


def _column(name: str, rows: int, found: Mapping[tuple[str, str], Any]) -> ColumnProfile:
    there = int(found[name, "count"])
    distinct = found.get((name, "distinct"))
    smallest, largest = found.get((name, "min")), found.get((name, "max"))
    shares = [found.get((name, str(share))) for share in SHARES]
    is_whole = smallest is not None and largest is not None and None not in shares
    return ColumnProfile(
        name=name, nulls=rows - there, distinct=None if distinct is None else min(int(distinct), there),
        mean=_finite(found.get((name, "mean"))), min=smallest, max=largest,
        quantiles=(smallest, *map(_number, shares), largest) if is_whole else (),
    )  # fmt: skip


def _finite(value: Any) -> float | None:
    """JSON has no word for NaN."""
    return float(value) if value is not None and math.isfinite(value) else None


def _number(value: Any) -> str:
    return f"{float(value):.15g}"
