"""One pass over a whole XML file by expat: which elements it has, and where it breaks, if it does.

Nothing is fetched: external entities and DTDs are passed over. An entity in a text stays as it is written; those in
attributes expat resolves by itself, and refuses what expands to far more than the file holds. What the elements mean
is in `tree.py`.
"""

from __future__ import annotations

import codecs
import mmap
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.parsers import expat

from blocks.sources.xml.entities import keep_entities
from blocks.sources.xml.tree import SPACE, Element, walk

CHUNK = 1 << 20
MAX_DEPTH = 200
MAX_PATHS = 10_000
LONGEST = 64 << 20
"""Characters of one text, bytes of one tag: what has to be in memory as a whole."""
_NATIVE = {
    "utf-8": "utf-8", "ascii": "us-ascii", "iso8859-1": "iso-8859-1",
    "utf-16": "utf-16", "utf-16-le": "utf-16le", "utf-16-be": "utf-16be",
}  # fmt: skip
"""Encodings by Python's names, and by those that expat has for them."""
_STOP = "hallmark.xml.stop"
"""How decoders treat bytes that are no text: as a character that XML does not allow, so that expat breaks there."""
codecs.register_error(_STOP, lambda error: ("\x01", getattr(error, "end", 0)))
_AMPLIFICATION = 43  # XML_ERROR_AMPLIFICATION_LIMIT_BREACH of expat 2.4; xml.parsers.expat.errors does not name it


@dataclass(frozen=True)
class Break:
    """Where a file stops being XML that can be read."""

    reason_code: str
    reason: str
    line: int
    byte: int


@dataclass(frozen=True)
class Scan:
    """What one file holds."""

    path: Path
    size: int
    root: Element | None
    """None where there is no element at all."""
    record: str | None
    """The record that the stream declares."""
    encoding: str
    plain: bool
    """UTF-8 without a DOCTYPE, or a prefix that an attribute has for its name."""
    one_line_end: bool
    """There is no carriage return."""
    broken: Break | None
    exact: bool = True
    """Every count of an element is known; otherwise those of the records and their tables (`quick.py`)."""


class StoppedError(Exception):
    """A limit was reached."""

    def __init__(self, reason: str, code: str = "too_complex") -> None:
        super().__init__(reason)
        self.code = code


class NoEncodingError(Exception):
    """What the file declares is no encoding of text."""


def new_parser(path: Path) -> tuple[expat.XMLParserType, str]:
    """A parser that gives names as `namespace local`, and the file's encoding.

    expat reads UTF-8, UTF-16 and the encodings of one byte a character; others are decoded in `feed`.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    encoding = _encoding(head)
    parser = expat.ParserCreate(_NATIVE.get(encoding, encoding) if _is_known(encoding) else "utf-8", SPACE)
    parser.ordered_attributes = True
    parser.buffer_text = True
    return parser, encoding


def feed(parser: expat.XMLParserType, path: Path, encoding: str) -> None:
    """Parse the whole file in pieces.

    Raises ExpatError where it is broken, StoppedError at a tag that is too long, and what a handler raises.
    """
    decoder = None if _is_known(encoding) else codecs.getincrementaldecoder(encoding)(_STOP)
    given = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            piece = _utf8(decoder.decode(chunk)) if decoder else chunk
            parser.Parse(piece, False)
            given += len(piece)
            if given - max(parser.CurrentByteIndex, 0) > LONGEST:
                raise _too_large("tag or a comment")
    parser.Parse(_utf8(decoder.decode(b"", True)) if decoder else b"", True)


def _utf8(text: str) -> bytes:
    """Halves of a character, which some decoders give, are no UTF-8; expat breaks there as well."""
    return text.encode("utf-8", "surrogatepass")


def place_in(path: Path, encoding: str, byte: int) -> int:
    """Where in the file the byte is that the parser counts so: it counts those of UTF-8 where `feed` decodes."""
    if not byte or _is_known(encoding):
        return byte
    decoder, at, given = codecs.getincrementaldecoder(encoding)(_STOP), 0, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state = decoder.getstate()
            size = len(_utf8(decoder.decode(chunk)))
            if given + size < byte:
                at, given = at + len(chunk), given + size
                continue
            decoder.setstate(state)
            for value in chunk:
                at += 1
                given += len(_utf8(decoder.decode(bytes((value,)))))
                if given >= byte:
                    return at
    return at


def scan_file(path: Path, record: str | None) -> Scan:
    """Read the file once. A file that is broken, or no XML at all, is no error: `Scan.broken` says where."""
    size = path.stat().st_size
    if not size:
        return Scan(path, 0, None, record, "utf-8", False, True, Break("empty_file", "it is empty (0 bytes)", 1, 0))
    try:
        parser, encoding = new_parser(path)
    except NoEncodingError as error:
        return Scan(path, size, None, record, "utf-8", False, True, Break("not_xml", str(error), 1, 0))
    document = Element("")
    stack = watch(parser, document)
    odd: list[str] = []
    parser.StartDoctypeDeclHandler = lambda name, *_: odd.append(name)
    prefixes = watch_prefixes(parser)
    broken = None
    try:
        feed(parser, path, encoding)
    except expat.ExpatError as error:
        broken = _broken(error, parser.ErrorByteIndex, document)
    except StoppedError as error:
        broken = Break(error.code, str(error), parser.CurrentLineNumber, parser.CurrentByteIndex)
    for element in stack[1:]:
        element.count -= 1
    root = next(iter(document.children.values()), None)
    plain = not (odd or broken or encoding not in ("utf-8", "ascii"))
    if plain and root:
        plain = not has_prefixed(root, prefixes)
    return Scan(path, size, root, record, encoding, plain, not _has(path, b"\r"), broken)


def watch_prefixes(parser: expat.XMLParserType) -> set[str]:
    """Set the handler that gathers the prefixes of namespaces."""
    prefixes: set[str] = set()
    parser.StartNamespaceDeclHandler = lambda prefix, _: prefixes.add(prefix or "xmlns")
    return prefixes


def has_prefixed(root: Element, prefixes: set[str]) -> bool:
    """Whether an attribute has the name of a prefix: xml2arrow takes one for the other."""
    return any(prefixes & e.attributes.keys() for e in (root, *(e for _, e in walk(root))))


def _has(path: Path, byte: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(byte) >= 0


def watch(parser: expat.XMLParserType, document: Element) -> list[Element]:
    """Set the handlers that fill the tree below `document`; gives the stack of open elements (the document first)."""
    document.count = 1
    stack = [document]
    node = document
    paths = length = 0
    bare = False

    def start(name: str, attributes: list[str]) -> None:
        nonlocal node, paths, bare, length
        bare = True
        length = 0
        parent = node
        try:
            node = parent.children[name]
        except KeyError:
            node = parent.children[name] = Element(name)
            paths += 1
            if paths > MAX_PATHS:
                stack.append(node)
                node.count += 1
                raise StoppedError(f"it has more than {MAX_PATHS} different paths of elements") from None
        stack.append(node)
        node.count += 1
        if node.last == parent.count:
            node.repeats = True
        else:
            node.last = parent.count
        if attributes:
            for key in attributes[::2]:
                node.attributes[key] = None
        if len(stack) > MAX_DEPTH:
            raise StoppedError(f"its elements are nested more than {MAX_DEPTH} deep")

    def end(_: str) -> None:
        nonlocal node, bare, length
        if bare:
            node.hollow = True
            bare = False
        length = 0
        stack.pop()
        node = stack[-1]

    def text(data: str) -> None:
        nonlocal bare, length
        bare = False
        length += len(data)
        if length > LONGEST:
            raise _too_large("text")
        if not node.text and not data.isspace():
            node.text = True

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    keep_entities(parser, text)
    return stack


def _too_large(what: str) -> StoppedError:
    return StoppedError(f"a {what} in it is longer than {LONGEST >> 20} MiB", "record_too_large")


def _broken(error: expat.ExpatError, byte: int, document: Element) -> Break:
    reason = f"{expat.ErrorString(error.code)} (line {error.lineno}, column {error.offset + 1})"
    if error.code == _AMPLIFICATION:
        return Break("entity_expansion", f"its entities expand beyond all measure: {reason}", error.lineno, byte)
    code = "broken_xml" if document.children else "not_xml"
    return Break(code, reason, error.lineno, byte)


def _encoding(head: bytes) -> str:
    """By its mark or its declaration, as Python names it; UTF-8 otherwise.

    Raises NoEncodingError if what is declared is no encoding of text.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head[:2]:
        return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else (
            "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
        )  # fmt: skip
    declaration = head.partition(b"?>")[0]  # after the mark of UTF-8 there is nothing to be declared
    if not declaration.startswith(b"<?xml") or b"encoding" not in declaration:
        return "utf-8"
    value = declaration.partition(b"encoding")[2].lstrip(b" \t\r\n=")
    name = value[1:].partition(value[:1])[0].decode("ascii", "replace")
    try:
        "".encode(name)
        codecs.getincrementaldecoder(name)(_STOP).decode(b"<?xml?>", True)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise NoEncodingError(f"it declares the encoding {name[:40]!r}, which is none of text") from None


def _is_known(encoding: str) -> bool:
    """Whether expat reads it: one byte a character, or Unicode's own."""
    return encoding in _NATIVE or _is_of_bytes(encoding)


@cache
def _is_of_bytes(encoding: str) -> bool:
    """Whether no byte waits for another one."""
    for value in range(256):
        decoder = codecs.getincrementaldecoder(encoding)()
        with suppress(UnicodeError):
            if len(decoder.decode(bytes((value,)))) != 1:
                return False
    return True
