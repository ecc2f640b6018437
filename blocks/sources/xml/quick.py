"""What a long file holds, without a parser for most of it: what `form.py` proves to be known is passed over.

expat reads the head of the file, then each piece that is written otherwise than all before, and the tail; what is in
between are whole records of the same form. So all that expat reads is one document, which has every path of the file.
A file of which this cannot be said is read by `scan.py`: it is broken, or no list of records, or too freely written.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from blocks.sources.xml.form import Form, UnorderedError, watch_form
from blocks.sources.xml.scan import NoEncodingError, Scan, StoppedError, has_prefixed, new_parser, watch, watch_prefixes
from blocks.sources.xml.tree import UNKNOWN, Element, at_path, declared_record, find_record, local_name

HEAD = 1 << 16
"""Bytes in which the first record must end."""
PIECE = 1 << 22
"""Bytes that are matched at once: RE2 prepares itself anew for each piece."""
LONGEST = 64 << 20
"""Bytes of one record; a longer one is read by expat."""
_SPANS = (b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")
_REFERENCE = re.compile("&#(x?[0-9a-fA-F]{1,20});")
_HIDDEN = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)


class _NotQuickError(Exception):
    """It cannot be told so."""


def quick_scan(path: Path, record: str | None, piece: int = PIECE) -> Scan | None:
    """The scan of a file of plain records, with the counts of its records and tables; None if it is no such file.

    It is read in pieces of so many bytes.
    """
    if path.stat().st_size < 4 * HEAD:
        return None
    try:
        return _Quick(path, record, piece).scan()
    except (_NotQuickError, UnorderedError, expat.ExpatError, StoppedError, NoEncodingError):
        return None


class _Read:
    """What expat has read of a file."""

    def __init__(self, path: Path) -> None:
        self.document, self.form = Element(""), Form("")
        self.parser, encoding = new_parser(path)
        self.written = expat.ParserCreate("utf-8")
        if encoding != "utf-8":
            raise _NotQuickError
        self.stack = watch(self.parser, self.document)
        self.prefixes = watch_prefixes(self.parser)
        self.parser.StartDoctypeDeclHandler = _refuse
        watch_form(self.written, self.form)

    def take(self, piece: bytes, last: bool = False) -> None:
        self.parser.Parse(piece, last)
        self.written.Parse(piece, last)

    @property
    def root(self) -> Element:
        for root in self.document.children.values():
            return root
        raise _NotQuickError


class _Quick:
    def __init__(self, path: Path, record: str | None, piece: int) -> None:
        self.path, self.declared, self.piece = path, record, piece
        self.carriage_return = False

    def scan(self) -> Scan:
        with self.path.open("rb") as file:
            head = file.read(HEAD)
        probe = _Read(self.path)
        probe.take(head)
        record = self._record(probe.root)
        names = _written(probe.form, record)
        read = _Read(self.path)
        passed = _Passed()
        pattern = ""
        mark = f"<{names[-1]}".encode()
        for number, (piece, last) in enumerate(_pieces(self.path, mark, self.piece)):
            self.carriage_return = self.carriage_return or b"\r" in piece
            if number and not last and _matches(piece, pattern):
                passed.add(piece, _form(read.form, names))
                continue
            read.take(piece, last)
            if not last:
                if tuple(e.name for e in read.stack[1:]) != record[:-1] or _ends_within(piece):
                    raise _NotQuickError  # this was no start of a record
                pattern = read.form.records(_form(read.form, names))
                if number and not _matches(piece, pattern):
                    raise _NotQuickError
        return self._result(read, record, names, passed)

    def _record(self, root: Element) -> tuple[str, ...]:
        path = declared_record(root, self.declared) if self.declared else find_record(root)
        container = at_path(root, path[:-1]) if path else None
        if not path or not container or len(container.children) != 1:
            raise _NotQuickError
        return path

    def _result(self, read: _Read, record: tuple[str, ...], names: tuple[str, ...], passed: _Passed) -> Scan:
        root, form = read.root, _form(read.form, names)
        element = at_path(root, record)
        # What matches the pattern has no declarations of namespaces, which are written as attributes.
        if self._record(root) != record or element is None or has_prefixed(root, read.prefixes):
            raise _NotQuickError
        _set_counts(element, form, passed)
        return Scan(
            self.path, self.path.stat().st_size, root, self.declared, "utf-8", True, not self.carriage_return, None,
            exact=False,
        )  # fmt: skip


def _refuse(*_: object) -> None:
    raise _NotQuickError


def _ends_within(piece: bytes) -> bool:
    """Whether its end may stand in a comment, a section or an instruction."""
    return any(piece.rfind(start) > piece.rfind(end) for start, end in _SPANS)


def _pieces(path: Path, mark: bytes, size: int) -> Iterator[tuple[bytes, bool]]:
    """(bytes up to the start of a record, whether they are the last). Raises _NotQuickError for a long record."""
    rest, begun = b"", False
    with path.open("rb") as file:
        while chunk := file.read(size if begun else HEAD):
            rest += chunk
            if (cut := _last_start(rest, mark)) > 0:
                yield rest[:cut], False
                rest, begun = rest[cut:], True
            elif len(rest) > LONGEST:
                raise _NotQuickError
    yield rest, True


def _last_start(piece: bytes, mark: bytes) -> int:
    at = len(piece)
    while (at := piece.rfind(mark, 0, at)) > 0 and piece[at + len(mark) : at + len(mark) + 1] not in b" \t\r\n/>":
        continue
    return at


def _written(document: Form, record: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the path of the record, as they are written. Raises _NotQuickError if there are several."""
    names: list[str] = []
    form = document
    for name in record:
        same = [c for c in form.children.values() if c.name.rpartition(":")[2] == local_name(name)]
        if len(same) != 1:
            raise _NotQuickError
        form = same[0]
        names.append(form.name)
    return tuple(names)


def _form(document: Form, names: tuple[str, ...]) -> Form:
    form = document
    for name in names:
        form = form.children[name]
    return form


def _matches(piece: bytes, pattern: str) -> bool:
    """Whether it is UTF-8 of characters of XML, and whole records that are written so."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return False
    numbers = set(_REFERENCE.findall(text)) if "#" in text else set()
    if "\ufffe" in text or "\uffff" in text or not all(map(_is_character, numbers)):
        return False
    # `pa.array` would load pandas for this.
    buffers = [None, pa.py_buffer(struct.pack("=qq", 0, len(piece))), pa.py_buffer(piece)]
    try:
        matched = pc.match_substring_regex(pa.Array.from_buffers(pa.large_binary(), 1, buffers), pattern)
        return bool(matched[0].as_py())
    except pa.ArrowInvalid:  # the pattern is too large for RE2
        return False


def _is_character(number: str) -> bool:
    """Whether XML has the character of a reference (`233`, `xe9`)."""
    code = int(number[1:], 16) if number[0] == "x" else int(number)
    return code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000


class _Passed:
    """How often the names of records, and of what repeats in them, begin an element in what is passed over."""

    def __init__(self) -> None:
        self.begun: dict[str, int | None] = {}
        """Name → how often it begins a name, its own or a longer one; None if it was not counted from the start."""
        self.known: set[str] = set()

    def add(self, piece: bytes, record: Form) -> None:
        """Count in a piece that matches."""
        if b"!" in piece and b"<!" in piece:  # one byte is found ten times as fast as two
            piece = _HIDDEN.sub(b"", piece)
        wanted = (record.name, *(f.name for f in record.forms() if f.repeats))
        names = {f.name for f in (record, *record.forms())}
        for name in names:
            if name.startswith(wanted):
                before = self.begun.get(name, None if name in self.known else 0)
                self.begun[name] = None if before is None else before + piece.count(f"<{name}".encode())
        self.known = names

    def count(self, name: str) -> int | None:
        """How many elements have the name; None if it is not known."""
        longer = [self.count(n) for n in self.begun if n != name and n.startswith(name)]
        parts = [self.begun.get(name, None if name in self.known else 0), *longer]
        return None if None in parts else 2 * (parts[0] or 0) - sum(filter(None, parts))


def _set_counts(record: Element, form: Form, passed: _Passed) -> None:
    """Add what was passed over to the counts of the records and their tables; of all else it is not known."""
    paths = Counter(f.name for f in (form, *form.forms()))

    def set_one(element: Element, form: Form) -> None:
        count = passed.count(form.name) if paths[form.name] == 1 else None
        element.count = UNKNOWN if count is None else element.count + count
        forms = {f.name.rpartition(":")[2]: f for f in form.children.values()}
        if not len(forms) == len(form.children) == len(element.children):
            raise _NotQuickError  # names that differ in their namespaces only
        for child in element.children.values():
            set_one(child, forms[child.local])

    set_one(record, form)
