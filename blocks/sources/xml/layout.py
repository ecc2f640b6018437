"""Which tables and columns the records of a load have, the same for all of its files.

Names of tables and columns are given here; how the values are read is in `rows.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from blocks.sources.base import ColumnSpec
from blocks.sources.naming import bronze_names
from blocks.sources.xml.scan import Scan
from blocks.sources.xml.tree import Element, declared_record, find_record, local_name, united, walk

OWN = ("_record", "_parent", "_index", "_parent_id", "_parent_load_id")
"""Columns that the tables have beside those of the records."""


@dataclass
class Table:
    """One table: the records (name empty), or an element that repeats in its parent."""

    name: str
    parent: int | None
    """Number of the table that it belongs to."""
    columns: list[str] = field(default_factory=list)

    @property
    def own(self) -> list[str]:
        """Its first columns, which number its rows."""
        return ["_record"] if self.parent is None else ["_record", "_parent", "_index"]


@dataclass
class Place:
    """Where the values of the elements of one path go: places in a row of their table."""

    children: dict[str, Place] = field(default_factory=dict)
    attributes: dict[str, int] = field(default_factory=dict)
    text: int | None = None
    table: int | None = None
    """Number of the table that has a row for each of these elements."""


@dataclass(frozen=True)
class Layout:
    """Tables of a load; the first are the records."""

    tables: Sequence[Table]
    record: Place
    records: Mapping[str, tuple[str, ...] | None]
    """Name of the root → path of the record from the root; None where the declared record cannot be there."""

    @property
    def columns(self) -> list[ColumnSpec]:
        """The columns of the records."""
        return [ColumnSpec(name, "VARCHAR") for name in self.tables[0].columns]


def layout_of(scans: Sequence[Scan], known_children: Collection[str]) -> Layout:
    """What all files of a load hold together. `known_children` are child tables that bronze has already."""
    records: dict[str, tuple[str, ...] | None] = {}
    roots = [s.root for s in scans if s.root is not None]
    declared = next((s.record for s in scans if s.record), None)
    found = []
    for name in dict.fromkeys(r.name for r in roots):
        root = united(r for r in roots if r.name == name)
        path = records[name] = declared_record(root, declared) if declared else find_record(root)
        element: Element | None = root
        for step in (path or ("",))[1:]:
            element = element.children.get(step) if element else None
        if path and element and not (path == (name,) and element.empty):
            found.append(element)
    tables = [Table("", None)]
    place = Place(table=0)
    if found:
        record = united(found)
        names = _child_names(record, known_children)
        origins: list[list[str]] = [[]]
        _fill(place, record, (), names, tables, origins, [])
        for table, columns in zip(tables, origins, strict=True):
            table.columns = bronze_names([*OWN, *columns])[len(OWN) :]
    return Layout(tables, place, records)


def _child_names(record: Element, known: Collection[str]) -> dict[tuple[str, ...], str]:
    """Path below the record → name of its table, for elements that repeat, or that have a table in bronze already.

    The element's own name where only one element of the record has it, else the whole path: so the name does not
    depend on which of them repeat in this load. A table that bronze has by the own name stays that of the only one
    that repeats, though others of its name are new in this load.
    """
    elements = list(walk(record))
    short = {p: _table_name([p[-1]]) for p, _ in elements}
    long = {p: _table_name(p) for p, _ in elements}
    often, repeating = Counter(short.values()), Counter(short[p] for p, e in elements if e.repeats)
    kept = {
        name: p
        for p, e in elements
        if e.repeats and (name := short[p]) in known and repeating[name] == 1 and long[p] not in known
    }
    wanted = {p: n if often[n := short[p]] == 1 or kept.get(n) == p else long[p] for p, _ in elements}
    children = [p for p, e in elements if e.repeats or (wanted[p] in known and wanted[p] not in kept)]
    return dict(zip(children, bronze_names(wanted[p] for p in children), strict=True))


def _table_name(path: Sequence[str]) -> str:
    """A path as part of a table's name, in which `__` has a meaning."""
    (name,) = bronze_names(["_".join(local_name(p) for p in path)])
    return re.sub(r"_+", "_", name).strip("_") or "element"


def _fill(
    place: Place, element: Element, path: tuple[str, ...], names: Mapping[tuple[str, ...], str],
    tables: list[Table], origins: list[list[str]], prefix: list[str], table: int = 0,
) -> None:  # fmt: skip
    """Give the element and what it holds their tables and columns; `prefix` is its path below the row's element."""
    columns = origins[table]
    first = len(tables[table].own)

    def column(name: list[str]) -> int:
        columns.append("_".join(name))
        return first + len(columns) - 1

    for attribute in element.attributes:
        place.attributes[attribute] = column([*prefix, local_name(attribute)])
    if _has_text(element):
        place.text = column(prefix or [element.local])
    for name, child in _ordered(element):
        below = place.children[name] = Place()
        if (child_path := (*path, name)) in names:
            below.table = len(tables)
            tables.append(Table(names[child_path], table))
            origins.append([])
            _fill(below, child, child_path, names, tables, origins, [], below.table)
        else:
            _fill(below, child, child_path, names, tables, origins, [*prefix, child.local], table)


def _has_text(element: Element) -> bool:
    """Text of its own, or a leaf; a leaf that never has text, but attributes, is none."""
    return element.text or not (element.children or element.attributes)


def _ordered(element: Element) -> Iterator[tuple[str, Element]]:
    """Children in document order, those of one local name by namespace: `_2` is then the same in every load."""
    by_local: dict[str, list[str]] = {}
    for name in element.children:
        by_local.setdefault(local_name(name), []).append(name)
    for names in by_local.values():
        yield from ((n, element.children[n]) for n in sorted(names))
