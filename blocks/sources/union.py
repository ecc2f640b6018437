"""Several extracts of one stream as one: files of several formats, and what could not be read at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec, Reject
from blocks.sources.extracts import Extract
from blocks.sources.naming import quote

if TYPE_CHECKING:
    import duckdb

LOADED = ("_load_id", "_source_position")


def in_common(columns: Sequence[Sequence[ColumnSpec]]) -> list[ColumnSpec]:
    """The columns of several, in order; one that has two types in them is text."""
    found: dict[str, ColumnSpec] = {}
    for column in (c for some in columns for c in some):
        old = found.setdefault(column.name, column)
        if old.type != column.type:
            found[column.name] = ColumnSpec(column.name, "VARCHAR", column.origin)
    return list(found.values())


class UnionExtract:
    """The rows of all extracts; a column that has two types in them is text."""

    keys_sql: str | None = None
    tables: Mapping[str, Sequence[str]] = MappingProxyType({})

    def __init__(self, extracts: Sequence[Extract], faults: Sequence[Reject] = ()) -> None:
        self.extracts, self.faults = extracts, faults
        self.content = next((e.content for e in extracts if e.content), None)

    @property
    def optional(self) -> bool:
        """Whether any of them has columns that may be absent."""
        return any(e.optional for e in self.extracts)

    @cached_property
    def columns(self) -> Sequence[ColumnSpec]:
        """The columns of all, in order."""
        return in_common([e.columns for e in self.extracts])

    @cached_property
    def children(self) -> dict[str, Extract]:
        """The child tables of all, by name."""
        names = dict.fromkeys(name for e in self.extracts for name in e.children)
        return {n: UnionExtract([e.children[n] for e in self.extracts if n in e.children]) for n in names}

    @cached_property
    def sql(self) -> str:
        """One SELECT of all."""
        return " UNION ALL BY NAME ".join(f"({select})" for select in self.selects)

    @cached_property
    def selects(self) -> Sequence[str]:
        """One of each extract, with the columns of all."""
        nothing = ", ".join([*self._cells(None), *(f"'' AS {name}" for name in LOADED)])
        found = [f"SELECT {', '.join([*self._cells(e), *LOADED])} FROM ({e.sql})" for e in self.extracts]
        return found or [f"SELECT {nothing} WHERE false"]

    def _cells(self, extract: Extract | None) -> list[str]:
        """All columns, of which an extract has some; those of another type in the union as text."""
        have = {c.name: c.type for c in extract.columns} if extract else {}
        cells = []
        for name, type_ in ((c.name, c.type) for c in self.columns):
            value = quote(name) if name in have else "NULL"
            cells.append(f"{value if have.get(name) == type_ else f'CAST({value} AS {type_})'} AS {quote(name)}")
        if self.content:
            cells.append(f"{(extract and extract.content) or 'NULL'} AS {self.content}")
        return cells

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """The rejects of all, and what no extract could begin with."""
        return [*self.faults, *(r for e in self.extracts for r in e.rejects(connection))]
