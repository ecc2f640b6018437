"""Landed parts as SQL: what a reader gives to the warehouse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from blocks.sources.base import ColumnSpec, Reject

if TYPE_CHECKING:
    import duckdb


class Extract(Protocol):
    """Landed parts as SQL."""

    @property
    def children(self) -> Mapping[str, Extract]:
        """Tables that the records have within them, by name; rows name their parent by `_parent_id`."""
        ...

    @property
    def optional(self) -> bool:
        """Whether a column may be absent from a file, as a key of JSON may."""
        ...

    @property
    def columns(self) -> Sequence[ColumnSpec]:
        """What the SELECT gives, before the load's own columns."""
        ...

    @property
    def content(self) -> str | None:
        """A column of the SELECT that goes into the row's hash only: what its child tables hold."""
        ...

    @property
    def keys_sql(self) -> str | None:
        """A SELECT of the key columns of every row that the source has now, where deletes are found by key."""
        ...

    @property
    def sql(self) -> str:
        """A DuckDB SELECT of the columns, then `_load_id` and `_source_position` (unique in the load)."""
        ...

    @property
    def selects(self) -> Sequence[str]:
        """The same as several, each of not too many files: what one costs grows faster than they do."""
        ...

    @property
    def tables(self) -> Mapping[str, Sequence[str]]:
        """Tables of the warehouse that hold rows already, as bronze will, with the columns of each."""
        ...

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """Rows that the SELECT passed over; called after it ran on the same connection."""
        ...


class Single(ABC):
    """An extract that is one SELECT, of however many files."""

    tables: Mapping[str, Sequence[str]] = MappingProxyType({})

    @property
    @abstractmethod
    def sql(self) -> str:
        """See `Extract`."""

    @property
    def selects(self) -> Sequence[str]:
        """Just the one."""
        return (self.sql,)


class Flat(Single):
    """What an extract is not unless it says so: one with child tables, absent columns, or keys of its own."""

    children: Mapping[str, Extract] = MappingProxyType({})
    optional = False
    content: str | None = None
    keys_sql: str | None = None
