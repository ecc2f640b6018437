"""Records of a plain XML file as Parquet tables by xml2arrow, which is about eight times as fast as `rows.py`.

xml2arrow 0.19 takes every child of a table's container for a row, resolves no entities of a DTD, reads UTF-8 only,
joins `a:x` and `b:x` into one attribute, and gives an element's own text only. A file is plain if none of this shows;
its counts are held against those of the scan, so that a difference is found. Its empty elements: `marks.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

import yaml

from blocks.sources.xml.layout import Layout, Place
from blocks.sources.xml.marks import MARK, MarkedFile
from blocks.sources.xml.scan import Scan
from blocks.sources.xml.tree import SPACE, UNKNOWN, Element, at_path, local_name

if TYPE_CHECKING:
    import pyarrow as pa
    from xml2arrow import XmlToArrowParser

    from blocks.sources.xml.rows import TableFile

ROWS = 1 << 16
CHARACTERS = 1 << 25
"""A batch has so many rows at most, or so much text."""


@dataclass
class _Rows:
    """What a file has for one table."""

    container: tuple[str, ...]
    """Path of the element whose children are the rows."""
    count: int
    fields: dict[int, str] = field(default_factory=dict)
    """Place in the row → path of the value."""
    values: dict[int, int] = field(default_factory=dict)
    """Place in the row → how many values there must be."""
    hollow: dict[int, str] = field(default_factory=dict)
    """Place in the row → name of an element that is empty somewhere."""


class _NotPlain(Exception):
    """xml2arrow would read it as something else."""


def write_plain(scan: Scan, layout: Layout, record: tuple[str, ...], files: Sequence[TableFile]) -> bool:
    """Write all records. False if the file is not plain: what was written is to be thrown away."""
    if not scan.plain or not scan.root or len(record) < 2 or len(layout.tables[0].columns) == 0:
        return False
    wanted: dict[int, _Rows] = {}
    try:
        container, element = at_path(scan.root, record[:-1]), at_path(scan.root, record)
        if container is None or element is None or element.count == UNKNOWN:
            return False
        _visit(layout.record, element, container, record, wanted, 0)
        parser = _parser(wanted)
        return _write(parser, scan, wanted, files)
    except _NotPlain:
        return False


def _visit(
    place: Place, element: Element, container: Element, path: tuple[str, ...], wanted: dict[int, _Rows], table: int
) -> None:
    """Gather what xml2arrow must find of the element. Raises _NotPlain."""
    if place.table is not None:
        if len(container.children) != 1 or (place.table and (table or container.attributes)):
            raise _NotPlain
        table = place.table
        wanted[table] = _Rows(path[:-1], element.count)
    rows = wanted[table]
    if place.text is not None:
        if element.children:
            raise _NotPlain
        if element.hollow:
            rows.hollow[place.text] = element.local
        rows.fields[place.text], rows.values[place.text] = _path(path), element.count
    for name in element.attributes:
        if SPACE in name:
            raise _NotPlain
        rows.fields[place.attributes[name]] = f"{_path(path)}/@{name}"
    if len({local_name(name) for name in element.children}) < len(element.children):
        raise _NotPlain
    for name, child in element.children.items():
        below = place.children[name]
        if below.table is not None and place.table is not None:
            raise _NotPlain  # the rows of a table would be those of its parent
        _visit(below, child, element, (*path, name), wanted, table)


def _path(names: tuple[str, ...]) -> str:
    return "/" + "/".join(local_name(n) for n in names)


def _parser(wanted: dict[int, _Rows]) -> XmlToArrowParser:
    from xml2arrow import XmlToArrowParser

    tables: list[dict[str, Any]] = []
    for number, rows in wanted.items():
        fields = [
            {"name": str(slot), "xml_path": path, "data_type": "Utf8", "nullable": True}
            for slot, path in sorted(rows.fields.items())
        ]
        levels = ["row", "index"] if number else ["row"]
        tables.append({"name": str(number), "xml_path": _path(rows.container), "levels": levels, "fields": fields})
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        yaml.safe_dump({"tables": tables}, config)
        config.flush()
        return XmlToArrowParser(config.name)


def _write(parser: XmlToArrowParser, scan: Scan, wanted: dict[int, _Rows], files: Sequence[TableFile]) -> bool:
    """Whether the rows and values that were written are as many as the scan has counted."""
    from xml2arrow.exceptions import Xml2ArrowError

    rows = dict.fromkeys(wanted, 0)
    values = {(table, slot): 0 for table, of in wanted.items() for slot in of.values}
    try:
        hollow = {name for of in wanted.values() for name in of.hollow.values()}
        source = MarkedFile(scan.path, hollow) if hollow or not scan.one_line_end else scan.path
        found = parser.parse_batches(cast("IO[bytes]", source), max_rows_per_batch=ROWS, max_bytes_per_batch=CHARACTERS)
        for name, batch in found:
            table = int(name)
            files[table].writer.write_batch(_numbered(batch, files[table], rows[table], wanted[table]))
            rows[table] += batch.num_rows
            for slot in wanted[table].values:
                values[table, slot] += batch.num_rows - batch.column(str(slot)).null_count
    except Xml2ArrowError:
        return False
    counts = [(rows[t], of.count) for t, of in wanted.items()]
    counts += [(values[t, slot], count) for t, of in wanted.items() for slot, count in of.values.items()]
    return all(given in (UNKNOWN, counted) for counted, given in counts)


def _numbered(batch: pa.RecordBatch, file: TableFile, before: int, of: _Rows) -> pa.RecordBatch:
    """A batch with the table's own columns, and NULL for what the file has not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = batch.num_rows
    columns: list[pa.Array] = [pa.arange(before + 1, before + size + 1)]
    if file.table.parent is not None:
        columns.append(pc.add(batch.column("<row>").cast(pa.int64()), 1))
        columns.append(batch.column("<index>").cast(pa.int64()))
    for slot in range(len(columns), file.width):
        column = batch.column(str(slot)) if slot in of.fields else pa.nulls(size, pa.string())
        columns.append(pc.if_else(pc.equal(column, MARK), "", column) if slot in of.hollow else column)
    return pa.RecordBatch.from_arrays(columns, schema=file.schema)
