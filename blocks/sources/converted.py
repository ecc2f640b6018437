"""Converted files (`tables.py`) as one SELECT, with a SELECT for each of their child tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.sources.base import CHILD, ColumnSpec, Extract, Known, Manifest, Reject
from blocks.sources.naming import glob_escape, literal, quote
from blocks.sources.tables import Converted

if TYPE_CHECKING:
    import duckdb

OWN = ("_record", "_parent", "_index")


class ConvertedExtract:
    """One table of the files: their records, or a child table of them."""

    keys_sql: str | None = None
    optional = True

    def __init__(self, files: Sequence[tuple[Manifest, Converted]], known: Known, table: str = "") -> None:
        self.files, self.known, self.table = files, known, table

    @cached_property
    def children(self) -> dict[str, Extract]:
        """The child tables, where these are the records; with those of bronze, whose rows a new version may end."""
        names = dict.fromkeys(name for _, c in self.files for name in c.tables if name)
        names |= dict.fromkeys(name for name in self.known if name)
        return {} if self.table else {name: ConvertedExtract(self.files, self.known, name) for name in names}

    @property
    def content(self) -> str | None:
        """Of records that have children, the hash of those."""
        return "_content" if self.children else None

    @cached_property
    def _types(self) -> list[dict[str, str]]:
        """column → type of the table, for each file."""
        import duckdb

        with duckdb.connect() as connection:
            return [
                {
                    row[0]: row[1]
                    for row in connection.execute(f"DESCRIBE SELECT * FROM {_scan(c.tables[self.table])}").fetchall()
                }
                if self.table in c.tables
                else {}
                for _, c in self.files
            ]

    @cached_property
    def columns(self) -> Sequence[ColumnSpec]:
        """The columns of all files, in order."""
        declared = {c.name: c for m, _ in self.files for c in m.schema} if not self.table else {}
        found = {
            n: declared.get(n, ColumnSpec(n, t)) for types in self._types for n, t in types.items() if n not in OWN
        }
        return [*found.values(), *(CHILD if self.table else ())]

    @cached_property
    def sql(self) -> str:
        """One branch for each file."""
        empty = "".join(f"NULL::{c.type} AS {quote(c.name)}, " for c in self.columns)
        none = f"SELECT {empty}'' AS _load_id, '' AS _source_position WHERE false"
        branches = [self._branch(m, c) for m, c in self.files if self.table in c.tables]
        return " UNION ALL BY NAME ".join(branches) or none

    def _branch(self, manifest: Manifest, converted: Converted) -> str:
        position, load_id = manifest.parts[0].position, manifest.load_id
        cells, source = "* EXCLUDE (_record)", f"{_scan(converted.tables[self.table])} AS t"
        if self.children:
            joins, sums = _below(converted, "")
            cells = f"t.* EXCLUDE (_record), concat_ws(chr(31), {', '.join(sums) or 'NULL'}) AS _content"
            source += joins
        if self.table:
            parent = converted.parents.get(self.table, "")
            load_id = manifest.child(self.table).load_id
            above = manifest.child(parent).load_id if parent else manifest.load_id
            cells = (
                f"* EXCLUDE (_record, _parent, _index), {_position(position, parent, '_parent')} AS _parent_id, "
                f"{literal(above)} AS _parent_load_id, _index"
            )
        return (
            f"SELECT {cells}, {literal(load_id)} AS _load_id, "
            f"{_position(position, self.table, '_record')} AS _source_position FROM {source}"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """What could not be converted; it belongs to the records."""
        return [
            Reject.of(f, m.load_id, m.parts[0].position)
            for m, c in (self.files if not self.table else ())
            for f in c.faults
        ]


def _below(converted: Converted, table: str) -> tuple[str, list[str]]:
    """SQL that joins to the rows `t` of a table what each child table holds below them, and the texts of that."""
    children = [name for name in converted.tables if name and converted.parents.get(name, "") == table]
    joins = "".join(
        f" LEFT JOIN ({_content(converted, name)}) AS b{number} ON b{number}._above = t._record"
        for number, name in enumerate(children)
    )
    return joins, [f"{literal(f'{name}=')} || b{number}._sum" for number, name in enumerate(children)]


def _content(converted: Converted, table: str) -> str:
    """SQL of (_above, _sum): for each row that the child table belongs to, the sum of the hashes of its rows there.

    A hash is of the row's place, its values and the sums below it. A sum takes no more room for a thousand rows than
    for one, and needs no order.
    """
    import pyarrow.parquet as pq

    path = converted.tables[table]
    values = [f"{literal(f'{n}=')} || {quote(n)}" for n in pq.read_schema(path).names if n not in OWN]
    joins, sums = _below(converted, table)
    row = f"concat_ws(chr(31), {', '.join(['t._index', *values, *sums])})"
    return f"SELECT t._parent AS _above, sum(md5_number_lower({row})) AS _sum FROM {_scan(path)} AS t{joins} GROUP BY 1"


def _position(position: str, table: str, number: str) -> str:
    return f"{literal(f'{position}#{table}:' if table else f'{position}#')} || {quote(number)}"


def _scan(path: Path) -> str:
    return f"read_parquet({literal(glob_escape(str(path)))})"
