"""Where the records of a JSON file stand, by its lines or by its brackets and quotes alone.

For files that DuckDB cannot cut by itself, and to give a rejected record its line and bytes. Whether a record is JSON
is not asked here. Nothing holds more of a file than a piece of it, however long a record is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blocks.sources.csv_lines import count_ends
from blocks.sources.tables import RAW_LIMIT, Fault

CHUNK = 1 << 20
PIECE = 1 << 16
RECORD_BYTES = 64 << 20
"""A longer record goes to quarantine: the reader holds one in memory, several times."""
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_SCALAR = re.compile(rb'[^\s,\[\]{}"]*+')
_BETWEEN = re.compile(rb"[\s,]*+")
_COMMA = "a comma is missing, or there is one too many"


@dataclass(frozen=True)
class Span:
    """The bytes of a record, or of what is none."""

    begin: int
    end: int
    why: str = ""
    """What is wrong with it, as far as its place tells."""

    @property
    def is_record(self) -> bool:
        """Whether it can be read as a record."""
        return not self.why and self.end - self.begin <= RECORD_BYTES


Spans = Callable[[BinaryIO], Iterator[Span]]


@dataclass(frozen=True)
class Place:
    """Where a record stands, with its text if that is short."""

    number: int
    line: int
    byte_from: int
    byte_to: int
    raw: str | None


def lines(file: BinaryIO) -> Iterator[Span]:
    """Each line that is not blank, without its line end."""
    begin = 0
    while line := file.readline(RECORD_BYTES + 2):
        size, kept, blank = len(line), len(line.rstrip(b"\r\n")), not line.strip()
        while not line.endswith(b"\n") and (line := file.readline(CHUNK)):
            size, kept, blank = size + len(line), size + len(line.rstrip(b"\r\n")), blank and not line.strip()
        if not blank:
            yield Span(begin, begin + kept)
        begin += size


def values(file: BinaryIO) -> Iterator[Span]:
    """The documents of a file, and the elements of an array in its stead; what is not closed comes last."""
    place = base = depth = commas = 0  # base: 1 within an array; depth: how many brackets are open
    begin, quoted, escaped, first, told = -1, False, False, True, False
    while chunk := file.read(CHUNK):
        at, escaped = int(escaped), False
        while at < len(chunk):
            ended = False
            if quoted:
                at = _end(_TEXT, chunk, at)
                if chunk[at:] == b"\\":
                    at, escaped = at + 1, True
                elif at < len(chunk):
                    at, quoted, ended = at + 1, False, depth == base
            elif depth > base:
                at = _end(_INSIDE, chunk, at)
                byte = chunk[at : at + 1]
                at += len(byte)
                quoted = byte == b'"'
                depth += (byte in (b"[", b"{")) - (byte in (b"]", b"}"))
                ended = depth == base
            elif begin >= 0:
                at = _end(_SCALAR, chunk, at)
                ended = at < len(chunk)
            else:
                passed = _end(_BETWEEN, chunk, at)
                commas += chunk.count(b",", at, passed)
                at, byte = passed, chunk[passed : passed + 1]
                if not byte:
                    continue
                closes = base == 1 and byte == b"]"
                if not told and commas != (base == 1 and not first and not closes):
                    told = True
                    yield Span(place + at, place + at, _COMMA)
                commas, first = 0, False
                if closes or (base == 0 and byte == b"["):
                    base = depth = 1 - base
                    at, first = at + 1, not closes
                else:
                    begin, quoted = place + at, byte == b'"'
                    depth += byte in (b"[", b"{")
                    at += 1
                    ended = byte in (b"]", b"}")
            if ended:
                yield Span(begin, place + at)
                begin = -1
        place += len(chunk)
    if base or depth or quoted:
        yield Span(begin if begin >= 0 else place, place, "the array is not closed" if base else "it is not closed")
    elif begin >= 0:
        yield Span(begin, place)


def copy_records(path: Path, spans: Spans, out: BinaryIO) -> list[Fault]:
    """Copy each record as a line of its own; gives what is none. A broken one stays for the reader to refuse."""
    faults = []
    with path.open("rb") as file, path.open("rb") as again:
        line = 1
        for span in spans(file):
            if span.is_record:
                again.seek(span.begin)
                # A line break within a string is not JSON, and a space instead of it would be.
                out.write(again.read(span.end - span.begin).replace(b"\n", b"\r") + b"\n")
            else:
                again.seek(0)
                line = 1 + count_ends(again, span.begin)
                size = span.end - span.begin
                at, code, why = f":{line}", "broken_json", f"it breaks here: {span.why}"
                if span.why == _COMMA:
                    code = "broken_array"
                elif not span.why:  # several may stand in one line
                    at = at if spans is lines else f":{line}@{span.begin}"
                    code = "record_too_large"
                    why = f"the record has {size / 1e6:.0f} MB, more than {RECORD_BYTES / 1e6:.0f}"
                faults.append(Fault(code, why, at, span.begin, span.end, _raw(again, span)))
    return faults


def places_of(path: Path, spans: Spans, numbers: Collection[int]) -> Iterator[Place]:
    """Where the records of these numbers stand, in order."""
    wanted = max(numbers, default=0)
    with path.open("rb") as file, path.open("rb") as again:
        line = 1
        for number, span in enumerate((s for s in spans(file) if s.is_record), 1):
            if number in numbers:
                line += count_ends(again, span.begin)
                yield Place(number, line, span.begin, span.end, _raw(again, span))
                again.seek(span.begin)
            if number >= wanted:
                return


def has_long_line(path: Path, limit: int) -> bool:
    """Whether a line may be longer than `limit` bytes: it would cover a whole block of half the size."""
    half = limit // 2
    with path.open("rb") as file:
        for begin in range(0, path.stat().st_size - half, half):
            file.seek(begin)
            if not any(b"\n" in file.read(PIECE) for _ in range(half // PIECE)):
                return True
    return False


def _raw(file: BinaryIO, span: Span) -> str | None:
    file.seek(span.begin)
    size = span.end - span.begin
    return file.read(size).decode("utf-8", "backslashreplace") if size <= RAW_LIMIT else None


def _end(pattern: re.Pattern[bytes], chunk: bytes, at: int) -> int:
    found = pattern.match(chunk, at)
    return found.end() if found else at
