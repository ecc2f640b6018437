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
        cells, scan = "* EXCLUDE (_record)", _scan(converted.tables[self.table])
        if self.children:
            scan = f"{scan} JOIN (SELECT _record, _content FROM ({_contents(converted, '')})) USING (_record)"
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
            f"{_position(position, self.table, '_record')} AS _source_position FROM {scan}"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """What could not be converted; it belongs to the records."""
        return [
            Reject.of(f, m.load_id, m.parts[0].position)
            for m, c in (self.files if not self.table else ())
            for f in c.faults
        ]


def _contents(converted: Converted, table: str) -> str:
    """SQL of (_record, _parent, _content): a hash of each row of a table and of all that is below it."""
    joins, parts = "", [f"CAST(to_json(struct_pack(*COLUMNS(* EXCLUDE ({', '.join(_places(table))})))) AS VARCHAR)"]
    below = [name for name in converted.tables if name and converted.parents.get(name, "") == table]
    for number, name in enumerate(below):
        joins += (
            f" LEFT JOIN (SELECT _parent AS _above, string_agg(_content, ',' ORDER BY _record) AS _below "
            f"FROM ({_contents(converted, name)}) GROUP BY 1) b{number} ON b{number}._above = t._record"
        )
        parts.append(f"b{number}._below")
    places = ", ".join(_places(table))
    row = f"SELECT {places}, {parts[0]} AS _own FROM {_scan(converted.tables[table])}"
    hashed = f"md5(concat_ws('|', {', '.join(['t._own', *parts[1:]])}))"
    return f"SELECT t.* EXCLUDE (_own), {hashed} AS _content FROM ({row}) t{joins}"


def _places(table: str) -> tuple[str, ...]:
    return OWN if table else OWN[:1]


def _position(position: str, table: str, number: str) -> str:
    return f"{literal(f'{position}#{table}:' if table else f'{position}#')} || {quote(number)}"


def _scan(path: Path) -> str:
    return f"read_parquet({literal(glob_escape(str(path)))})"
