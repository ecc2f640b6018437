"""What happens when the shape of a stream changes: a pure decision, the same on every warehouse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from blocks.sources.base import ColumnSpec
from governance.errors import SchemaError

_INTEGERS = ("SMALLINT", "INTEGER", "BIGINT")
_WIDER_ELSEWHERE = {
    ("SMALLINT", "DOUBLE"), ("INTEGER", "DOUBLE"), ("BIGINT", "DOUBLE"), ("FLOAT", "DOUBLE"),
    ("DATE", "TIMESTAMP"), ("DATE", "TIMESTAMP WITH TIME ZONE"), ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """The columns of bronze after a load, and how the incoming ones get there."""

    columns: Sequence[ColumnSpec]
    """All columns that the stream has from now on."""
    source_of: dict[str, str] = field(default_factory=dict)
    """bronze column → incoming column."""
    parted: Sequence[str] = ()
    """Incoming columns of JSON that bronze has as text: only what is nested goes to the column of JSON."""
    added: Sequence[ColumnSpec] = ()
    widened: Sequence[ColumnSpec] = ()
    extra: Sequence[str] = ()
    """Incoming columns that `discard` drops, or whose rows `freeze` quarantines; of those of `parted` the nested."""
    changes: Sequence[str] = ()


def evolve(
    where: str,
    known: Sequence[ColumnSpec] | None,
    incoming: Sequence[ColumnSpec],
    policy: str,
    *,
    optional: bool = False,
) -> Shape:
    """Decide by the stream's schema policy.

    Raises SchemaError for a column that vanished or changed incompatibly, under any policy. A column that is
    `optional` does not vanish: a key of JSON or an element of XML may be absent from a file.
    """
    if known is None:
        return Shape(tuple(incoming), {c.name: c.name for c in incoming}, added=tuple(incoming))
    stream = where.removeprefix("stream ").partition("__")[0]  # a child table is its stream's
    remedy = f"restore it in the source, or take the new shape: `hallmark stream accept {stream}`"
    have = {c.name: c.type for c in known}
    names = {c.name for c in incoming}
    gone = [] if optional else [c.name for c in known if not {c.name, _beside_of(c)} & names]
    if gone:
        raise SchemaError(
            where, f"column {', '.join(gone)} vanished from the source",
            remedy,
        )  # fmt: skip
    added: list[ColumnSpec] = []
    widened: list[ColumnSpec] = []
    extra: list[str] = []
    changes: list[str] = []
    parted: list[str] = []
    source_of: dict[str, str] = {}
    for column in incoming:
        old = have.get(column.name)
        if old == column.type or (old and _narrower(column.type, old)):
            source_of[column.name] = column.name
            continue
        if old is None and policy != "evolve":
            extra.append(column.name)
            continue
        if old is None:
            target = column
        elif _widens(old, column.type):
            widened.append(column)
            source_of[column.name] = column.name
            changes.append(f"column {column.name} widened from {old} to {column.type}")
            continue
        elif (old, column.type) == ("VARCHAR", "JSON") and policy != "discard":
            target = _beside(column)
            parted.append(column.name)
            source_of[column.name] = column.name
        elif policy != "discard" and (_holds_all(column.type, old) or (old, column.type) in _WIDER_ELSEWHERE):
            target = _beside(column)
        else:
            raise SchemaError(
                where, f"column {column.name} changed from {old} to {column.type}",
                remedy,
            )  # fmt: skip
        if target.name != column.name and (target.name in names or have.get(target.name, target.type) != target.type):
            raise SchemaError(
                where, f"column {column.name} changed from {old} to {column.type}, and its values cannot go to "
                f"{target.name}, which is a column of its own",
                remedy,
            )  # fmt: skip
        if target.name not in have and policy != "evolve":
            extra.append(column.name)
            continue
        source_of[target.name] = column.name
        if target.name not in have:
            added.append(target)
            changes.append(f"column {target.name} ({target.type}) added")
    types = {c.name: c for c in (*known, *added, *widened)}
    return Shape(
        tuple(types.values()), source_of, tuple(parted), tuple(added), tuple(widened), tuple(extra), tuple(changes)
    )


def _beside(column: ColumnSpec) -> ColumnSpec:
    """Another column for values of a type that a column cannot be widened to."""
    suffix = re.sub(r"[^a-z0-9]+", "_", column.type.lower()).strip("_")
    return ColumnSpec(f"{column.name}__{suffix}", column.type)


def _beside_of(column: ColumnSpec) -> str:
    """The column that one was made for by `_beside`; empty for one of the source."""
    base = column.name.rpartition("__")[0]
    return base if base and _beside(ColumnSpec(base, column.type)).name == column.name else ""


def _holds_all(new: str, old: str) -> bool:
    """Whether a type takes all values of another, though no warehouse changes a column to it."""
    return new == "VARCHAR" or bool(_digits(old) and _digits(new))


def _digits(type_: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", type_)
    return (int(found[1]) - int(found[2]), int(found[2])) if found else None


def _widens(old: str, new: str) -> bool:
    """Whether both warehouses can widen the column in place."""
    if old in _INTEGERS and new in _INTEGERS:
        return _INTEGERS.index(new) > _INTEGERS.index(old)
    a, b = _digits(old), _digits(new)
    return bool(a and b and b[0] >= a[0] and b[1] == a[1])


def _narrower(new: str, old: str) -> bool:
    """Whether every value of the incoming type fits the column as it is."""
    return _widens(new, old)
