"""What one file is: its format, by name and by content, and the shape of its records, from its first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from blocks.sources.csv_dialect import Dialect, dialect_of
from blocks.sources.formats import SUFFIXES
from blocks.sources.naming import bronze_names
from blocks.sources.packed import is_packed
from blocks.sources.spec import StreamSpec
from governance.errors import HallmarkError

HEAD_BYTES = 1 << 20
ZIP_BYTES = 64 << 20
CSV = (".csv", ".tsv", ".tab", ".psv")
DOCUMENTS = (
    ".eml", ".mbox", ".msg", ".pdf", ".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx", ".odt", ".odp", ".ods",
    ".rtf", ".html", ".htm", ".md", ".rst", ".epub", ".tar", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp",
    ".webp",
)  # fmt: skip
_OF_SUFFIX = SUFFIXES | dict.fromkeys(CSV, "csv") | dict.fromkeys(DOCUMENTS, "documents")
_UNKNOWN = "its format is not known: declare it with `format` if it is csv, json, xml or parquet"
_LIKE_DOCUMENT = re.compile(rb"%PDF-|\x89PNG|\xff\xd8\xff|\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class Shape:
    """What a file's first bytes tell."""

    format: str
    """A format of files, `documents`, or empty."""
    named: bool = True
    """Whether the file's name says so: a reader then needs no `format`."""
    columns: frozenset[str] = frozenset()
    """Names that its records have: files with like names are one stream."""
    dialect: Dialect | None = None
    record: str = ""
    """Path of the record of an XML file; of a JSON document, that of the one list in it."""
    why: str = ""
    """Why it has no format."""

    def like(self, other: Shape) -> bool:
        """Whether two files can be one stream: at least half of their columns are the same."""
        if self.format != other.format:
            return False
        if not self.columns or not other.columns:  # an empty file goes along with any other
            return True
        return 2 * len(self.columns & other.columns) >= max(len(self.columns), len(other.columns))


def suffix_of(name: str) -> str:
    """The suffixes of a name as they stand: that of the format, then that of the packing."""
    path = PurePosixPath(name)
    return (PurePosixPath(path.stem).suffix if is_packed(path.name) else "") + path.suffix


def shape_of(name: str, head: bytes) -> Shape:
    """The shape of a file by its name and its first bytes; of a zip file by all of them."""
    path, plain = PurePosixPath(name.lower()), head
    known = _OF_SUFFIX.get(path.suffix)
    if is_packed(name):
        known = _OF_SUFFIX.get(PurePosixPath(path.stem).suffix)
        try:
            plain, inside = _unpacked(head, name)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, ValueError) as error:
            return Shape("", why=f"it cannot be unpacked: {str(error)[:100]}")
        known = known or inside
    found = known or _by_content(plain, name)
    if not found:
        return Shape("", why="it is empty" if not head else _UNKNOWN)
    if found == "documents":
        return Shape("documents")
    if found == "csv":
        try:
            dialect = _dialect(plain, name)
        except HallmarkError as error:
            return Shape("", why=error.cause)
        return Shape(found, bool(known), frozenset(bronze_names(dialect.header)), dialect)
    columns, record = {"json": _json_record, "xml": _xml_record}.get(found, _no_record)(plain)
    return Shape(found, bool(known), frozenset(columns), None, record)


def _unpacked(head: bytes, name: str) -> tuple[bytes, str]:
    """(the first bytes of what is packed, its format if the name in a zip file says it)."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(head)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            formats = {_OF_SUFFIX.get(PurePosixPath(m.filename).suffix.lower(), "documents") for m in members}
            if len(formats) != 1 or "documents" in formats:
                return b"", "documents"
            with archive.open(members[0]) as file:
                return file.read(HEAD_BYTES), formats.pop()
    if suffix == ".zst":
        import pyarrow as pa

        return bytes(pa.CompressedInputStream(pa.BufferReader(head), "zstd").read(HEAD_BYTES)), ""
    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    with openers[suffix](io.BytesIO(head)) as file:
        return bytes(file.read1(HEAD_BYTES)), ""


def _by_content(head: bytes, name: str) -> str:
    """The format of a file whose name says nothing."""
    if _LIKE_DOCUMENT.match(head):
        return "documents"
    if head.startswith(b"PAR1"):
        return "parquet"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"<?xml", b"<!DOCTYPE")) and b"<html" not in start[:1000].lower():
        return "xml"
    if start.startswith((b"{", b"[")) and _json_record(head)[0]:
        return "json"
    if re.match(rb"(?:[A-Za-z-]+: [^\n]*\r?\n)+", start) and re.search(
        rb"(?mi)^(from|received|subject): ", start[:4096]
    ):
        return "documents"
    with suppress(HallmarkError):
        dialect = _dialect(head, name)
        if len(dialect.header) > 1 and _even(head, dialect):
            return "csv"
    return "documents" if name.lower().endswith(".txt") else ""


def _no_record(head: bytes) -> tuple[Sequence[str], str]:
    return (), ""


def _xml_record(head: bytes) -> tuple[Sequence[str], str]:
    """(name of the root, path of the record) as far as the first bytes tell."""
    from blocks.sources import xml
    from blocks.sources.xml.tree import find_record, local_name

    with tempfile.NamedTemporaryFile(prefix="hallmark-") as file:
        file.write(head)
        file.flush()
        root = xml.scan(Path(file.name), None, "discover").root
    if root is None:
        return (), ""
    return (root.local,), "".join(f"/{local_name(name)}" for name in find_record(root))


def _dialect(head: bytes, name: str) -> Dialect:
    """Raises SourceError for what is no text."""
    with tempfile.NamedTemporaryFile(prefix="hallmark-") as file:
        file.write(head)
        file.flush()
        return dialect_of(Path(file.name), StreamSpec(), name)


def _even(head: bytes, dialect: Dialect) -> bool:
    """Whether most lines hold as many delimiters as the header."""
    lines = head.decode(dialect.encoding, "replace").splitlines()[dialect.skip - 1 : dialect.skip + 50]
    counts = [line.count(dialect.delimiter) for line in lines if line]
    return len(counts) > 1 and counts.count(counts[0]) > 0.8 * len(counts)


def _json_record(head: bytes) -> tuple[Sequence[str], str]:
    """(keys of the first record, path of the one list of objects in it).

    The first record is that of the first line, the first item of an array, or the whole document.
    """
    text = head.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    array = text.startswith("[")
    try:
        first, end = json.JSONDecoder().raw_decode(text.removeprefix("[").lstrip())
    except (ValueError, RecursionError):
        return re.findall(r'^\{\s*"((?:[^"\\]|\\.)*)"\s*:', text), ""
    if not isinstance(first, dict):
        return (), ""
    lists = [k for k, v in first.items() if isinstance(v, list) and len(v) > 1 and all(isinstance(x, dict) for x in v)]
    alone = not array and not text[end:].strip() and len(lists) == 1
    return list(first), "/" + lists[0].replace("~", "~0").replace("/", "~1") if alone else ""
