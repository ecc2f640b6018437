"""Line ends of CSV: which a file has outside of quotes, one kind made of several, and lines counted.

DuckDB's strict reader takes one kind of line end in a file, and refuses the whole of another. Fields are in
`csv_dialect.py`, rows in `csv.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from blocks.sources.csv_long import CLOSING, SPACES, begins_field

CHUNK = 1 << 20
_STAND_INS = bytes([*range(1, 9), *range(14, 32)])


def has_mixed_ends(path: Path, delimiter: str) -> bool:
    """Whether rows end in more than one way. A break within a quoted field is no end."""
    found: set[str] = set()
    last = b""
    with path.open("rb") as file:
        for before, chunk in _chunks(file):
            found |= _ends(chunk, before)
            last = chunk[-1:]
            if len(found) > 1:
                break
        else:
            if len(found | _ends(b"x", last)) < 2:
                return False
        file.seek(0)
        found = set()
        for _, outside in _lines(file, delimiter):
            found |= _ends(outside + b"x", b"")
            if len(found) > 1:
                return True
    return False


def write_even(path: Path, out: BinaryIO, delimiter: str) -> None:
    """Copy a file with LF as the end of every row, and no CR: in a quoted field it becomes `stand_in`.

    Each byte stays at its place: a CRLF becomes two LF, of which the reader passes over the second.
    """
    stand_in = stand_in_of(path)
    with path.open("rb") as file:
        for line, outside in _lines(file, delimiter):
            if b"\r" in line:
                even = bytearray(line.replace(b"\r", stand_in))
                for found in re.finditer(b"\r", outside):
                    even[found.start()] = 0x0A
                out.write(even)
            else:
                out.write(line)


def stand_in_of(path: Path) -> bytes:
    """A control character that the file does not have, to stand for a CR; the CR itself if it has them all."""
    with path.open("rb") as file:
        have = {byte for chunk in iter(lambda: file.read(CHUNK), b"") for byte in _STAND_INS if byte in chunk}
    return bytes(next(([byte] for byte in _STAND_INS if byte not in have), [0x0D]))


def count_ends(file: BinaryIO, until: int) -> int:
    """Line ends of any kind, in quotes or not, from where the file stands to a byte that begins a line."""
    count = 0
    for before, chunk in _chunks(file, until):
        count += chunk.count(b"\n")
        if b"\r" in chunk or before == b"\r":
            count += chunk.count(b"\r") - (before + chunk).count(b"\r\n")
    return count


def _chunks(file: BinaryIO, until: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """(the byte before, bytes) from where the file stands."""
    before = b""
    while chunk := file.read(CHUNK if until is None else max(min(CHUNK, until - file.tell()), 0)):
        yield before, chunk
        before = chunk[-1:]


def _ends(text: bytes, before: bytes) -> set[str]:
    """The kinds of line end in bytes, and of a CR just before them; a CR at their end is left to the next bytes."""
    if b"\r" not in text and before != b"\r":
        return {"lf"} if b"\n" in text else set()
    both = (before + text).count(b"\r\n")
    # A CR at the very end may be half of a CRLF: the next bytes tell.
    lone = text.count(b"\r") + (before == b"\r") - both - text.endswith(b"\r")
    found = {"crlf": both, "lf": text.count(b"\n") - both, "cr": lone}
    return {kind for kind, count in found.items() if count}


def _lines(file: BinaryIO, delimiter: str) -> Iterator[tuple[bytes, bytes]]:
    """Each line up to LF, and it with quoted fields masked, cut where one begins that goes on in the next line."""
    sound, cut = _sound_line(delimiter), delimiter.encode()
    within = False
    for line in file:
        if not within and (b'"' not in line or (sound and sound.fullmatch(line))):
            end = len(line) - 1 - line.endswith(b"\r\n")
            yield line, line if b'"' not in line else b"x" * end + line[end:]
            continue
        outside, place = bytearray(line), 0
        while within or (place := line.find(b'"', place)) >= 0:
            if within or begins_field(line[max(0, place - SPACES) : place], cut):
                field = CLOSING.match(line, place if within else place + 1)
                within = field is None
                end = len(line) if field is None else field.end()
                outside[place:end] = b"x" * (end - place) if field else b"x"
                place = end
                if within:
                    break
            else:
                place += 1
        yield line, bytes(outside)


def _sound_line(delimiter: str) -> re.Pattern[bytes] | None:
    """What most lines with quotes are: whole fields and a line end. Found much faster than their fields one by one."""
    if not delimiter.isascii():
        return None
    cut = re.escape(delimiter.encode())
    field = rb'(?: ?"(?:[^"]++|"")*+"| *+(?:[^" %b\r\n][^%b\r\n]*+)?)' % (cut, cut)
    return re.compile(rb"(?:%b%b)*+%b\r?\n" % (field, cut, field))
