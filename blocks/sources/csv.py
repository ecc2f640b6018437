"""CSV as text: DuckDB's strict reader, and the rows it rejects. Where the rows begin is in `csv_dialect.py`.

Every value stays the text that it was. A row with too few or too many fields, broken quotes or bytes that are
not of the encoding is a reject with its line and byte range.
"""

from __future__ import annotations

import codecs
import glob
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from blocks.landing import Landing
from blocks.sources.base import ColumnSpec, Manifest, Reject
from blocks.sources.csv_dialect import SAMPLE_BYTES, Dialect, dialect_of, skip_of
from blocks.sources.csv_lines import count_ends, has_mixed_ends, stand_in_of, write_even
from blocks.sources.csv_long import LARGER, LONGEST, Apart, place_in_whole, rows_apart, write_short
from blocks.sources.encodings import transcode
from blocks.sources.extracts import Flat
from blocks.sources.naming import bronze_names, glob_escape, literal, quote
from blocks.sources.spec import StreamSpec
from blocks.sources.tables import RAW_LIMIT

if TYPE_CHECKING:
    import duckdb

PAGE = 1000
LINE_KEPT = 10_000  # bytes that DuckDB keeps of a rejected line
_REASONS = {
    "MISSING COLUMNS": ("missing_fields", "the row has fewer fields than the header"),
    "TOO MANY COLUMNS": ("too_many_fields", "the row has more fields than the header"),
    "INVALID ENCODING": ("invalid_encoding", "the row holds bytes that are not of the file's encoding"),
    "UNQUOTED VALUE": ("broken_quotes", "a quoted field goes on after its closing quote, or never closes"),
    "BROKEN HEADER": (
        "broken_header",
        "a quoted name goes on after its closing quote, or never closes: no row is read",
    ),
    "LINE SIZE OVER MAXIMUM": ("line_too_long", "the line is longer than the reader takes"),
}


def schema_of(path: Path, stream: StreamSpec, where: str, known: Collection[str] = ()) -> tuple[ColumnSpec, ...]:
    """The columns of a landed file, all text; none for an empty one or a broken header. `known`: see `dialect_of`.

    Raises UnreadFileError for a binary.
    """
    header = dialect_of(path, stream, where, known).header
    return tuple(ColumnSpec(name, "VARCHAR", origin) for name, origin in zip(bronze_names(header), header, strict=True))


def plain_twin(path: Path) -> Path | None:
    """The UTF-8 copy that a landed file of another encoding was last read from, if it was."""
    return next(iter(_twins(path, "utf8")), None)


def _twins(path: Path, suffix: str) -> list[Path]:
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.*.{suffix}"))


@dataclass(frozen=True)
class _File:
    """One landed file, and what it is read from."""

    manifest: Manifest
    dialect: Dialect
    text: Path
    """It as UTF-8: itself, or a copy of it. Positions are those of this one."""
    even: Path
    """The same with one kind of line end, and without the rows apart: the same file, if it has neither."""
    apart: Sequence[Apart]
    """Rows that are kept from the reader."""
    options: str = ""
    """What the reader needs for long ones."""

    def value(self, column: str) -> str:
        """SQL of a column's value as the file has it."""
        if self.even == self.text:
            return f"nullif({quote(column)}, '')"
        return f"nullif(replace({quote(column)}, chr({stand_in_of(self.text)[0]}), chr(13)), '')"


class CsvExtract(Flat):
    """Landed CSV files of one stream, each a load of one part, as one SELECT."""

    def __init__(self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing) -> None:
        self.stream = stream
        self.files = [_prepared(m, stream, landing) for m in manifests]
        names = dict.fromkeys(c.name for f in self.files for c in f.manifest.schema)
        self.columns = [ColumnSpec(name, "VARCHAR") for name in names]
        # DuckDB numbers the files of all connections that name the same tables by one counter, and mixes them up.
        owner = f"rejects_{uuid4().hex}"
        self._errors, self._scans = f"{owner}_rows", f"{owner}_files"

    @cached_property
    def sql(self) -> str:
        """One branch for each file, so that rows are numbered within their file."""
        branches = [self._branch(f) for f in self.files if f.manifest.schema and not f.dialect.broken]
        empty = ", ".join(f"NULL::VARCHAR AS {quote(c.name)}" for c in self.columns) or "NULL AS nothing"
        return " UNION ALL BY NAME ".join(branches) or (
            f"SELECT {empty}, '' AS _load_id, '' AS _source_position WHERE false"
        )

    def _branch(self, file: _File) -> str:
        manifest, dialect = file.manifest, file.dialect
        columns = ", ".join(f"{literal(c.name)}: 'VARCHAR'" for c in manifest.schema)
        cells = ", ".join(f"{file.value(c.name)} AS {quote(c.name)}" for c in manifest.schema)
        part = manifest.parts[0]
        return (
            f"SELECT {cells}, {literal(manifest.load_id)} AS _load_id, "
            f"{literal(part.position + '#')} || row_number() OVER () AS _source_position "
            f"FROM read_csv({literal(glob_escape(str(file.even)))}, auto_detect = false, header = false, "
            f"skip = {dialect.skip}, "
            f"columns = {{{columns}}}, delim = {literal(dialect.delimiter)}, quote = '\"', escape = '\"', "
            # With '' as NULL, DuckDB takes a row with an empty field too many; a lone line end is never a field.
            "nullstr = '\n', allow_quoted_nulls = false, "
            "strict_mode = true, null_padding = false, store_rejects = true, rejects_limit = 0, "
            f"rejects_table = {literal(self._errors)}, rejects_scan = {literal(self._scans)}, "
            # Where one of several threads begins, DuckDB guesses in what it is: wrong, it makes rows of the lines of a
            # quoted field, or loses all up to where the next one begins.
            f"parallel = false{file.options})"
        )

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """What the reader passed over: broken rows, and files without a byte."""
        found = [r for file in self.files for r in _unreadable(file)]
        if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [self._errors]).fetchall():
            return found
        by_path = {str(f.even): f for f in self.files}
        # Not the text of the lines, which are as much as the file in the worst case: their length in bytes.
        result = connection.execute(
            "SELECT s.file_path, min(e.line_byte_position), min(e.error_type::VARCHAR), max(strlen(e.csv_line)) "
            f"FROM {quote(self._errors)} e JOIN {quote(self._scans)} s USING (scan_id, file_id) "
            "GROUP BY s.file_path, e.line ORDER BY 1, 2"
        )
        rows = chain.from_iterable(iter(lambda: result.fetchmany(PAGE), []))
        for file_path, broken in groupby(rows, lambda row: str(row[0])):
            found += _rejects_of(by_path[file_path], broken)
        connection.execute(f"DROP TABLE {quote(self._errors)}; DROP TABLE {quote(self._scans)}")
        return found


def _rejects_of(broken: _File, rows: Iterable[tuple[Any, ...]]) -> Iterator[Reject]:
    """The rejects of one file, in order; DuckDB's own `line` leaves line breaks in quotes out."""
    line = 1
    with broken.text.open("rb") as file:
        for _, start, kind, size in rows:
            place = place_in_whole(start - 1, broken.apart)
            first = _passed_blank(file, place)
            line += count_ends(file, first)
            last = place + size
            if last <= first or size >= LINE_KEPT:  # DuckDB keeps no text of some rows that stand behind a blank line
                last = _end_of(file, first)
            yield _reject(broken.manifest, file, line, first, last, kind)
            file.seek(first)


def _passed_blank(file: BinaryIO, place: int) -> int:
    """Where the row begins that DuckDB says to begin there: it counts blank lines before a row as of it."""
    stood = file.tell()
    file.seek(place)
    while (blank := file.read(LINE_KEPT)) and not blank.strip(b"\r\n"):
        place += len(blank)
    place += len(blank) - len(blank.lstrip(b"\r\n"))
    file.seek(stood)
    return place


def _unreadable(file: _File) -> Iterator[Reject]:
    """What the reader never sees: a file without a byte, one with a header that cannot be read, and rows apart."""
    part = file.manifest.parts[0]
    if part.bytes == 0:
        yield Reject(file.manifest.load_id, part.position, "empty_file", "the file has no byte", "", 0, 0)
    if not file.dialect.broken and not file.apart:
        return
    with file.text.open("rb") as text:
        if file.dialect.broken:
            yield _reject(file.manifest, text, 1, 0, file.text.stat().st_size, "BROKEN HEADER")
        line = 1
        for row in file.apart:
            line += count_ends(text, row.first)
            kind = "UNQUOTED VALUE" if row.is_open else "LINE SIZE OVER MAXIMUM"
            yield _reject(file.manifest, text, line, row.first, row.last, kind)
            text.seek(row.first)


def _end_of(file: BinaryIO, first: int) -> int:
    """Where a row ends longer than DuckDB tells: at a line end that no quote encloses, or with the file."""
    file.seek(first)
    quotes = 0
    while line := file.readline(SAMPLE_BYTES):
        quotes += line.count(b'"')
        if line.endswith(b"\n") and quotes % 2 == 0:
            return file.tell() - len(line) + len(line.rstrip(b"\r\n"))
    return file.tell()


def _reject(manifest: Manifest, file: BinaryIO, line: int, first: int, last: int, kind: str) -> Reject:
    code, reason = _REASONS.get(kind, ("unreadable_row", kind.lower()))
    file.seek(first)
    raw = file.read(min(last - first, RAW_LIMIT))
    whole = raw.decode("utf-8", errors="backslashreplace") if last - first <= RAW_LIMIT else None
    return Reject(manifest.load_id, f"{manifest.parts[0].position}:{line}", code, reason, whole, first, last)


def _prepared(manifest: Manifest, stream: StreamSpec, landing: Landing) -> _File:
    """What a landed file is read from: itself, or copies beside it where it has another encoding, or mixed line ends.

    Only the copies of today's declaration stay, so that what is there tells how the file was last read.
    """
    part = manifest.parts[0]
    path = landing.part(manifest)
    where = f"stream {manifest.source}.{manifest.stream}, file {part.position}"
    dialect = dialect_of(path, stream, where, [c.name for c in manifest.schema])
    name = f"{path.name}.{codecs.lookup(dialect.encoding).name}"
    text = path if dialect.is_utf8 else path.with_name(f"{name}.utf8")
    if not text.exists():
        landing.put(text, lambda out: transcode(path, 0, dialect.encoding, out))
    even = text
    if not dialect.broken and has_mixed_ends(text, dialect.delimiter):
        even = path.with_name(f"{name}-{ord(dialect.delimiter)}.even")
        if not even.exists():
            landing.put(even, lambda out: write_even(text, out, dialect.delimiter))
        dialect = replace(dialect, skip=skip_of(even) if dialect.header else dialect.skip)
    rows = [] if dialect.broken else rows_apart(even, dialect.delimiter)
    apart = [row for row in rows if row.is_open or row.size > LONGEST]
    options = f", {LARGER}" if len(rows) > len(apart) else ""
    if apart:
        short = path.with_name(f"{name}-{ord(dialect.delimiter)}.short.even")
        if not short.exists():
            landing.put(short, partial(write_short, even, rows=apart))
        even = short
    for old in [*_twins(path, "utf8"), *_twins(path, "even")]:
        if old not in (text, even):
            old.unlink()
    return _File(manifest, dialect, text, even, apart, options)
