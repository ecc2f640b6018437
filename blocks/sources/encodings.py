"""Text of any encoding as UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20


def transcode(path: Path, begin: int, encoding: str, out: BinaryIO) -> None:
    """Copy a file from a byte on as UTF-8.

    What is not of the encoding becomes bytes that are not UTF-8, so that its record is a reject: also half a character
    at the end of a file that was cut.
    """
    name = codecs.lookup(encoding).name
    errors = "surrogatepass" if name.startswith("utf-") and name not in ("utf-8", "utf-8-sig") else "surrogateescape"
    with path.open("rb") as file:
        file.seek(begin)
        decoder = codecs.getincrementaldecoder(name)(errors)
        while chunk := file.read(CHUNK):
            out.write(decoder.decode(chunk).encode("utf-8", errors))
        if decoder.getstate()[0]:
            out.write(b"\xff")
