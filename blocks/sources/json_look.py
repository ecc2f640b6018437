"""What a JSON file holds, found by reading it through once: its keys, which are nested, what is odd about its records.

And the SQL of its records, which does no more for each than what was found asks for. How the records become columns
is in `json_lines.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.engine import engine
from blocks.landing import Landing
from blocks.sources.base import WHOLE, ColumnSpec
from blocks.sources.json_exact import dotted, dotted_name, exact, undotted
from blocks.sources.json_form import Form, form_of
from blocks.sources.naming import bronze_names, glob_escape, literal
from blocks.sources.spec import StreamSpec

if TYPE_CHECKING:
    import duckdb

_FIRST = 2048
"""Records whose keys are likely to be all."""


@dataclass(frozen=True)
class Look:
    """What was found in a file."""

    form: Form
    at: str | None
    """A JSON pointer to the record, or to an array of them."""
    columns: tuple[ColumnSpec, ...] = ()
    odd: bool = True
    """Whether any record has what `exact` calls odd."""
    repeats: bool = True
    """Whether any record has a key twice."""
    mixed: bool = True
    """Whether any is JSON that is no object."""
    whole: bool = False
    """Whether none is an object: then any JSON is a record."""
    rejected: int = 0
    """Records that are none."""

    @property
    def read(self) -> str:
        """SQL of (n, record, json, odd, reserved): each record, from 1, and which of the file it is in.

        `json`, `odd` and `reserved` are as `exact` makes them.
        """
        read = (
            "SELECT row_number() OVER () AS record, CAST(json AS VARCHAR) AS json "
            f"FROM read_json_objects({literal(glob_escape(str(self.form.path)))}, format = '{self.form.format}', "
            f"ignore_errors = {str(self.form.skips_broken).lower()}, compression = 'none', "
            f"maximum_object_size = {self.form.longest})"
        )
        read = exact(read, odd=self.odd)
        if not self.at:
            return f"SELECT *, record AS n FROM ({read})"
        found = f"json_extract({dotted('json')}, {literal(dotted_name(self.at))})"
        many = "CASE json_type(found) WHEN 'ARRAY' THEN json_extract(found, '$[*]') ELSE [found] END"
        read = f"SELECT record, odd, {found} AS found FROM ({read})"
        read = f"SELECT record, odd, CAST(unnest({many}) AS VARCHAR) AS json FROM ({read})"
        text = undotted("json")
        return f"SELECT row_number() OVER () AS n, record, odd, false AS reserved, {text} AS json FROM ({read})"

    @property
    def records(self) -> str:
        """The same with `kind`: JSON's type, NULL for what is not JSON, or RESERVED or DUPLICATE."""
        kind = "json_type(json)" if self.mixed else "CASE WHEN json IS NOT NULL THEN 'OBJECT' END"
        if self.repeats:
            kind = (
                f"CASE WHEN len(list_distinct(json_keys(json))) < len(json_keys(json)) THEN 'DUPLICATE' ELSE {kind} END"
            )
        if self.odd:
            kind = f"CASE WHEN reserved THEN 'RESERVED' ELSE {kind} END"
        return f"SELECT *, {kind} AS kind FROM ({self.read})"

    @property
    def taken(self) -> str:
        """SQL that is true for what is a record."""
        return "kind NOT IN ('DUPLICATE', 'RESERVED')" if self.whole else "kind = 'OBJECT'"


def look_at(path: Path, stream: StreamSpec, landing: Landing, at: str | None) -> Look:
    """Read a landed file through.

    Its columns are the keys of its records, in their order: JSON where any value is nested, else VARCHAR. Where no
    record is an object, each is one column `value`.
    """
    look = Look(form_of(path, stream, landing), at)
    if look.form.empty:
        return look
    with engine() as connection:
        first = f"(SELECT * FROM ({look.read}) LIMIT {_FIRST})"
        sets = connection.execute(f"SELECT json_keys(json) FROM {first} GROUP BY 1 ORDER BY count(*) DESC").fetchall()
        keys, usual = _in_order(k for (k,) in sets), sets[0][0] if sets else None
        nested = {k for g in _groups(first, keys, usual, connection) for k in g.nested}
        while True:  # a second time where a key comes late
            groups = _groups(f"({look.read})", [k for k in keys if k not in nested], usual, connection)
            found = _in_order(g.keys for g in groups if g.kind == "OBJECT")
            if set(found) <= set(keys):
                break
            keys = found
    kinds = {g.kind for g in groups}
    json_kinds = {k for k in kinds if k and k not in ("DUPLICATE", "RESERVED")}
    whole = bool(json_kinds) and "OBJECT" not in kinds
    nested |= {k for g in groups for k in g.nested}
    columns = tuple(ColumnSpec(name, "JSON" if k in nested else "VARCHAR", k) for k, name in named(found).items())
    return Look(
        look.form, at, (ColumnSpec("value", "JSON", WHOLE),) if whole else columns,
        odd=any(g.odd for g in groups), repeats="DUPLICATE" in kinds, mixed=bool(json_kinds - {"OBJECT"}), whole=whole,
        rejected=sum(g.count for g in groups if g.kind not in (json_kinds if whole else ("OBJECT",))),
    )  # fmt: skip


@dataclass(frozen=True)
class _Group:
    """Records that look alike."""

    kind: str | None
    keys: Sequence[str]
    nested: Sequence[str]
    odd: bool
    count: int


def _groups(
    records: str, keys: Sequence[str], usual: Sequence[str] | None, connection: duckdb.DuckDBPyConnection
) -> list[_Group]:
    """Records by their keys and which of `keys` are nested, in the order of the first of each group.

    A list is dear to group by: where it is the usual one, or none is nested, NULL stands for it.
    """
    paths = ", ".join(literal(p) for p in ("$", *map(pointer, keys)))
    rows = connection.execute(
        "SELECT CASE WHEN keys IS DISTINCT FROM CAST($1 AS VARCHAR[]) THEN keys END AS unusual, types[1] AS kind, "
        "CASE WHEN list_contains(types[2:], 'OBJECT') OR list_contains(types[2:], 'ARRAY') THEN types[2:] END AS below,"
        f" odd, reserved, count(*) FROM (SELECT n, json_keys(json) AS keys, json_type(json, [{paths}]) AS types, odd, "
        f"reserved FROM {records}) GROUP BY ALL ORDER BY min(n)",
        [usual],
    ).fetchall()
    groups = []
    for unusual, kind, below, odd, reserved, count in rows:
        own = usual or () if unusual is None else unusual
        if kind == "OBJECT" and len(set(own)) < len(own):
            kind = "DUPLICATE"
        nested = [k for k, t in zip(keys, below or (), strict=False) if t in ("OBJECT", "ARRAY")]
        groups.append(
            _Group("RESERVED" if reserved else kind, own, nested if kind == "OBJECT" else (), bool(odd), count)
        )
    return groups


def named(keys: Iterable[str]) -> dict[str, str]:
    """key → bronze name, in the order of the keys; which of several keys gets a name does not depend on that order.

    A key that is a name of bronze already keeps it: `id` is `id`, whatever else folds to it.
    """
    asked = {key: "value" if key == WHOLE else key for key in keys}
    ordered = sorted(asked, key=lambda k: (bool(asked[k].strip()), bronze_names([asked[k]]) != [asked[k]], asked[k]))
    names = dict(zip(ordered, bronze_names(asked[k] for k in ordered), strict=True))
    return {key: names[key] for key in asked}


def pointer(key: str) -> str:
    """A key as a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _in_order(lists: Iterable[Sequence[str] | None]) -> list[str]:
    return list(dict.fromkeys(key for keys in lists for key in keys or ()))
