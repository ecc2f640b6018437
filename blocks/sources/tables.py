"""Records that a converter made into Parquet tables beside the landed file: XML, documents.

What a converter gives, and how it is read as one SELECT. How a format is converted is in the module of the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RAW_LIMIT = 64 << 10
"""Bytes of a raw text that the quarantine keeps; of what is longer it has the range in the landed file (contract)."""


FILE = "$file"
"""The column of the number of the file that a row is in; no column of a source can have a dollar sign in its name."""


@dataclass(frozen=True)
class Fault:
    """A unit of a file that cannot be read: a record, a broken tail, the whole file."""

    reason_code: str
    reason: str
    at: str = ""
    """Where in the file: `:12` (a line), `#3` (a record), empty for the whole file."""
    byte_from: int | None = None
    byte_to: int | None = None
    raw: str | None = None


@dataclass(frozen=True)
class Converted:
    """One landed file as tables. Columns have their bronze names and DuckDB's types.

    Every table has `_record` BIGINT, the number of its row in the file, from 1. A child table has `_parent` BIGINT,
    the `_record` of the row of its parent that it belongs to, and `_index` BIGINT, its place among the children of
    that row, from 0.
    """

    tables: Mapping[str, Path]
    """Parquet files by table: `""` are the records, a child table has its own name."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """Child table → the table that it belongs to."""
    faults: Sequence[Fault] = ()
    file: int | None = None
    """Where several files share the tables: the number that rows of this one have in `FILE`, the first column."""
