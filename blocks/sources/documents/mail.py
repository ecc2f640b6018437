"""A mail, by Python's own parser: subject, sender, date, text, attachments, and what is wrong with it.

A mail with defects is read as far as it goes. How an attachment is read is in `walk.py`.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import quopri
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.generator import BytesGenerator
from email.headerregistry import HeaderRegistry
from email.message import Message
from email.utils import parsedate_tz
from functools import lru_cache
from io import BytesIO
from typing import Any

from blocks.sources.documents.kinds import MAIL, Unreadable, decoded
from blocks.sources.documents.text import Embedded, Reading, html_text, language_of

HEADERS = ("to", "cc", "message-id", "in-reply-to", "date")
"""Headers that are kept in the metadata, besides subject and sender."""
PARSER_ERRORS = (MessageError, ValueError, LookupError, AttributeError, TypeError, AssertionError)
"""What the standard library raises on headers that nobody should have written."""
MAX_DEPTH = 50
# A header is parsed each time that it is asked for, and the same ones stand in many mails.
POLICY = policy.default.clone(header_factory=lru_cache(maxsize=512)(HeaderRegistry()))


def read_mail(data: bytes) -> Reading:
    """A mail with its attachments. Raises Unreadable: `unreadable_document`."""
    try:
        message = message_from_bytes(data, policy=POLICY)
    except (*PARSER_ERRORS, RecursionError) as error:
        raise Unreadable("unreadable_document", f"the mail cannot be parsed: {error}") from None
    reading = Reading(title=header(message, "subject"), author=header(message, "from"))
    if reading.title is not None:
        reading.title = " ".join(reading.title.split())
    reading.metadata = {name: value for name in HEADERS if (value := header(message, name)) is not None}
    reading.created_at = instant(reading.metadata.get("date"))
    parts = _Parts()
    reading.text = "\n\n".join(t for t in parts.texts(message, 0) if t.strip())
    reading.embedded = parts.attachments
    reading.language = language_of(reading.text)
    if parts.listed:
        reading.metadata["attachments"] = parts.listed
    if defects := sorted({type(d).__name__ for part in message.walk() for d in part.defects}):
        reading.metadata["defects"] = defects
        reading.defective = True
    return reading


def header(message: Message, name: str) -> str | None:
    """A header as text; where the parser fails on it, as it stands in the mail."""
    try:
        value = message[name]
        return None if value is None else str(value)
    except PARSER_ERRORS:
        raw = next((v for k, v in message.raw_items() if k.lower() == name), "")
        return str(raw)


def instant(date: str | None) -> datetime | None:
    """The Date header, None where it is no date. An unknown zone is UTC (RFC 5322, 4.3)."""
    try:
        parts = parsedate_tz(date) if date else None
        if not parts:
            return None
        moment = datetime(*parts[:6], tzinfo=UTC)
        return datetime.fromtimestamp(moment.timestamp() - (parts[9] or 0), UTC)
    except (ValueError, OverflowError, OSError, IndexError, TypeError):
        return None


class _Parts:
    """The parts of one mail: texts in order, everything else as attachments."""

    def __init__(self) -> None:
        self.attachments: list[Embedded] = []
        self.listed: list[dict[str, Any]] = []
        self.number = 0

    def texts(self, part: Message, depth: int) -> list[str]:
        """Texts of a part and of those below it."""
        self.number += 1
        if depth > MAX_DEPTH:
            raise Unreadable("nested_too_deep", f"its parts are nested deeper than {MAX_DEPTH}")
        content_type = part.get_content_type()
        named = _filename(part) is not None or _disposition(part) == "attachment"
        if content_type == "message/delivery-status" and part.is_multipart():
            return ["\n".join(p.as_string() for p in _below(part))]
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            below = [(p.get_content_type(), self.texts(p, depth + 1)) for p in _below(part)]
            if content_type == "multipart/alternative":
                return _best(below)
            return [text for _, texts in below for text in texts]
        if named or part.get_content_maintype() not in ("text", "multipart"):
            self._attach(part, content_type)
            return []
        data = _payload(part)
        text = decoded(data, part.get_content_charset()) if data else ""
        if text is None:
            text = data.decode("utf-8", "replace")
        return [html_text(text) if content_type == "text/html" else text]

    def _attach(self, part: Message, content_type: str) -> None:
        extension = ".eml" if content_type == MAIL else mimetypes.guess_extension(content_type) or ".bin"
        name = _filename(part) or f"part-{self.number}{extension}"
        data, fault = b"", None
        try:
            data = _message(part) if part.is_multipart() else _payload(part)
        except Unreadable as error:
            fault = error
        self.attachments.append(Embedded(name, data, content_type, part.get_content_charset(), fault))
        self.listed.append({
            "name": name, "media_type": content_type, "bytes": len(data), "disposition": _disposition(part),
        })  # fmt: skip


def _below(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [p for p in payload if isinstance(p, Message)] if isinstance(payload, list) else []


def _best(below: list[tuple[str, list[str]]]) -> list[str]:
    """Of alternatives the plain text, else the last that says something."""
    saying = [(t, texts) for t, texts in below if any(x.strip() for x in texts)]
    return next((texts for t, texts in saying if t == "text/plain"), saying[-1][1] if saying else [])


def _filename(part: Message) -> str | None:
    try:
        return part.get_filename() or None
    except PARSER_ERRORS:
        return None


def _disposition(part: Message) -> str | None:
    try:
        return part.get_content_disposition()
    except PARSER_ERRORS:
        return None


def _payload(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except PARSER_ERRORS:
        data = None
    if isinstance(data, bytes):
        return data
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def _message(part: Message) -> bytes:
    """The mail in a mail: its bytes where they are packed, else as the parser writes them again."""
    buffer = BytesIO()
    generator: BytesGenerator[Any] = BytesGenerator(
        buffer, mangle_from_=False, policy=POLICY.clone(refold_source="none")
    )
    try:
        for inner in _below(part)[:1]:
            generator.flatten(inner)
    except PARSER_ERRORS as error:
        raise Unreadable("unreadable_document", f"the mail in it cannot be parsed: {error}") from None
    data = buffer.getvalue()
    packing = str(part.get("content-transfer-encoding", "")).strip().lower()
    try:
        if packing == "base64":
            return base64.b64decode(data.strip())
    except binascii.Error:
        return data
    return quopri.decodestring(data) if packing == "quoted-printable" else data
