"""Members of an archive, one after the other, with limits on what they may grow to.

Sizes that an archive declares are not believed: what comes out is counted.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from blocks.sources.documents.kinds import MBOX, POSTMARK, TAR, ZIP, Unreadable

MAX_MEMBERS = 10_000
MAX_RATIO = 200
RATIO_FROM = 16 << 20
"""A member smaller than this may have any ratio: text of blanks packs well."""
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, KeyError)
OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "application/gzip": gzip.open, "application/x-bzip2": bz2.open, "application/x-xz": lzma.open,
}  # fmt: skip


@dataclass
class Budget:
    """What one landed file may still grow to when it is unpacked, in bytes and in documents."""

    size: int
    documents: int
    member: int
    """The largest that a single document may be."""

    def document(self) -> None:
        """Count one document. Raises Unreadable: `archive_limit`."""
        self.documents -= 1
        if self.documents < 0:
            raise Unreadable("archive_limit", "the file holds more documents than are read")

    def read(self, stream: IO[bytes], packed: int) -> bytes:
        """All of a stream. Raises Unreadable: `archive_limit`, `too_large`."""
        pieces, size = [], 0
        while piece := stream.read(1 << 20):
            size += len(piece)
            self.size -= len(piece)
            if self.size < 0:
                raise Unreadable("archive_limit", "the file grows to more than is unpacked")
            if size > RATIO_FROM and size > MAX_RATIO * max(packed, 1):
                raise Unreadable("archive_limit", f"it grows to more than {MAX_RATIO} times its packed size")
            if size > self.member:
                raise Unreadable("too_large", f"it is larger than {self.member} bytes")
            pieces.append(piece)
        return b"".join(pieces)


@dataclass(frozen=True)
class Member:
    """One file of an archive: its bytes, or why it has none."""

    name: str
    data: bytes = b""
    fault: Unreadable | None = None


def members(source: bytes | Path, media_type: str, name: str, budget: Budget) -> Iterator[Member]:
    """The files of an archive, folders left out. Raises Unreadable where the archive itself cannot be read."""
    stream: IO[bytes] = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    with stream:
        try:
            if media_type == ZIP:
                yield from _zip(stream, budget)
            elif media_type == TAR:
                yield from _tar(stream, budget)
            elif media_type == MBOX:
                yield from _mailbox(stream.read())
            else:
                size = len(source) if isinstance(source, bytes) else source.stat().st_size
                with OPENERS[media_type](stream) as unpacked:
                    yield Member(_inner_name(name), budget.read(unpacked, size))
        except BROKEN as error:
            raise Unreadable("unreadable_document", f"the archive cannot be read: {error}") from None


def _zip(stream: IO[bytes], budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield Member(info.filename, fault=Unreadable("encrypted", "it is encrypted, and no password is known"))
                continue
            try:
                with archive.open(info) as packed:
                    member = Member(info.filename, budget.read(packed, info.compress_size))
            except Unreadable as fault:
                member = Member(info.filename, fault=fault)
            except (*BROKEN, NotImplementedError, RuntimeError) as error:
                reason = f"it cannot be unpacked: {error}"
                member = Member(info.filename, fault=Unreadable("unreadable_document", reason))
            yield member


def _tar(stream: IO[bytes], budget: Budget) -> Iterator[Member]:
    """Links and devices of a tar are no documents."""
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for info in archive:
            if not info.isreg():
                continue
            packed = archive.extractfile(info)
            assert packed is not None
            try:
                yield Member(info.name, budget.read(packed, info.size))
            except Unreadable as fault:
                yield Member(info.name, fault=fault)


def _mailbox(data: bytes) -> Iterator[Member]:
    """Mails of a mailbox file, without the lines that part them."""
    marks = [(m.start(), m.end()) for m in POSTMARK.finditer(data)]
    ends = [start for start, _ in marks[1:]] + [len(data)]
    for number, ((_, start), end) in enumerate(zip(marks, ends, strict=True), 1):
        yield Member(f"mail-{number}.eml", data[start:end])


def _inner_name(name: str) -> str:
    """`a.tgz` holds `a.tar`, `a.txt.gz` holds `a.txt`."""
    path = PurePosixPath(name)
    return path.stem + ".tar" if path.suffix in (".tgz", ".tbz2", ".txz") else path.stem or "member"
