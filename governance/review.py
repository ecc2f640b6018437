"""What a change of the dbt project does, as types: to the rows of its models, to their contracts, and to whom.

Only data and what follows from two manifests. Building and comparing is in `flows/review.py`, the text that people read
in `review_comment.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from governance.contract_changes import ContractChange
from governance.manifest import datasets, table_edges
from governance.model import Frozen
from governance.oncall import Ownership


class Cell(Frozen):
    """A value that is another one after the change; personal ones are masked."""

    key: str
    column: str = ""
    """Empty for a row that one side alone has."""
    before: str | None
    after: str | None


class TableReview(Frozen):
    """A table as the base builds it, and as the change does."""

    dataset: str
    owner: str
    how: Literal["modified", "downstream", "new", "gone"]
    """Whether its own declaration changed, or that of something that it is made of."""
    key: tuple[str, ...] = ()
    rows_before: int | None = None
    rows_after: int | None = None
    only_before: int | None = None
    """Rows by their key; None where none was compared."""
    only_after: int | None = None
    changed: int | None = None
    columns_gone: tuple[str, ...] = ()
    columns_new: tuple[str, ...] = ()
    note: str = ""
    """Why the rows were not compared."""
    examples: tuple[Cell, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether it was compared and no row and no column differs."""
        compared = self.changed is not None and not self.note
        same = not (self.only_before or self.only_after or self.changed or self.columns_gone or self.columns_new)
        return compared and same


class Reader(Frozen):
    """A dataset or dashboard downstream of what breaks, and who is to hear of it."""

    name: str
    owner: str
    channel: str
    of: tuple[str, ...]
    """The datasets that break it, or may."""


class Review(Frozen):
    """All that is said of a change."""

    base: str
    """The commit that it was compared with."""
    data: bool
    """Whether the models were built and compared."""
    tables: tuple[TableReview, ...] = ()
    changes: tuple[ContractChange, ...] = ()
    readers: tuple[Reader, ...] = ()
    failure: str = ""
    """Why the change could not be built."""

    @property
    def breaking(self) -> tuple[ContractChange, ...]:
        """What breaks a contract."""
        return tuple(c for c in self.changes if c.breaking)

    @property
    def undeclared(self) -> tuple[ContractChange, ...]:
        """Of that, what the contract itself does not declare."""
        return tuple(c for c in self.breaking if not c.declared)


def readers_of(
    broken: Iterable[str], manifests: Iterable[Mapping[str, Any]], ownership: Ownership
) -> tuple[Reader, ...]:
    """Everything downstream of these datasets, in any of the manifests: a change may also drop an edge."""
    below: dict[str, set[str]] = {}
    owners: dict[str, str] = {}
    for manifest in manifests:
        owners |= {d.name: d.owner for d in datasets(manifest)}
        for edge in table_edges(manifest):
            below.setdefault(edge.source, set()).add(edge.target)
    found: dict[str, list[str]] = {}
    for start in sorted(set(broken)):
        for name in _reached(below, start):
            found.setdefault(name, []).append(start)
    return tuple(
        Reader(name=name, owner=team.name, channel=team.slack, of=tuple(of))
        for name, of in sorted(found.items())
        for team in [ownership.team_of(name, owners.get(name))]
    )


def _reached(below: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found: set[str] = set()
    front = [start]
    while front:
        new = set(below.get(front.pop(), ())) - found - {start}
        found |= new
        front += new
    return found
