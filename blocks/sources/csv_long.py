"""Rows of CSV that DuckDB's reader loses: very long ones, and a last one whose quote never closes.

Of a row that is longer than it takes it begins again at the next line end, which may be within quotes, and it passes
over one that is longer than its buffers. Up to a length it is given larger ones; what is longer still, and the last
row, are kept from it and told as rejects.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
CLOSING = re.compile(rb'(?:[^"]++|"")*+"')
"""A quoted field from behind the quote that begins it."""
_QUOTES = re.compile(rb'"+')


@dataclass(frozen=True)
class Apart:
    """A row that is kept from the reader."""

    first: int
    last: int
    """The byte behind it."""
    is_open: bool
    """It begins a quoted field that never closes: it is the last one."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.last - self.first


def rows_apart(path: Path, delimiter: str) -> list[Apart]:
    """Rows longer than TAKEN, and the last one where a quote in it never closes.

    Of files that end rows by CR alone only the last one.
    """
    cut = delimiter.encode()
    with path.open("rb") as file:
        end = b"\n" if b"\n" in file.read(4 * CHUNK) else b"\r"
    if _may_be_open(path, cut) or (end == b"\n" and _may_have_long(path)):
        return list(_rows_apart(path, cut, end))
    return []


def write_short(path: Path, out: BinaryIO, rows: Sequence[Apart]) -> None:
    """Copy a file without these rows; their line ends stay, as blank lines."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for row in (*rows, Apart(size, size, False)):
            while chunk := file.read(min(CHUNK, row.first - file.tell())):
                out.write(chunk)
            file.seek(row.last)


def place_in_whole(place: int, rows: Sequence[Apart]) -> int:
    """Where a byte of such a copy is in the file."""
    for row in rows:
        if place < row.first:
            break
        place += row.size
    return place


def _may_have_long(path: Path) -> bool:
    """Whether there is much of the file in which no row ends, as far as its quotes are always in pairs."""
    if path.stat().st_size <= TAKEN:
        return False
    within = passed = 0
    with path.open("rb") as file:
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


def _may_be_open(path: Path, cut: bytes) -> bool:
    """Whether the last quote that has no other to pair with stands where a field begins."""
    behind, end = b"", path.stat().st_size
    with path.open("rb") as file:
        while end:
            begin = max(0, end - CHUNK)
            margin = min(SPACES, begin)
            file.seek(begin - margin)
            text = file.read(end - begin + margin) + behind
            for run in reversed(list(_QUOTES.finditer(text, margin))):
                if len(run[0]) % 2 and (run.start() > margin or not begin):
                    ahead = text[max(0, run.start() - SPACES) : run.start()]
                    return begins_field(ahead, cut) or ahead.rstrip(b" ").endswith(b'"')
            # Quotes at the begin are of a run that may begin before: of them it only counts whether they are even.
            run_on = len(text) - margin - len(text[margin:].lstrip(b'"'))
            behind, end = b'"' * (run_on and 2 - run_on % 2), begin
    return False


def _rows_apart(path: Path, cut: bytes, end: bytes) -> Iterator[Apart]:
    first, within, before = 0, False, b""
    with path.open("rb", buffering=2 * CHUNK) as file:
        while piece := _piece(file, end):
            within = _passed(piece, within, before, cut)
            before = piece[-SPACES:]
            if piece.endswith(end) and not within:
                if file.tell() - first > TAKEN:
                    yield Apart(first, file.tell() - len(piece) + len(piece.rstrip(b"\r\n")), False)
                first = file.tell()
        if within or file.tell() - first > TAKEN:
            yield Apart(first, file.tell(), within)


def _piece(file: BinaryIO, end: bytes) -> bytes:
    """Bytes up to a line end, or many; two quotes that stand for one are not parted."""
    if end == b"\n":
        piece = file.readline(CHUNK)
    else:
        ahead = file.read(CHUNK)
        piece = ahead[: ahead.find(end) + 1] or ahead
        file.seek(len(piece) - len(ahead), os.SEEK_CUR)
    while piece.endswith(b'"') and (more := file.read(1)):
        piece += more
    return piece


def _passed(piece: bytes, within: bool, before: bytes, cut: bytes) -> bool:
    """Whether the bytes end within a quoted field, as the reader has it.

    A quote begins one at the begin of a field, and goes on with one behind its end and blanks.
    """
    place = 0
    while True:
        if within:
            field = CLOSING.match(piece, place)
            if field is None:
                return True
            behind = piece[field.end() : field.end() + SPACES]
            blanks = len(behind) - len(behind.lstrip(b" "))
            within = behind[blanks : blanks + 1] == b'"'
            place = field.end() + (blanks + 1 if within else 0)
            if within:
                continue
        place = piece.find(b'"', place) + 1
        if not place:
            return False
        ahead = piece[max(0, place - 1 - SPACES) : place - 1]
        within = begins_field(ahead if place > SPACES else before + ahead, cut)


def begins_field(ahead: bytes, cut: bytes) -> bool:
    """Whether a quote behind these bytes begins a quoted field: at the begin of one, or behind one blank there."""
    ahead = ahead.removesuffix(b" ")
    return not ahead or ahead.endswith((cut, b"\n", b"\r"))
