"""Landed Parquet of a PostgreSQL as SQL: columns in their bronze types, and rows that no such type holds set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.landing import Landing
from blocks.sources.base import ColumnSpec, Manifest, Part, Reject
from blocks.sources.extracts import Flat
from blocks.sources.naming import bronze_names, glob_escape, literal, quote
from blocks.sources.postgres.columns import TOO_LARGE
from blocks.sources.spec import StreamSpec
from blocks.sources.tables import RAW_LIMIT

if TYPE_CHECKING:
    import duckdb

# What ADBC makes of infinite values (64- and 32-bit overflow of the epoch shift), put right when the part is read.
_TIME = (
    "CASE epoch_us({c}) WHEN -9222425352054775809 THEN 'infinity' "
    "WHEN -9222425352054775808 THEN '-infinity' ELSE {c} END"
)
_DATE = "CASE ({c} - DATE '1970-01-01') WHEN -2147472692 THEN 'infinity' WHEN -2147472691 THEN '-infinity' ELSE {c} END"
_READ = {"DATE": _DATE, "TIMESTAMP": _TIME, "TIMESTAMP WITH TIME ZONE": _TIME}


@dataclass(frozen=True)
class _Unit:
    """A part, as SQL reads it."""

    load_id: str
    scan: str
    position: str
    faults: Sequence[tuple[str, str, str]]
    """(condition, reason code, SQL of the reason) of the rows that are not read."""
    select: str

    @property
    def sql(self) -> str:
        read = " AND ".join(f"({condition}) IS NOT TRUE" for condition, _, _ in self.faults) or "true"
        return (
            f"SELECT {self.select}, {literal(self.load_id)} AS _load_id, {self.position} AS _source_position "
            f"FROM {self.scan} WHERE {read}"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        if not self.faults:
            return []
        code = " ".join(f"WHEN {condition} THEN {literal(code)}" for condition, code, _ in self.faults)
        reason = " ".join(f"WHEN {condition} THEN {reason}" for condition, _, reason in self.faults)
        raw = f"left(CAST(to_json(r) AS VARCHAR), {RAW_LIMIT})"
        found = connection.execute(
            f"SELECT {self.position}, CASE {code} END, CASE {reason} END, {raw} "
            f"FROM (SELECT *, file_row_number FROM {self.scan}) r WHERE {' OR '.join(c for c, _, _ in self.faults)}"
        ).fetchall()
        return [Reject(self.load_id, *row) for row in found]


@dataclass(frozen=True)
class ParquetExtract(Flat):
    """The landed parts of some loads."""

    columns: Sequence[ColumnSpec]
    units: Sequence[_Unit]
    keys_sql: str | None

    @property
    def sql(self) -> str:
        """One branch for each part."""
        return " UNION ALL BY NAME ".join(unit.sql for unit in self.units)

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """Rows that were too large to be read, and those with a NaN where bronze has a decimal."""
        return [reject for unit in self.units for reject in unit.rejects(connection)]


def extract(stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing) -> ParquetExtract:
    """The landed Parquet of several loads."""
    units, keys = [], []
    for manifest in manifests:
        offset = 0
        types = {c.name: c for c in manifest.schema}
        for part in manifest.parts:
            if part.holds_keys:
                wanted = ", ".join(f"{_read(types[n])} AS {quote(n)}" for n in bronze_names(stream.primary_key))
                keys.append((manifest.load_id, f"SELECT {wanted} FROM {_scan(landing, manifest, part)}"))
                continue
            units.append(_unit(manifest, part, _scan(landing, manifest, part), offset, landing))
            offset += part.rows or 0
    newest = [sql for load_id, sql in keys if load_id == manifests[-1].load_id]
    return ParquetExtract(manifests[-1].schema, units, " UNION ALL ".join(newest) or None)


def _unit(manifest: Manifest, part: Part, scan: str, offset: int, landing: Landing) -> _Unit:
    import pyarrow.parquet as pq

    landed = set(pq.read_schema(landing.part(manifest, part)).names)
    cells = ", ".join(f"{_read(c, landed)} AS {quote(c.name)}" for c in manifest.schema)
    faults = [
        (f"{_name(c, landed)} = 'NaN'", "not_a_number", literal(f"column {c.name} is NaN, which {c.type} cannot hold"))
        for c in manifest.schema
        if c.type.startswith("DECIMAL")
    ]
    if TOO_LARGE in landed:
        size = quote(TOO_LARGE)
        faults.insert(0, (f"{size} IS NOT NULL", "row_too_large", f"'the row has ' || {size} || ' bytes'"))
    position = f"{literal(part.position + '#')} || (file_row_number + {offset + 1})"
    return _Unit(manifest.load_id, scan, position, faults, cells)


def _scan(landing: Landing, manifest: Manifest, part: Part) -> str:
    path = literal(glob_escape(str(landing.part(manifest, part))))
    return f"read_parquet({path}, file_row_number = true)"


def _name(column: ColumnSpec, landed: set[str]) -> str:
    return quote(f"?{column.name}" if f"?{column.name}" in landed else column.name)


def _read(column: ColumnSpec, landed: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    value = _READ.get(column.type, "{c}").format(c=_name(column, landed))
    return f"CAST({value} AS {column.type})"
