"""The bytes of a well-formed UTF-8 file, as xml2arrow must be given them: one line end, empty elements marked.

xml2arrow gives NULL for an empty element, as for an absent one; the mark is a character that XML does not allow, so
that no value has it.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection, Iterator
from pathlib import Path

MARK = "\x01"
_PIECE = 1 << 20


class MarkedFile:
    """A file to read from, in which the empty elements of the given local names hold `MARK`."""

    def __init__(self, path: Path, names: Collection[str]) -> None:
        self._pieces = _pieces(path, names)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, or the rest of the file."""
        if size < 0:
            return self._rest + b"".join(self._pieces)
        if not self._rest:
            self._rest = next(self._pieces, b"")
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def _pieces(path: Path, names: Collection[str]) -> Iterator[bytes]:
    held = b""
    for piece in _marked(path, names) if names else _plain(path):
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        if piece := piece.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n"):
            yield piece
    if held:
        yield b"\n"


def _plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _marked(path: Path, names: Collection[str]) -> Iterator[bytes]:
    """Comments and CDATA sections are passed over as they are."""
    attribute = rb"""\s+[^\s=<>]+\s*=\s*(?:"[^"<]*"|'[^'<]*')"""
    name = rb"(?:[^\s<>/:]+:)?(?:" + b"|".join(re.escape(n).encode() for n in names) + rb")"
    pattern = re.compile(
        rb"<(?:!--.*?-->|!\[CDATA\[.*?\]\]>|(" + name + rb")((?:" + attribute + rb")*)\s*(?:/>|></\1\s*>))", re.DOTALL
    )
    mark = MARK.encode()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        gathered, at = bytearray(), 0
        for match in pattern.finditer(content):
            if match[1]:
                while match.start() - at > _PIECE:
                    yield bytes(gathered) + content[at : at + _PIECE]
                    gathered.clear()
                    at += _PIECE
                gathered += content[at : match.start()]
                gathered += b"<%b%b>%b</%b>" % (match[1], match[2], mark, match[1])
                at = match.end()
            if len(gathered) >= _PIECE:
                yield bytes(gathered)
                gathered.clear()
        yield bytes(gathered)
        for start in range(at, len(content), _PIECE):
            yield content[start : min(start + _PIECE, len(content))]
