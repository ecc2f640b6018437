"""Which columns of two sides belong together, and as what they are compared. No query here."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from blocks.diff.sides import OURS, Side
from blocks.diff.values import Column, Kind, check_comparable, checksum, kind_of, style_of, together
from blocks.sources.naming import bronze_names, quote
from governance.errors import ConfigurationError


@dataclass(frozen=True)
class Pair:
    """A column that both sides have."""

    name: str
    columns: tuple[Column, Column]
    kind: Kind

    @property
    def is_whole(self) -> bool:
        """Whether both sides store an integer."""
        return self.kind.name == "integer" and all(kind_of(c.type) == self.kind and not c.parsed for c in self.columns)


@dataclass(frozen=True)
class Match:
    """The sides, and what is compared of them."""

    sides: tuple[Side, Side]
    key: Sequence[Pair]
    pairs: Sequence[Pair]
    """But for the key."""
    only: tuple[Sequence[str], Sequence[str]]
    """Columns that one side alone has."""
    apart: Sequence[str]
    """Columns that both have, and that cannot be compared between these engines."""
    where: tuple[str, str]
    style: str

    def text(self, side: int, pair: Pair) -> str:
        """SQL of a value's text."""
        return self.sides[side].language.text(pair.columns[side], pair.kind)

    def checksum(self, side: int, pairs: Sequence[Pair]) -> str:
        """SQL of the checksum of a row's values."""
        same = frozenset(p.name for p in pairs if p.columns[0].type == p.columns[1].type and _is_itself(p))
        cells = [(p.columns[side], p.kind) for p in pairs]
        return checksum(self.sides[side].language, cells, self.style, same)

    def source(self, side: int, *conditions: str) -> str:
        """FROM and WHERE."""
        wanted = " AND ".join(f"({c})" for c in (self.where[side], *conditions) if c)
        return f"{self.sides[side].relation} WHERE {wanted or 'true'}"


def match(
    a: Side, b: Side, key: Sequence[str], columns: Sequence[str], exclude: Sequence[str], where: str
) -> Match:  # fmt: skip
    """Bronze's own columns are left out, and its rows that the source deleted where the other side has no such mark.

    Raises ConfigurationError for a column that is not in both, and for a key that cannot be compared.
    """
    sides = (a, b)
    have = tuple({c.name: c for c in side.columns} for side in sides)
    languages = {side.language.name for side in sides}
    key, columns, exclude = ([_called(n, have) for n in names] for names in (key, columns, exclude))
    for name in (*key, *columns, *exclude):
        _check(name, sides, have, both=name not in exclude)
    ours = {n for n in {**have[0], **have[1]} if OURS.match(n)} - {*columns, *key}
    left = {*ours, *exclude}
    names = [n for n in columns or have[0] if n in have[1] and n not in left and n not in key]
    kinds = {n: together(have[0][n], have[1][n], languages) for n in (*key, *names)}

    def pair(name: str, kind: Kind) -> Pair:
        return Pair(name, (have[0][name], have[1][name]), kind)

    deleted = ["" if "_deleted_at" in other else _present(here) for here, other in (have, have[::-1])]
    return Match(
        sides,
        [pair(n, check_comparable(kinds[n], have[0][n], have[1][n])) for n in key],
        [pair(n, kind) for n in names if (kind := kinds[n])],
        tuple(
            [n for n in here if n not in other and n not in left and not columns] for here, other in (have, have[::-1])
        ),  # type: ignore[arg-type]
        [n for n in names if kinds[n] is None],
        tuple(" AND ".join(f"({c})" for c in (where, d) if c) for d in deleted),  # type: ignore[arg-type]
        style_of(languages),
    )


def _called(name: str, have: tuple[dict[str, Column], ...]) -> str:
    """A column's name as bronze has it, of that or of the one that it has in its table."""
    known = [column for side in have for column in side.values()]
    if any(c.name == name for c in known):
        return name
    own = next((c.name for c in known if c.sql == quote(name)), "")
    folded = "".join(bronze_names([name]))
    return own or (folded if any(c.name == folded for c in known) else name)


def _present(columns: dict[str, Column]) -> str:
    mark = columns.get("_deleted_at")
    return f"{mark.sql} IS NULL" if mark else ""


def _is_itself(pair: Pair) -> bool:
    """Whether values of one type are equal just where their texts are."""
    nested = pair.kind.name == "text" and pair.columns[0].type not in ("VARCHAR", "UUID")
    return not nested and pair.kind.name not in ("float", "rounded") and not pair.columns[0].parsed


def _check(name: str, sides: tuple[Side, Side], have: tuple[dict[str, Column], ...], both: bool) -> None:
    without = [side.label for side, columns in zip(sides, have, strict=True) if name not in columns]
    if not without or (not both and len(without) == 1):
        return
    known = [n for n in have[0] if n in have[1]]
    near = difflib.get_close_matches(name.lower(), known, 1, 0.5)
    both_have = f"both have {', '.join(known[:30])}" if known else "compare tables that have columns of the same name"
    remedy = f"did you mean {near[0]}?" if near else both_have
    raise ConfigurationError(f"column {name}", f"it is not in {' nor in '.join(without)}", remedy)
