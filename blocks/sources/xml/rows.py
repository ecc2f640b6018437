"""Records of one XML file as Parquet tables, by expat: any XML that it can read, up to where it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.parsers import expat

from blocks.sources.xml.entities import keep_entities
from blocks.sources.xml.layout import Layout, Place, Table
from blocks.sources.xml.scan import Scan, StoppedError, feed, new_parser

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS = 8192
CHARACTERS = 1 << 25
"""A batch is written when it has so many rows, or so much text."""


@dataclass
class Tail:
    """Where the last complete record of a broken file ends."""

    byte: int
    line: int


class TableFile:
    """One table on its way into a Parquet file; `count` rows were begun."""

    def __init__(self, table: Table, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.table, self.path = table, path
        self.width = len(table.own) + len(table.columns)
        self.count = 0
        self.last_parent = self.index = -1
        self.rows: list[list[object]] = []
        types = [(n, pa.int64()) for n in table.own] + [(n, pa.string()) for n in table.columns]
        self.schema: pa.Schema = pa.schema(types)
        # It is read once, as a whole: zstd finds what repeats, and nothing asks for the least value.
        self.writer: pq.ParquetWriter = pq.ParquetWriter(
            path, self.schema, compression="zstd", compression_level=1, use_dictionary=False, write_statistics=False
        )

    def write(self) -> None:
        """Write what is gathered."""
        import pyarrow as pa

        if self.rows:
            columns = [pa.array(c, f.type) for c, f in zip(zip(*self.rows, strict=True), self.schema, strict=True)]
            self.writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self.schema))
            self.rows.clear()


@contextmanager
def open_tables(layout: Layout, base: Path) -> Iterator[list[TableFile]]:
    """A Parquet file for each table of the layout (`base` begins their names), complete when the context ends."""
    names = [f"{base.name}-{number}{'-' if t.name else ''}{t.name}.parquet" for number, t in enumerate(layout.tables)]
    files = [TableFile(t, base.with_name(name)) for t, name in zip(layout.tables, names, strict=True)]
    try:
        yield files
        for file in files:
            file.write()
    finally:
        for file in files:
            file.writer.close()


def write_rows(scan: Scan, layout: Layout, record: tuple[str, ...], complete: int, files: list[TableFile]) -> Tail:
    """Write the first `complete` records of the file. Gives where they end, if the file is broken."""
    parser, encoding = new_parser(scan.path)
    top = place = Place()
    for name in record[:-1]:
        below = place.children[name] = Place()
        place = below
    place.children[record[-1]] = layout.record
    tail = Tail(0, 1)
    if complete:
        _collect(parser, top, files, complete, tail if scan.broken else None)
    try:
        feed(parser, scan.path, encoding)
    except (expat.ExpatError, StoppedError):
        if not scan.broken:
            raise
        if complete and not tail.byte:
            tail.byte, tail.line = parser.ErrorByteIndex, parser.ErrorLineNumber
    return tail


def _collect(parser: expat.XMLParserType, top: Place, files: list[TableFile], complete: int, tail: Tail | None) -> None:
    """Set the handlers that gather rows, until `complete` records are read."""
    place, skipped, gathered = top, 0, 0
    row: list[object] = []
    places: list[Place] = []
    rows: list[list[object]] = []
    pieces: list[str] = []
    marks: list[int] = []

    def start(name: str, attributes: list[str]) -> None:
        nonlocal place, row, skipped
        if skipped or (below := place.children.get(name)) is None:
            skipped += 1
            return
        places.append(place)
        place = below
        if place.table is not None:
            file = files[place.table]
            file.count += 1
            new: list[object] = [None] * file.width
            new[0] = file.count
            if file.table.parent is not None:
                parent = files[file.table.parent].count
                file.index = file.index + 1 if file.last_parent == parent else 0
                file.last_parent = parent
                new[1], new[2] = parent, file.index
            rows.append(row)
            row = new
        if attributes and place.attributes:
            slots = place.attributes
            for at in range(0, len(attributes), 2):
                if (slot := slots.get(attributes[at])) is not None:
                    row[slot] = attributes[at + 1]
        if place.text is not None:
            marks.append(len(pieces))

    def end(_: str) -> None:
        nonlocal place, row, skipped, gathered
        if skipped:
            skipped -= 1
            return
        if place.text is not None:
            mark = marks.pop()
            row[place.text] = value = "".join(pieces[mark:])
            gathered += len(value)
            if not marks:
                pieces.clear()
        if place.table is not None:
            file = files[place.table]
            file.rows.append(row)
            row = rows.pop()
            if len(file.rows) >= ROWS or gathered > CHARACTERS:
                gathered = 0
                for file in files:
                    file.write()
            if place.table == 0 and files[0].count == complete and tail:
                _find_tail(parser, tail)
        place = places.pop()

    def text(data: str) -> None:
        if marks:
            pieces.append(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    keep_entities(parser, text)


def _find_tail(parser: expat.XMLParserType, tail: Tail) -> None:
    """Read no more rows: what comes next, other than blanks, is where the tail begins."""
    parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = None

    def following(data: str) -> None:
        if not data.isspace() and not tail.byte:
            tail.byte, tail.line = parser.CurrentByteIndex, parser.CurrentLineNumber

    parser.DefaultHandler = following
