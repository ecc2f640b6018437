"""Which ranges of the key differ: the rows and the checksum of each, counted where the rows are.

Ranges of one integer are ranges of its values, so that the rows of one can be found by an index or by the zones of
columns; a range with many rows is cut again. Of any other key they are ranges of its checksum.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from blocks.diff.match import Match
from governance.errors import ConfigurationError

LOG = logging.getLogger("hallmark")
ROWS, MOST = 150, 1 << 16
"""Rows that a range should have, and ranges that there are at most."""
FULL, AGAIN = 20_000, 32
"""A range with more rows is cut again, as long as there are no more such ranges."""
CONDITIONS = 200
"""Ranges that a statement names; of more the nearest are taken together, with what is between them."""
_BIGINT = 1 << 62
Got = TypeVar("Got")


@dataclass(frozen=True)
class Range:
    """From `low` up to `high`, which it has not; of the key, or of its checksum modulo the number of ranges."""

    low: int
    high: int


@dataclass(frozen=True)
class Ranges:
    """What was found."""

    rows: tuple[int, int]
    found: Sequence[Range]
    made: int
    modulo: int
    """0 for ranges of the key itself."""
    width: int = 0
    """Of such ranges, if all have the same."""

    def conditions(self, matched: Match) -> tuple[str, str]:
        """SQL that is true of the rows in the differing ranges of each side, and of few others."""
        if self.modulo and len(self.found) > CONDITIONS:
            return "", ""
        return self._condition(matched, 0), self._condition(matched, 1)

    def _condition(self, matched: Match, side: int) -> str:
        nearest = _nearest(self.found)
        ends = _clause(matched, side, 0, [Range(nearest[0].low, nearest[-1].high)])
        if self.width and len(nearest) == len(self.found) and matched.sides[side].language.name == "duckdb":
            # It has no index that many ranges would need, and goes through each of them for every row.
            low = self.found[0].low
            numbers = ", ".join(str((r.low - low) // self.width) for r in self.found)
            return f"{ends} AND {_cut(matched, side, low, self.width)} IN ({numbers})"
        return _clause(matched, side, self.modulo, nearest)


def at_once(work: Callable[[int], Got]) -> tuple[Got, Got]:
    """The same for both sides, at the same time."""
    with ThreadPoolExecutor(2, thread_name_prefix="diff") as pool:
        a, b = pool.map(work, (0, 1))
    return a, b


def differing(matched: Match) -> Ranges:
    """The ranges whose rows are not the same. Raises ConfigurationError for a key that is NULL in a row."""
    whole = len(matched.key) == 1 and matched.key[0].is_whole
    ends = at_once(lambda side: _ends(matched, side, whole))
    counts = ends[0][0], ends[1][0]
    bounds = [end for found in ends for end in found[1:] if end is not None]
    if not any(counts):
        return Ranges(counts, (), 0, 0)
    ranges = max(1, min(MOST, max(counts) // ROWS))
    LOG.info("checksums of %d and %d rows", *counts)
    if not whole or min(bounds) < -_BIGINT or max(bounds) > _BIGINT:
        found, made = _pass(matched, None, ranges)
        return Ranges(counts, [r for r, _ in found], made, ranges)
    todo, done, made = [(Range(min(bounds), max(bounds) + 1), max(counts))], list[Range](), 0
    while todo:
        again: list[tuple[Range, int]] = []
        for part, rows in todo:
            found, number = _pass(matched, part, max(1, min(MOST, rows // ROWS)))
            made += number
            again += found
        full = [(r, n) for r, n in again if n > FULL and r.high - r.low > 1]
        todo = full if len(full) <= AGAIN else []
        done += [r for r, n in again if (r, n) not in todo]
    widths = {r.high - r.low for r in done}
    return Ranges(counts, sorted(done, key=lambda r: r.low), made, 0, widths.pop() if len(widths) == 1 else 0)


def _ends(matched: Match, side: int, whole: bool) -> tuple[int, int | None, int | None]:
    keys = [pair.columns[side].sql for pair in matched.key]
    missing = " OR ".join(f"{k} IS NULL" for k in keys)
    ends = f"min({keys[0]}), max({keys[0]})" if whole else "NULL, NULL"
    sql = (
        f"SELECT count(*), coalesce(sum(CASE WHEN {missing} THEN 1 ELSE 0 END), 0), {ends} FROM {matched.source(side)}"
    )
    [(rows, nulls, low, high)] = matched.sides[side].rows(sql)
    if int(nulls):
        cause = f"{int(nulls)} of {int(rows)} rows of {matched.sides[side].label} have no value in it"
        remedy = " AND ".join(f"{pair.name} IS NOT NULL" for pair in matched.key)
        raise ConfigurationError(
            f"key {', '.join(p.name for p in matched.key)}", cause, f'give another --key, or --where "{remedy}"'
        )
    return int(rows), None if low is None else int(low), None if high is None else int(high)


def _pass(matched: Match, part: Range | None, ranges: int) -> tuple[list[tuple[Range, int]], int]:
    """(range, rows) of those that differ, and how many there are."""
    width = 1 if part is None else -(-(part.high - part.low) // ranges)

    def look(side: int) -> dict[int, tuple[int, int]]:
        cut = _modulo(matched, side, ranges) if part is None else _cut(matched, side, part.low, width)
        condition = "" if part is None else _clause(matched, side, 0, [part])
        cells = f"{cut} AS part, {matched.checksum(side, [*matched.key, *matched.pairs])} AS mark"
        # OFFSET keeps PostgreSQL from sorting all rows: of a part it knows no better than that each row has its own.
        fence = " OFFSET 0" if matched.sides[side].language.name == "postgres" else ""
        sql = f"SELECT part, count(*), sum(mark) FROM (SELECT {cells} FROM {matched.source(side, condition)}{fence}) s"
        return {int(p): (int(n), int(total)) for p, n, total in matched.sides[side].rows(f"{sql} GROUP BY part")}

    a, b = at_once(look)
    low = 0 if part is None else part.low
    found = [
        (Range(low + n * width, low + (n + 1) * width), max(a.get(n, (0, 0))[0], b.get(n, (0, 0))[0]))
        for n in sorted(a.keys() | b.keys())
        if a.get(n) != b.get(n)
    ]
    return found, len(a.keys() | b.keys())


def _modulo(matched: Match, side: int, ranges: int) -> str:
    return f"mod({matched.checksum(side, matched.key)}, {ranges})"


def _cut(matched: Match, side: int, low: int, width: int) -> str:
    key, name = matched.key[0].columns[side], matched.sides[side].language.name
    above = f"(CAST({key.sql} AS {'NUMBER(38, 0)' if name == 'snowflake' else 'BIGINT'}) - ({low}))"
    # Snowflake's division rounds.
    return {"duckdb": f"{above} // {width}", "postgres": f"{above} / {width}"}.get(
        name, f"({above} - mod({above}, {width})) / {width}"
    )


def _clause(matched: Match, side: int, modulo: int, ranges: Sequence[Range]) -> str:
    if modulo:
        return f"{_modulo(matched, side, modulo)} IN ({', '.join(str(r.low) for r in ranges)})"
    sql = matched.key[0].columns[side].sql
    return " OR ".join(f"{sql} >= {r.low} AND {sql} < {r.high}" for r in ranges)


def _nearest(ranges: Sequence[Range]) -> list[Range]:
    """As few as a statement takes: those with the narrowest gaps between them become one."""
    if len(ranges) <= CONDITIONS:
        return list(ranges)
    gaps = sorted(range(1, len(ranges)), key=lambda n: ranges[n].low - ranges[n - 1].high, reverse=True)
    starts = [0, *sorted(gaps[: CONDITIONS - 1]), len(ranges)]
    return list(_between(ranges, starts))


def _between(ranges: Sequence[Range], starts: Sequence[int]) -> Iterator[Range]:
    for begin, end in pairwise(starts):
        yield Range(ranges[begin].low, ranges[end - 1].high)
