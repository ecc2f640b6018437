"""Two tables compared row by row, by checksums of ranges of their key: what is equal is read once and never moved.

`values.py` says what a value is compared as, `languages.py` how each engine writes that, `sides.py` what is opened.
`match.py` finds the columns of both; `ranges.py` which ranges of the key differ; `rows.py` the rows in them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from blocks.diff import ranges, rows
from blocks.diff.match import Match, match
from blocks.diff.sides import Side
from governance.errors import ConfigurationError

__all__ = ["Found", "Wanted", "compare"]
LOG = logging.getLogger("hallmark")


@dataclass(frozen=True)
class Wanted:
    """What is to be compared."""

    key: Sequence[str]
    columns: Sequence[str] = ()
    """Only these; all that both have if none is given."""
    exclude: Sequence[str] = ()
    where: str = ""
    """SQL that both sides understand."""
    limit: int = 1000
    """Rows of the differences that are shown; all are counted."""
    personal: Mapping[str, str] = field(default_factory=dict)
    """Column → kind, of those whose values are masked."""


@dataclass(frozen=True)
class Found:
    """What came of it."""

    rows_a: int
    rows_b: int
    only_a: int
    only_b: int
    changed: int
    rows: list[dict[str, object]]
    """{key, kind, column, a, b}: of a changed row one for each column, of one that is on one side only just one."""
    shown: int
    """Rows of the tables that these are about."""
    matched: Match

    @property
    def equal(self) -> bool:
        """Whether no row differs, and neither side has a column that the other one has not."""
        return not (self.only_a or self.only_b or self.changed or any(self.matched.only))


def compare(a: Side, b: Side, wanted: Wanted) -> Found:
    """Compare two sides.

    Raises ConfigurationError for a key that is NULL in a row, or in differing ranges not unique, and for a `where`
    that a side cannot read.
    """
    matched = match(a, b, wanted.key, wanted.columns, wanted.exclude, wanted.where)
    if wanted.where:
        _check_where(matched)
    LOG.info("comparing %d columns by %s", len(matched.pairs), ", ".join(wanted.key))
    parts = ranges.differing(matched)
    LOG.info("%d and %d rows; %d of %d ranges differ", *parts.rows, len(parts.found), parts.made)
    with rows.Differences(matched) as differences:
        counts = differences.look(parts)
        shown, cells = differences.cells(wanted.limit, wanted.personal)
    return Found(*parts.rows, *counts, cells, shown, matched)


def _check_where(matched: Match) -> None:
    for number, side in enumerate(matched.sides):
        try:
            side.rows(f"SELECT 1 FROM {matched.source(number)} LIMIT 0")
        except ConfigurationError as error:
            cause = f"{side.label} cannot read it: {error.cause}"
            raise ConfigurationError("--where", cause, "write SQL of columns that both sides have") from None
