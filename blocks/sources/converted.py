"""Converted files (`tables.py`) as one SELECT, with a SELECT for each of their child tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from blocks.engine import engine
from blocks.sources.base import CHILD, ColumnSpec, Known, Manifest, Reject
from blocks.sources.extracts import Extract, Single
from blocks.sources.naming import glob_escape, literal, quote
from blocks.sources.tables import FILE, Converted

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

OWN = (FILE, "_record", "_parent", "_index")
OF_FILE = quote(FILE)
INDEX = "file_index"
"""DuckDB's column of the number of a file among those that it reads, where they have none of this name."""
Files = Sequence[tuple[Manifest, Converted]]


class ConvertedExtract(Single):
    """One table of the files: their records, or a child table of them."""

    keys_sql: str | None = None
    optional = True

    def __init__(self, files: Files, known: Known, table: str = "") -> None:
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
    def _alike(self) -> list[tuple[dict[str, str], Files]]:
        """column → type of the table, and the files that have it so, with the same tables below it."""
        import pyarrow.parquet as pq

        groups: dict[tuple[str, int], list[tuple[Manifest, Converted]]] = {}
        shared: dict[Path, tuple[str, int]] = {}
        for number, (manifest, converted) in enumerate(self.files):
            if self.table in converted.tables:
                key = shared.get(converted.tables[self.table])
                if key is None:
                    names = [self.table] if self.table else list(converted.tables)
                    schemas = [pq.read_schema(converted.tables[name]) for name in names]
                    alone = any(INDEX in schema.names for schema in schemas)
                    shape = str([names, [converted.parents.get(name) for name in names], schemas])
                    key = shared[converted.tables[self.table]] = (shape, number if alone else 0)
                groups.setdefault(key, []).append((manifest, converted))
        with engine() as connection:
            return [(self._types(files[0][1], connection), files) for files in groups.values()]

    def _types(self, converted: Converted, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        sql = f"DESCRIBE SELECT * EXCLUDE ({OF_FILE}) FROM {_scan([converted], self.table)}"
        return {row[0]: row[1] for row in connection.execute(sql).fetchall()}

    @cached_property
    def columns(self) -> Sequence[ColumnSpec]:
        """The columns of all files, in order."""
        declared = {c.name: c for m, _ in self.files for c in m.schema} if not self.table else {}
        found = {
            n: declared.get(n, ColumnSpec(n, t)) for types, _ in self._alike for n, t in types.items() if n not in OWN
        }
        return [*found.values(), *(CHILD if self.table else ())]

    @cached_property
    def sql(self) -> str:
        """One branch for all files that are alike, of which there may be many."""
        empty = "".join(f"NULL::{c.type} AS {quote(c.name)}, " for c in self.columns)
        none = f"SELECT {empty}'' AS _load_id, '' AS _source_position WHERE false"
        return " UNION ALL BY NAME ".join(self._branch(files) for _, files in self._alike) or none

    def _branch(self, files: Files) -> str:
        first, table = files[0][1], self.table
        own, parent = ("_record", "_parent", "_index") if table else ("_record",), first.parents.get(table, "")
        cells, joins = f"t.* EXCLUDE ({', '.join((*own, OF_FILE))})", ""
        if self.children:
            joins, sums = _below([c for _, c in files], "")
            cells += f", concat_ws(chr(31), {', '.join(sums) or 'NULL'}) AS _content"
        if table:
            cells += f", {_position(parent, '_parent')} AS _parent_id, m.above AS _parent_load_id, _index"
        of_files = ", ".join(
            f"({number if c.file is None else c.file}, {literal(m.child(table).load_id if table else m.load_id)}, "
            f"{literal(m.child(parent).load_id if parent else m.load_id)}, {literal(m.parts[0].position)})"
            for number, (m, c) in enumerate(files)
        )
        return (
            f"SELECT {cells}, m.load_id AS _load_id, {_position(table, '_record')} AS _source_position "
            f"FROM {_scan([c for _, c in files], table)} AS t "
            f"JOIN (VALUES {of_files}) AS m(file, load_id, above, position) ON m.file = t.{OF_FILE}{joins}"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """What could not be converted; it belongs to the records."""
        return [
            Reject.of(f, m.load_id, m.parts[0].position)
            for m, c in (self.files if not self.table else ())
            for f in c.faults
        ]


def _below(files: Sequence[Converted], table: str) -> tuple[str, list[str]]:
    """SQL that joins to the rows `t` of a table what each child table holds below them, and the texts of that."""
    children = [name for name in files[0].tables if name and files[0].parents.get(name, "") == table]
    joins = "".join(
        f" LEFT JOIN ({_content(files, name)}) AS b{number} "
        f"ON b{number}._above = t._record AND b{number}.{OF_FILE} = t.{OF_FILE}"
        for number, name in enumerate(children)
    )
    return joins, [f"{literal(f'{name}=')} || b{number}._sum" for number, name in enumerate(children)]


def _content(files: Sequence[Converted], table: str) -> str:
    """SQL of (file, _above, _sum): for each row that the child table belongs to, the sum of the hashes of its rows.

    A hash is of the row's place, its values and the sums below it. A sum takes no more room for a thousand rows than
    for one, and needs no order.
    """
    import pyarrow.parquet as pq

    names = pq.read_schema(files[0].tables[table]).names
    values = [f"{literal(f'{n}=')} || t.{quote(n)}" for n in names if n not in OWN]
    joins, sums = _below(files, table)
    row = f"concat_ws(chr(31), {', '.join(['t._index', *values, *sums])})"
    return (
        f"SELECT t.{OF_FILE}, t._parent AS _above, sum(md5_number_lower({row})) AS _sum "
        f"FROM {_scan(files, table)} AS t{joins} GROUP BY 1, 2"
    )


def _position(table: str, number: str) -> str:
    return f"m.position || {literal(f'#{table}:' if table else '#')} || t.{quote(number)}"


def _scan(files: Sequence[Converted], table: str) -> str:
    """SQL of the rows of a table in files that have it alike, with the number of their file."""
    paths = dict.fromkeys(str(c.tables[table]) for c in files)
    listed = ", ".join(literal(glob_escape(path)) for path in paths)
    number = f", {INDEX if len(files) > 1 else 0} AS {OF_FILE}" if files[0].file is None else ""
    return f"(SELECT *{number} FROM read_parquet([{listed}]))"
