"""JSON records by DuckDB's reader: a column for each key, the text of every number as it stands.

DuckDB checks and cuts the records; its own numbers would be doubles, so that decimals are made strings before it
takes a record apart. Which form a file has, and what is left of a broken one, is in `json_form.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.landing import Landing
from blocks.sources.base import ColumnSpec, Flat, Known, Manifest, Reject
from blocks.sources.json_cut import RECORD_BYTES, lines, places_of
from blocks.sources.json_form import Form, form_of
from blocks.sources.naming import bronze_names, glob_escape, literal, quote
from blocks.sources.spec import StreamSpec
from blocks.sources.tables import RAW_LIMIT

if TYPE_CHECKING:
    import duckdb

_DECIMAL = r"(?:-?[0-9]+(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|-0)"  # -0 loses its sign
_VALUE = rf"([:\[,]\s*)({_DECIMAL})(\s*[,}}\]])"
_TOKEN = rf'("(?:[^"\\]|\\.)*")|({_DECIMAL})'
_MARK = "\\u0002#"
"""Begins a string that was a number, as JSON writes it: no text of a person begins so, and one that does is refused."""
_WHOLE = "\ud800"
"""Stands for the key of the one column of records that are no objects; no key that is read can be one."""
_MARKED = r'"\\u0002#([^"]*)"'
_LAX = r"(?:^|[:\[,\s-])(?i:nan|inf(?:inity)?)\s*(?:[,}\]]|$)|,\s*[}\]]"
"""What DuckDB takes though it is not JSON; a string may hold the same."""
_STRING = r'"(?:[^"\\]|\\.)*"'
_WHY = {
    None: ("broken_json", "it is not JSON"),
    "DUPLICATE": ("duplicate_key", "the record has a key more than once"),
    "RESERVED": ("reserved_text", "it holds \\u0002#, by which numbers are told from text on reading"),
}
"""Kinds of what is no record, beside the types of JSON."""
_ANY = "kind NOT IN ('DUPLICATE', 'RESERVED')"


@dataclass(frozen=True)
class _Unit:
    manifest: Manifest
    form: Form
    position: str

    @property
    def taken(self) -> str:
        """SQL that is true for what is a record: in a file without an object, any JSON is."""
        return _ANY if any(c.origin == _WHOLE for c in self.manifest.schema) else "kind = 'OBJECT'"


class JsonLinesExtract(Flat):
    """Landed JSON files of one stream as one SELECT. `at` is a JSON pointer to the record, or to an array of them."""

    optional = True

    def __init__(
        self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing, known: Known, at: str | None = None
    ) -> None:
        self.at = at
        self.units = [_unit(m, stream, landing) for m in manifests]
        names = _named(c.origin for m in manifests for c in m.schema)
        nested = {c.origin for m in manifests for c in m.schema if c.type == "JSON"}
        nested |= {key for key, name in names.items() if any(c.name == name and c.type == "JSON" for c in known[""])}
        self.columns = [ColumnSpec(n, "JSON" if key in nested else "VARCHAR", key) for key, n in names.items()]

    @cached_property
    def sql(self) -> str:
        """One branch for each file, so that records are numbered within their file."""
        empty = ", ".join(f"NULL::{c.type} AS {quote(c.name)}" for c in self.columns) or "NULL AS nothing"
        none = f"SELECT {empty}, '' AS _load_id, '' AS _source_position WHERE false"
        return " UNION ALL BY NAME ".join([self._branch(u) for u in self.units if u.manifest.schema] or [none])

    def _branch(self, unit: _Unit) -> str:
        mine = {c.origin for c in unit.manifest.schema}
        columns = [c for c in self.columns if c.origin in mine]
        once = {c.origin.lower(): c.origin for c in reversed(columns)}  # a struct's names know no case
        taken = [c.origin for c in columns if once[c.origin.lower()] == c.origin and c.origin not in (_WHOLE, "")]
        shape = literal(json.dumps({c.origin: c.type for c in columns if c.origin in taken}))
        struct = f", json_transform(json, {shape}) AS t" if taken else ""
        cells = ", ".join(f"{_read(c, c.origin in taken)} AS {quote(c.name)}" for c in columns)
        where = _exact(f"SELECT n, json FROM ({records(unit.form, self.at)}) WHERE {unit.taken}")
        return (
            f"SELECT {cells}, {literal(unit.manifest.load_id)} AS _load_id, "
            f"{literal(unit.position + '#')} || n AS _source_position "
            f"FROM (SELECT n, json{struct} FROM ({where}))"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """Lines that are no JSON object, and what is behind the place where a file breaks."""
        return [reject for unit in self.units for reject in self._rejects_of(unit, connection)]

    def _rejects_of(self, unit: _Unit, connection: duckdb.DuckDBPyConnection) -> Iterator[Reject]:
        load_id, form = unit.manifest.load_id, unit.form
        for fault in form.faults:
            first, last = (None if b is None else b + form.shift for b in (fault.byte_from, fault.byte_to))
            yield Reject.of(replace(fault, byte_from=first, byte_to=last), load_id, unit.position)
        if form.empty:
            return
        broken = connection.execute(
            f"SELECT n, record, kind, CASE WHEN strlen(json) <= {RAW_LIMIT} THEN json END "
            f"FROM ({records(form, self.at)}) WHERE NOT coalesce({unit.taken}, false) ORDER BY n"
        ).fetchall()
        places = {p.number: p for p in places_of(form.text, form.spans, {record for _, record, _, _ in broken})}
        for n, record, kind, json_ in broken:
            code, reason = _WHY.get(kind) or ("not_an_object", f"it is JSON of type {kind}, not an object")
            if self.at and kind:  # several may stand in one line
                raw = json_ and re.sub(_MARKED, r"\1", json_)
                yield Reject(load_id, f"{unit.position}#{n}", code, reason, raw)
                continue
            if self.at:
                code, reason = "no_record", f"it is not JSON, or has nothing at {self.at}"
            place = places[record]
            first, last = place.byte_from + form.shift, place.byte_to + form.shift
            at = f":{place.line}" if form.spans is lines else f":{place.line}#{n}"  # elements may share a line
            yield Reject(load_id, unit.position + at, code, reason, place.raw, first, last)


def schema_of(path: Path, stream: StreamSpec, landing: Landing, at: str | None = None) -> tuple[ColumnSpec, ...]:
    """The keys of a landed file's records, in their order: JSON where any value is nested, else VARCHAR.

    Where no record is an object, each is one column `value`.
    """
    import duckdb

    form = form_of(path, stream, landing)
    if form.empty:
        return ()
    with duckdb.connect() as connection:
        sets = connection.execute(
            f"SELECT json_keys(json) FROM ({records(form, at)}) WHERE kind = 'OBJECT' GROUP BY 1 ORDER BY min(n)"
        ).fetchall()
        keys = list(dict.fromkeys(key for (found,) in sets for key in found))
        if not keys:
            any_ = connection.execute(f"SELECT 1 FROM ({records(form, at)}) WHERE {_ANY} LIMIT 1").fetchall()
            return (ColumnSpec("value", "JSON", _WHOLE),) if any_ and not sets else ()
        paths = ", ".join(literal(pointer(k)) for k in keys)
        kinds = connection.execute(
            f"SELECT DISTINCT json_type(json, [{paths}]) FROM ({records(form, at)}) WHERE kind = 'OBJECT'"
        ).fetchall()
    nested = {key for (row,) in kinds for key, kind in zip(keys, row, strict=True) if kind in ("OBJECT", "ARRAY")}
    return tuple(ColumnSpec(name, "JSON" if key in nested else "VARCHAR", key) for key, name in _named(keys).items())


def records(form: Form, at: str | None) -> str:
    """SQL of (n, record, json, kind): each record's text, counted from 1, and which one of the file it is or is in.

    `kind` is JSON's type, NULL for what is not JSON, or another one of `_WHY`.
    """
    read = (
        "SELECT row_number() OVER () AS record, CAST(json AS VARCHAR) AS json "
        f"FROM read_json_objects({literal(glob_escape(str(form.path)))}, format = '{form.format}', "
        f"ignore_errors = {str(form.skips_broken).lower()}, compression = 'none', maximum_object_size = {RECORD_BYTES})"
    )
    lax = f"regexp_matches(json, {literal(_LAX)})"
    plain = f"regexp_replace(json, {literal(_STRING)}, '\"\"', 'g')"
    lax = f"CASE WHEN {lax} THEN {lax.replace('json', plain, 1)} ELSE false END"
    reserved = f"contains(json, {literal(_MARK)})"
    read = f"SELECT record, CASE WHEN NOT {lax} THEN json END AS json FROM ({read})"
    if at:
        exact = _exact(f"SELECT record, CASE WHEN NOT {reserved} THEN json END AS json FROM ({read})")
        read = f"SELECT record, json_extract(json, {literal(at)}) AS found FROM ({exact})"
        many = "CASE json_type(found) WHEN 'ARRAY' THEN json_extract(found, '$[*]') ELSE [found] END"
        read = f"SELECT record, CAST(unnest({many}) AS VARCHAR) AS json FROM ({read})"
        reserved = "false"
    kind = (
        f"CASE WHEN {reserved} THEN 'RESERVED' WHEN json_type(json) = 'OBJECT' "
        "AND len(list_distinct(json_keys(json))) < len(json_keys(json)) THEN 'DUPLICATE' ELSE json_type(json) END"
    )
    number = "row_number() OVER ()" if at else "record"
    return f"SELECT {number} AS n, record, json, {kind} AS kind FROM ({read})"


def pointer(key: str) -> str:
    """A key as a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _exact(select: str) -> str:
    """SQL of the same records, of which the column `json` has its decimals as marked strings.

    A pattern finds what stands between separators as a decimal does. Where that was inside a string, the quote put
    before it ends the string and a number follows at once, which is not JSON: such a record takes the slower pattern
    that knows strings.
    """
    inserted = r'\1"\\u0002#\2"\3'
    quick = "json"
    for _ in range(2):  # neighbours in an array share a comma
        quick = f"regexp_replace({quick}, {literal(_VALUE)}, {literal(inserted)}, 'g')"
    tokens = rf"regexp_replace(json, {literal(_TOKEN)}, '\1' || chr(1) || '\2' || chr(2), 'g')"
    slow = (
        f"replace(replace(replace({tokens}, chr(1) || chr(2), ''), chr(1), {literal(chr(34) + _MARK)}), chr(2), '\"')"
    )
    return (
        "SELECT * REPLACE "
        f"(CASE WHEN quick IS NULL THEN json WHEN json_valid(quick) THEN quick ELSE {slow} END AS json) "
        f"FROM (SELECT *, CASE WHEN regexp_matches(json, {literal(_VALUE)}) THEN {quick} END AS quick FROM ({select}))"
    )


def _read(column: ColumnSpec, in_struct: bool) -> str:
    """SQL of a value without the marks; a value of a nested column stays JSON."""
    arrow = "->>" if column.type == "VARCHAR" else "->"
    value = f"t.{quote(column.origin)}" if in_struct else f"(json {arrow} {literal(pointer(column.origin))})"
    value = "json" if column.origin == _WHOLE else value
    if column.type == "VARCHAR":
        return f"CASE WHEN starts_with({value}, chr(2) || '#') THEN substr({value}, 3) ELSE {value} END"
    text = f"CAST({value} AS VARCHAR)"
    plain = rf"regexp_replace({text}, {literal(_MARKED)}, '\1', 'g')"
    return f"CAST(CASE WHEN contains({text}, {literal(_MARK)}) THEN {plain} ELSE {text} END AS JSON)"


def _named(keys: Iterable[str]) -> dict[str, str]:
    """key → bronze name, in the order of the keys; which of several keys gets a name does not depend on that order.

    A key that is a name of bronze already keeps it: `id` is `id`, whatever else folds to it.
    """
    asked = {key: "value" if key == _WHOLE else key for key in keys}
    ordered = sorted(asked, key=lambda k: (bool(asked[k].strip()), bronze_names([asked[k]]) != [asked[k]], asked[k]))
    names = dict(zip(ordered, bronze_names(asked[k] for k in ordered), strict=True))
    return {key: names[key] for key in asked}


def _unit(manifest: Manifest, stream: StreamSpec, landing: Landing) -> _Unit:
    return _Unit(manifest, form_of(landing.part(manifest), stream, landing), manifest.parts[0].position)
