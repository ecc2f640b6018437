"""Which form a JSON file has: records by line, an array, documents in a row; and a readable copy where it has none.

Where records stand in a file is in `json_cut.py`, how they are taken apart in `json_lines.py`.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from blocks.engine import engine
from blocks.landing import Landing
from blocks.sources.encodings import transcode
from blocks.sources.json_cut import RECORD_BYTES, Spans, copy_records, has_long_line, lines, values
from blocks.sources.spec import StreamSpec
from blocks.sources.tables import Fault

HEAD = 1 << 16
CHUNK = 1 << 20
SHORT = 4 << 20
"""The reader has buffers of twice the longest line: large ones are dear, and a file in one is read by one thread."""
Format = Literal["newline_delimited", "array", "unstructured"]
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A landed file as DuckDB reads it."""

    path: Path
    """The file, or a copy beside it that is UTF-8 and holds whole records only."""
    format: Format
    text: Path
    """The file in UTF-8, of which positions are."""
    spans: Spans
    """What cuts it into records as DuckDB does."""
    shift: int = 0
    """Bytes of the landed file before those of `text`: its byte order mark."""
    faults: tuple[Fault, ...] = ()
    longest: int = RECORD_BYTES
    """Bytes that no record exceeds."""

    @property
    def skips_broken(self) -> bool:
        """Whether a broken record leaves the others readable."""
        return self.format == "newline_delimited"

    @property
    def empty(self) -> bool:
        """Whether no record can be in it."""
        return self.path.stat().st_size == 0


def form_of(path: Path, stream: StreamSpec, landing: Landing) -> Form:
    """Find out by the first bytes; a file of one document or array is read through once to see whether it is whole."""
    if path.stat().st_size == 0:
        fault = Fault("empty_file", "the file has no byte", "", 0, 0, "")
        return Form(path, "newline_delimited", path, lines, faults=(fault,))
    text, shift = _utf8(path, stream, landing)
    form = "newline_delimited" if path.suffix.lower() in (".ndjson", ".jsonl") else _guessed(text)
    if form == "newline_delimited":
        for longest in (SHORT, RECORD_BYTES):
            if not has_long_line(text, longest):
                return Form(text, form, text, lines, shift, longest=longest)
    if form in ("array", "unstructured"):
        return Form(text, form, text, values, shift)
    spans = values if form is None else lines
    whole = path.with_name(f"{path.name}.whole.ndjson")
    faults: list[Fault] = []
    landing.put(whole, lambda out: faults.extend(copy_records(text, spans, out)))
    return Form(whole, "newline_delimited", text, spans, shift, tuple(faults))


def _guessed(text: Path) -> Format | None:
    """The form of a file whose name tells none; None for one whose records must be cut out of it."""
    with text.open("rb") as file:
        head = file.read(HEAD)
    begin = head.lstrip()[:1]
    if begin == b"[":
        return "array" if _is_whole(text, "array") else None
    if begin != b"{":
        return "newline_delimited"
    found = head.split(b"\n")
    if len(head) == HEAD:  # the last one may go on
        found = found[:-1]
    objects = [_is_object(line) for line in found if line.strip()]
    if objects and objects[0]:
        return "newline_delimited"
    if _is_whole(text, "unstructured"):
        return "unstructured"
    # The lines of a broken document may hold objects too, but hardly half of them.
    return "newline_delimited" if 2 * sum(objects) >= len(objects) else None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_whole(path: Path, form: Format) -> bool:
    import duckdb

    from blocks.sources.naming import glob_escape

    with path.open("rb") as file:  # DuckDB takes an array that ends behind its first bracket
        file.seek(max(0, path.stat().st_size - HEAD))
        if not file.read().rstrip().endswith((b"]", b"}")):
            return False
    with engine() as connection:
        try:
            connection.execute(
                "SELECT count(json) FROM read_json_objects(?, format = ?, compression = 'none', "
                "maximum_object_size = ?)",
                [glob_escape(str(path)), form, RECORD_BYTES],
            ).fetchall()
        except duckdb.InvalidInputException:
            return False
    return True


def _utf8(path: Path, stream: StreamSpec, landing: Landing) -> tuple[Path, int]:
    """The file, or its copy in UTF-8 without a byte order mark, and by how much the copy is shifted."""
    with path.open("rb") as file:
        head = file.read(4)
    bom, encoding = next(((b, name) for b, name in _BOMS if head.startswith(b)), (b"", stream.encoding or "utf-8"))
    if not bom and b"\0" in head[:2]:  # JSON begins with ASCII
        encoding = "utf-16-be" if head[0] == 0 else "utf-16-le"
    name = codecs.lookup(encoding).name
    if not bom and name == "utf-8":
        return path, 0
    plain = path.with_name(f"{path.name}.plain" if name == "utf-8" else f"{path.name}.{name}.utf8")
    if not plain.exists():
        landing.put(plain, partial(transcode, path, len(bom), name))
    return plain, len(bom) if name == "utf-8" else 0
