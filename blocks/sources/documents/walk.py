"""One landed file, taken apart: the document, what it contains, and what that contains.

Each is a row of its own with the id of its container. A part that cannot be read does not take the others along.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.errors import MessageError
from itertools import chain
from pathlib import Path

from blocks.sources.documents.archive import MAX_MEMBERS, Budget, Member, members
from blocks.sources.documents.kinds import ARCHIVES, MAIL, MBOX, ZIP, Kind, Unreadable, kind_of
from blocks.sources.documents.mail import read_mail
from blocks.sources.documents.text import Embedded, Reading, read
from blocks.sources.tables import Fault

MAX_DEPTH = 8
MAX_DOCUMENT = 256 << 20
MAX_UNPACKED = 1 << 30
HEAD = 1 << 16
UNREAD = ("encrypted", "empty_file", "unknown_type", "unreadable_document")
"""Why a part of a document may be a row without text; of a whole file they are why it goes to quarantine."""
FAILURES = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, ImportError, LookupError, MessageError,
    OSError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What a reader may raise over input that its authors did not think of."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """One row."""

    document_id: str
    path: str
    media_type: str
    parent: str | None
    status: str
    """`ok`, `no_text` (nothing to read, nothing from OCR), `defective` (see `metadata.defects`), `container`; of a part
    that cannot be read one of UNREAD."""
    reading: Reading = field(repr=False)


def walk(path: Path, name: str) -> Iterator[Document | Fault]:
    """The documents of one file, containers before what they contain."""
    walker = _Walk(Budget(MAX_UNPACKED, MAX_MEMBERS, MAX_DOCUMENT), name)
    size = path.stat().st_size
    with path.open("rb") as file:
        large = size > MAX_DOCUMENT
        source: bytes | Path = path if large else file.read()
        digest = hashlib.file_digest(file, "sha256").hexdigest() if isinstance(source, Path) else _digest(source)
    for item in walker.guarded(lambda: walker.visit(source, _kind(source, name), digest, "", None, 0), ""):
        yield replace(item, byte_from=0, byte_to=size) if isinstance(item, Fault) and not item.at else item


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _kind(source: bytes | Path, name: str) -> Kind:
    """The kind; a file that is too large to be held is read only if it is an archive, member by member."""
    if isinstance(source, bytes):
        return kind_of(source, name)
    if zipfile.is_zipfile(source):
        return Kind(ZIP)
    with source.open("rb") as file:
        kind = kind_of(file.read(HEAD), name)
    if kind.media_type not in ARCHIVES or kind.media_type == MBOX:
        raise Unreadable("too_large", f"it is larger than {MAX_DOCUMENT} bytes")
    return kind


class _Walk:
    def __init__(self, budget: Budget, name: str) -> None:
        self.budget, self.name = budget, name

    def guarded(self, found: Callable[[], Iterator[Document | Fault]], at: str) -> Iterator[Document | Fault]:
        """What a document gives; what stops its reader is a fault, and the documents around it go on."""
        try:
            yield from found()
        except Unreadable as error:
            yield Fault(error.reason_code, error.reason, at)
        except (MemoryError, RecursionError):
            yield Fault("too_large", "it needs more memory than a document may", at)
        except FAILURES as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            yield Fault("unreadable_document", f"its reader failed: {type(error).__name__}: {error} ({place})", at)

    def visit(
        self, source: bytes | Path, kind: Kind, digest: str, at: str, parent: str | None, depth: int
    ) -> Iterator[Document | Fault]:
        """A document and all that it contains. Raises Unreadable where it gives no row."""
        self.budget.document()
        path = self.name + at
        if kind.media_type in ARCHIVES:
            found = members(source, kind.media_type, path, self.budget)
            first = next(found, None)
            if first is None:
                raise Unreadable("empty_file", "the archive holds no file")
            yield Document(digest, path, kind.media_type, parent, "container", Reading())
            yield from self.guarded(lambda: self._members(chain([first], found), digest, at, depth), at)
            return
        assert isinstance(source, bytes)
        reading = read_mail(source) if kind.media_type == MAIL else read(source, kind)
        said = bool(reading.text.strip())
        status = "defective" if reading.defective else "ok" if said else "no_text"
        yield Document(digest, path, kind.media_type, parent, status, reading)
        times: Counter[str] = Counter()
        for inner in reading.embedded:
            yield from self._inner(inner, digest, at, depth, times)

    def _members(self, found: Iterator[Member], parent: str, at: str, depth: int) -> Iterator[Document | Fault]:
        times: Counter[str] = Counter()
        for member in found:
            yield from self._inner(Embedded(member.name, member.data, fault=member.fault), parent, at, depth, times)

    def _inner(
        self, inner: Embedded, parent: str, at: str, depth: int, times: Counter[str]
    ) -> Iterator[Document | Fault]:
        """A part of a document; `times` are the names of the parts so far, since a position is unique."""
        times[inner.name] += 1
        again = f"!#{times[inner.name]}" if times[inner.name] > 1 else ""
        inside = f"{at}{again}!{inner.name}"

        def found() -> Iterator[Document | Fault]:
            if inner.fault:
                raise inner.fault
            if depth >= MAX_DEPTH:
                raise Unreadable("nested_too_deep", f"it is nested deeper than {MAX_DEPTH} containers")
            kind = kind_of(inner.data, inner.name, inner.media_type, inner.charset)
            return self.visit(inner.data, kind, _digest(inner.data), inside, parent, depth + 1)

        told = False
        for item in self.guarded(found, inside):
            unread = isinstance(item, Fault) and item.at == inside and item.reason_code in UNREAD
            if isinstance(item, Fault) and unread and not told and not inner.fault:
                yield self._unread(inner, item, parent)
            else:
                yield item
            told = True

    def _unread(self, inner: Embedded, fault: Fault, parent: str) -> Document:
        """The row of a part that cannot be read: its bytes are in the container, which is landed."""
        media_type = inner.media_type or mimetypes.guess_type(inner.name)[0] or "application/octet-stream"
        reading = Reading(metadata={"reason": fault.reason})
        return Document(_digest(inner.data), self.name + fault.at, media_type, parent, fault.reason_code, reading)


def storable(text: str | None) -> str | None:
    """Text without what no warehouse stores: NUL and halves of a character."""
    return None if text is None else UNSTORABLE.sub("\ufffd", text)
