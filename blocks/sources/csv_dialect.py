"""How one CSV file is written: encoding, delimiter, and where its header is. What is no text is refused here.

Reading the rows is in `csv.py`; it passes over what is found here as the header.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from blocks.sources.naming import bronze_names
from blocks.sources.spec import StreamSpec
from governance.errors import UnreadFileError

SAMPLE_BYTES = 1 << 20
_DELIMITERS = ",;\t|"
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANK_LINES = re.compile(r"(?: *(?:\r\n|\r|\n))*")
_CONTROL = "[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]"
_MAGIC = re.compile(
    rb"%PDF-|PK\x03\x04|\x89PNG|\xff\xd8\xff|\x1f\x8b|\x28\xb5\x2f\xfd|PAR1[^ -~]|SQLite format 3\x00|\xd0\xcf\x11\xe0"
)


@dataclass(frozen=True)
class Dialect:
    """How one file is written."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    """The names; none when there is no header, or a broken one."""
    head: str
    """The header record as it stands in the file, without its line end."""
    skip: int
    """Records before the first row: blank lines, and the header."""
    broken: bool
    """The header has a quote that goes on after its end, or never closes: nobody knows where the rows begin."""

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes can be read as they are; a byte that is not UTF-8 is then a broken row."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig", "ascii")


def dialect_of(path: Path, stream: StreamSpec, where: str, known: Collection[str] = ()) -> Dialect:
    """Encoding, delimiter and header of a file: declared, or found in its first MiB.

    `known`, names in bronze of the columns that the stream has, pins the delimiter: it is the one that finds most of
    them in the header, whatever the rows look like.

    Raises UnreadFileError for what is no text.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    if _MAGIC.match(sample):
        raise _binary(where)
    encoding = stream.encoding or detect_encoding(path, sample)
    # A mark of UTF-8 is no part of the first name, whatever is declared.
    text = _decoded(sample.removeprefix(codecs.BOM_UTF8), encoding).removeprefix("\ufeff")
    _refuse_binary(text, where, declared=stream.encoding is not None)
    delimiter = stream.delimiter or _delimiter(text, known)
    start = _BLANK_LINES.match(text)
    begin = start.end() if start else 0
    blank = len(_LINE_END.findall(text, 0, begin))
    if begin == len(text):
        return Dialect(encoding, delimiter, (), "", blank, broken=False)
    fields, end = split_record(text, delimiter, begin)
    if not fields or (end == len(text) and not whole):
        line = _LINE_END.split(text[begin : begin + SAMPLE_BYTES], maxsplit=1)[0]
        return Dialect(encoding, delimiter, (), line, blank, broken=True)
    if _rows_end_in_a_delimiter(text[end:], delimiter, len(fields)):
        fields = [*fields, ""]
    names = tuple(f.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for f in fields)
    return Dialect(encoding, delimiter, names, text[begin:end], blank + 1, broken=False)


def skip_of(path: Path) -> int:
    """The records before the first row of a UTF-8 file that has a header: blank lines, and the header."""
    with path.open("rb") as file:
        text = file.read(SAMPLE_BYTES).decode("utf-8", "replace").removeprefix("\ufeff")
    start = _BLANK_LINES.match(text)
    return len(_LINE_END.findall(text, 0, start.end() if start else 0)) + 1


def split_record(text: str, delimiter: str, begin: int = 0) -> tuple[list[str], int]:
    """(fields, end) of the record at `begin`, read strictly; no fields when a quote in it is broken.

    Spaces around a quoted field are not of it, as DuckDB has it.
    """
    cut = re.escape(delimiter)
    quoted = re.compile(rf' *"((?:[^"]++|"")*+)" *(?={cut}|[\r\n]|\Z)')
    plain = re.compile(rf"[^{cut}\r\n]*+")
    fields = []
    while True:
        field = quoted.match(text, begin)
        if not field:
            field = plain.match(text, begin)
            if not field or field[0].lstrip(" ").startswith('"'):
                return [], begin
        fields.append(field[1].replace('""', '"') if field.re is quoted else field[0])
        begin = field.end()
        if text[begin : begin + 1] != delimiter:
            return fields, begin
        begin += 1


def is_one_record(text: str, delimiter: str) -> bool:
    """Whether a row, without its line end, stays by itself when it is put among others."""
    fields, end = split_record(text, delimiter)
    return bool(fields) and end == len(text)


def detect_encoding(path: Path, sample: bytes) -> str:
    """UTF-8 (BOM or not) or UTF-16 by BOM; cp1252 only if no byte above 127 makes sense as UTF-8and all do as it.

    A file with valid multi-byte characters and some broken rows is UTF-8: its broken rows are rejects.
    """
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    broken = False
    with path.open("rb") as file:
        while line := file.readline(SAMPLE_BYTES):
            if line.isascii():
                continue
            while len(line) >= SAMPLE_BYTES and line[-1] > 127 and (more := file.read(1)):  # cut within a character?
                line += more
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                broken = True
            else:
                return "utf-8-sig"
            try:
                line.decode("cp1252")
            except UnicodeDecodeError:
                return "utf-8-sig"
    return "cp1252" if broken else "utf-8-sig"


def _decoded(sample: bytes, encoding: str) -> str:
    """A sample as text that can be turned back into its bytes, where the encoding allows it."""
    try:
        return sample.decode(encoding, errors="surrogateescape")
    except UnicodeError:  # cut within a character of several bytes, or not of the encoding
        return sample.decode(encoding, errors="replace")


def _delimiter(text: str, known: Collection[str]) -> str:
    """The candidate that finds most known names, then cuts the first 50 records into the steadiest count of fields."""

    def score(candidate: str) -> tuple[int, float, int]:
        records = _records(text, candidate)
        found = len(set(bronze_names(records[0])) & set(known)) if records else 0
        widths = [len(record) for record in records]
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 1)
        return (found, count / max(len(widths), 1) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=score)


def _rows_end_in_a_delimiter(text: str, delimiter: str, width: int) -> bool:
    """Whether each of the first rows has just an empty field more than the header: it lacks the last delimiter."""
    rows = _records(text, delimiter)
    return len(rows) > 1 and all(len(row) == width + 1 and not row[-1] for row in rows)


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The first 50 records, as far as they can be read."""
    found: list[list[str]] = []
    try:
        for record, _ in zip(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), range(50), strict=False):
            found += [record] if record else []
    except csv.Error:  # a quote that never closes: the field is longer than the csv module takes
        pass
    return found


def _refuse_binary(text: str, where: str, *, declared: bool) -> None:
    """Raise for text that is none; a NUL here and there is data, many are a sign.

    Bytes that are not of a declared encoding are broken rows; of a guessed one they are a sign too.
    """
    beginning = text[:4096]
    odd = len(re.findall(_CONTROL if declared else f"{_CONTROL}|[\ufffd\udc80-\udcff]", beginning))
    nuls = text.count("\x00")
    if (odd > 8 and odd / len(beginning) > 0.1) or (nuls > 8 and nuls / len(text) > 0.01):
        raise _binary(where)


def _binary(where: str) -> UnreadFileError:
    return UnreadFileError(where, "it is a binary file, not CSV", "remove it, or give the stream its true format")
