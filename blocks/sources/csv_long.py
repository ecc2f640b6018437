"""Rows of CSV that are longer than DuckDB's reader takes by itself.

It begins again at the next line end, which may be within their quotes, and loses them where they are longer than its
buffers. Up to a length it is given larger ones; what is longer still is kept from it, and told as a reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 18
TAKEN = 2_000_000
"""Bytes of a row that DuckDB takes by itself, about."""
LONGEST = 16 << 20
"""Bytes of a row that it is given the memory for."""
LARGER = f"max_line_size = {2 * LONGEST}, buffer_size = {4 * LONGEST}"
"""What it then reads with."""
TRIED = 8
"""Line ends of which one is likely to be the end of a row."""
SPACES = 64
_CLOSING = re.compile(rb'(?:[^"]++|"")*+"')
Span = tuple[int, int]


def long_rows(path: Path, delimiter: str) -> list[Span]:
    """(first byte, byte behind the last) of rows that are longer than TAKEN; files that end rows by CR alone have none."""
    return list(_long_rows(path, delimiter.encode())) if _may_have_them(path) else []


def write_short(path: Path, out: BinaryIO, rows: Sequence[Span]) -> None:
    """Copy a file without these rows; their line ends stay, as blank lines."""
    with path.open("rb") as file:
        for first, last in (*rows, (path.stat().st_size, 0)):
            while chunk := file.read(min(CHUNK, first - file.tell())):
                out.write(chunk)
            file.seek(last)


def place_in_whole(place: int, rows: Sequence[Span]) -> int:
    """Where a byte of such a copy is in the file."""
    for first, last in rows:
        if place < first:
            break
        place += last - first
    return place


def _may_have_them(path: Path) -> bool:
    """Whether there is much of the file in which no row ends, as far as its quotes are always in pairs."""
    if path.stat().st_size <= TAKEN:
        return False
    within = passed = 0
    with path.open("rb") as file:
        if b"\n" not in file.read(4 * CHUNK):
            return False
        file.seek(0)
        while chunk := file.read(CHUNK):
            passed = 0 if _ends_a_row(chunk, within) else passed + len(chunk)
            if passed > TAKEN // 2:
                return True
            within = (within + chunk.count(b'"')) % 2
    return False


def _ends_a_row(chunk: bytes, within: int) -> bool:
    """Whether a line end stands outside of quotes; `within` is 1 where the bytes begin within them."""
    place, quotes = 0, within
    for _ in range(TRIED):
        end = chunk.find(b"\n", place)
        if end < 0:
            return False
        quotes += chunk.count(b'"', place, end)
        if quotes % 2 == 0:
            return True
        place = end + 1
    return any(b"\n" in text for text in chunk.split(b'"')[within::2])


def _long_rows(path: Path, cut: bytes) -> Iterator[Span]:
    first, within, before = 0, False, cut
    with path.open("rb") as file:
        while piece := _piece(file):
            within = _passed(piece, within, before, cut)
            before = piece[-SPACES:].rstrip(b" ")
            if piece.endswith(b"\n") and not within:
                if file.tell() - first > TAKEN:
                    yield first, file.tell() - len(piece) + len(piece.rstrip(b"\r\n"))
                first = file.tell()
        if file.tell() - first > TAKEN:
            yield first, file.tell()


def _piece(file: BinaryIO) -> bytes:
    """Bytes up to a line end, or many; two quotes that stand for one are not parted."""
    piece = file.readline(CHUNK)
    while piece.endswith(b'"') and (more := file.read(1)):
        piece += more
    return piece


def _passed(piece: bytes, within: bool, before: bytes, cut: bytes) -> bool:
    """Whether the bytes end within a quoted field; a quote begins one only at the begin of a field."""
    place = 0
    while True:
        if within:
            field = _CLOSING.match(piece, place)
            if field is None:
                return True
            place, within = field.end(), False
        place = piece.find(b'"', place) + 1
        if not place:
            return False
        ahead = piece[max(0, place - 1 - SPACES) : place - 1].rstrip(b" ")
        within = (ahead or (before if place <= SPACES else b"")).endswith((cut, b"\n", b"\r"))
