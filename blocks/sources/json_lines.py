"""JSON records by DuckDB's reader: a column for each key, the text of every number as it stands.

What a file holds is found in `json_look.py`, how numbers keep their text is in `json_exact.py`, which form a file has,
and what is left of a broken one, in `json_form.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.landing import Landing
from blocks.sources.base import WHOLE, ColumnSpec, Known, Manifest, Reject
from blocks.sources.extracts import Flat
from blocks.sources.json_cut import lines, places_of
from blocks.sources.json_exact import (
    MARKED,
    dotted,
    dotted_name,
    undotted,
    unmarked_json,
    unmarked_value,
)
from blocks.sources.json_look import Look, look_at, named, pointer
from blocks.sources.naming import literal, quote
from blocks.sources.spec import StreamSpec
from blocks.sources.tables import RAW_LIMIT

if TYPE_CHECKING:
    import duckdb

_WHY = {
    None: ("broken_json", "it is not JSON"),
    "DUPLICATE": ("duplicate_key", "the record has a key more than once"),
    "RESERVED": ("reserved_text", "it holds a text by which numbers are kept on reading"),
}
"""Kinds of what is no record, beside the types of JSON."""


@dataclass(frozen=True)
class _Unit:
    manifest: Manifest
    look: Look
    position: str


class JsonLinesExtract(Flat):
    """Landed JSON files of one stream as one SELECT. `at` is a JSON pointer to the record, or to an array of them.

    `looks` has what was found in files that were landed just now, by their path.
    """

    optional = True

    def __init__(
        self,
        stream: StreamSpec,
        manifests: Sequence[Manifest],
        landing: Landing,
        known: Known,
        at: str | None = None,
        looks: Mapping[Path, Look] | None = None,
    ) -> None:
        paths = [landing.part(m) for m in manifests]
        found = [(looks or {}).get(path) or look_at(path, stream, landing, at) for path in paths]
        self.units = [_Unit(m, look, m.parts[0].position) for m, look in zip(manifests, found, strict=True)]
        names = named(c.origin for m in manifests for c in m.schema)
        nested = {c.origin for m in manifests for c in m.schema if c.type == "JSON"}
        nested |= {key for key, name in names.items() if any(c.name == name and c.type == "JSON" for c in known[""])}
        self.columns = [ColumnSpec(n, "JSON" if key in nested else "VARCHAR", key) for key, n in names.items()]

    @cached_property
    def sql(self) -> str:
        """One branch for each file, so that records are numbered within their file."""
        empty = ", ".join(f"NULL::{c.type} AS {quote(c.name)}" for c in self.columns) or "NULL AS nothing"
        none = f"SELECT {empty}, '' AS _load_id, '' AS _source_position WHERE false"
        return " UNION ALL BY NAME ".join([self._branch(u) for u in self.units if not u.look.form.empty] or [none])

    def _branch(self, unit: _Unit) -> str:
        mine = {c.origin for c in unit.manifest.schema}
        columns = [c for c in self.columns if c.origin in mine]
        once = {c.origin.lower(): c.origin for c in reversed(columns)}  # a struct's names know no case
        taken = [c.origin for c in columns if once[c.origin.lower()] == c.origin and c.origin not in (WHOLE, "")]
        shape = literal(json.dumps({dotted_name(c.origin): c.type for c in columns if c.origin in taken}))
        struct = f", json_transform(dotted, {shape}) AS t" if taken else ""
        cells = "".join(f"{_read(c, c.origin in taken, unit.look.odd)} AS {quote(c.name)}, " for c in columns)
        text = "json" if unit.look.whole else dotted("json")
        records = f"SELECT n, odd, {text} AS dotted FROM ({unit.look.records}) WHERE {unit.look.taken}"
        return (
            f"SELECT {cells}{literal(unit.manifest.load_id)} AS _load_id, "
            f"{literal(unit.position + '#')} || n AS _source_position "
            f"FROM (SELECT n, odd, dotted{struct} FROM ({records}))"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """Lines that are no JSON object, and what is behind the place where a file breaks."""
        return [reject for unit in self.units for reject in _rejects_of(unit, connection)]


def schema_of(path: Path, stream: StreamSpec, landing: Landing, at: str | None = None) -> tuple[ColumnSpec, ...]:
    """The columns of a landed file; see `look_at`."""
    return look_at(path, stream, landing, at).columns


def _rejects_of(unit: _Unit, connection: duckdb.DuckDBPyConnection) -> Iterator[Reject]:
    load_id, look, form = unit.manifest.load_id, unit.look, unit.look.form
    for fault in form.faults:
        first, last = (None if b is None else b + form.shift for b in (fault.byte_from, fault.byte_to))
        yield Reject.of(replace(fault, byte_from=first, byte_to=last), load_id, unit.position)
    if not look.rejected:
        return
    broken = connection.execute(
        f"SELECT n, record, kind, odd, CASE WHEN strlen(json) <= {RAW_LIMIT} THEN json END "
        f"FROM ({look.records}) WHERE NOT coalesce({look.taken}, false) ORDER BY n"
    ).fetchall()
    places = {p.number: p for p in places_of(form.text, form.spans, {record for _, record, *_ in broken})}
    for n, record, kind, odd, json_ in broken:
        code, reason = _WHY.get(kind) or ("not_an_object", f"it is JSON of type {kind}, not an object")
        if look.at and kind:  # several may stand in one line
            raw = re.sub(MARKED, r"\1", json_) if json_ and odd else json_
            yield Reject(load_id, f"{unit.position}#{n}", code, reason, raw)
            continue
        if look.at:
            code, reason = "no_record", f"it is not JSON, or has nothing at {look.at}"
        place = places[record]
        first, last = place.byte_from + form.shift, place.byte_to + form.shift
        at = f":{place.line}" if form.spans is lines else f":{place.line}#{n}"  # elements may share a line
        yield Reject(load_id, unit.position + at, code, reason, place.raw, first, last)


def _read(column: ColumnSpec, in_struct: bool, odd: bool) -> str:
    """SQL of a value as it stands in the file; a value of a nested column stays JSON."""
    nested, key = column.type == "JSON", dotted_name(column.origin)
    value = f"t.{quote(key)}" if in_struct else f"(dotted {'->' if nested else '->>'} {literal(pointer(key))})"
    value = "dotted" if column.origin == WHOLE else undotted(f"CAST({value} AS VARCHAR)")
    if not nested:
        return unmarked_value(value) if odd else value
    return f"CAST({unmarked_json(value) if odd else value} AS JSON)"
