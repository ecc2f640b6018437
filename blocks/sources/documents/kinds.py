"""What a document is: its media type by its first bytes, then by its name. A name alone is never believed.

Nothing here reads more of a document than it takes to know what it is.
"""

from __future__ import annotations

import mimetypes
import re
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

MAIL, MBOX, PDF, ZIP, TAR, HTML, RTF, SIGNATURE = (
    "message/rfc822", "application/mbox", "application/pdf", "application/zip", "application/x-tar", "text/html",
    "application/rtf", "application/pkcs7-signature",
)  # fmt: skip
PACKED = {b"\x1f\x8b": "application/gzip", b"BZh": "application/x-bzip2", b"\xfd7zXZ\x00": "application/x-xz"}
"""Streams of one file, by their first bytes."""
ARCHIVES = (ZIP, TAR, MBOX, *PACKED.values())
OFFICE = "application/vnd.openxmlformats-officedocument."
IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}  # fmt: skip
ZIPPED = {
    "word/document.xml": OFFICE + "wordprocessingml.document",
    "ppt/presentation.xml": OFFICE + "presentationml.presentation",
    "xl/workbook.xml": OFFICE + "spreadsheetml.sheet",
}
"""The member that an Office file has, and the media type that follows."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLE_STREAMS = {
    "EncryptedPackage": "", "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint", "Workbook": "application/vnd.ms-excel",
    "__substg1.0_": "application/vnd.ms-outlook",
}  # fmt: skip
"""The stream that a file of the older Office has; an encrypted one has no type of its own."""
MAIL_HEADERS = (
    b"received", b"return-path", b"delivered-to", b"message-id", b"from", b"to", b"subject", b"date", b"mime-version",
    b"x-original-to", b"reply-to", b"sender", b"cc", b"content-type",
)  # fmt: skip
HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]*)[ \t]*:")
POSTMARK = re.compile(rb"(?:\A|\n\r?\n)From [^\r\n]*\d{4}\r?\n(?=[A-Za-z][A-Za-z0-9-]*:)")
"""The line that begins a mail in a mailbox file."""
META_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([A-Za-z0-9_:-]+)", re.IGNORECASE)
HEAD = 1 << 16
CONTROL_BYTES = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1b")
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Unreadable(Exception):
    """A document that gives no row, with the reason code of its quarantine."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code, self.reason = reason_code, reason


@dataclass(frozen=True)
class Kind:
    """A media type, and the text where the document is plain text."""

    media_type: str
    text: str | None = None


def kind_of(data: bytes, name: str, declared: str = "", charset: str | None = None) -> Kind:
    """The kind of a document; what its container says (`declared`, `charset`) settles only what kind of text it is.

    Raises Unreadable: `empty_file`, `encrypted`, `unknown_type`.
    """
    if not data:
        raise Unreadable("empty_file", "it has 0 bytes")
    if b"%PDF-" in data[:1024]:
        return Kind(PDF)
    for table in (IMAGES, PACKED):
        for magic, media_type in table.items():
            if data.startswith(magic):
                return Kind(media_type)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind("image/webp")
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return Kind("image/bmp")
    if data.startswith(b"{\\rtf"):
        return Kind(RTF)
    if data.startswith(OLE):
        return Kind(_ole(data))
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind(_zipped(data))
    if data[257:262] == b"ustar":
        return Kind(TAR)
    suffix = PurePosixPath(name).suffix.lower()
    if declared == MAIL or (_is_mail(data) and not _is_other(suffix)):
        return Kind(MBOX if len(POSTMARK.findall(data)) > 1 else MAIL)
    if data[:1] == b"\x30" and (suffix in (".p7s", ".p7m") or declared.endswith("pkcs7-signature")):
        return Kind(SIGNATURE)
    return _textual(data, suffix, declared, charset)


def _is_other(suffix: str) -> bool:
    """Whether a name says that it is no mail."""
    guessed = mimetypes.guess_type("x" + suffix)[0]
    return guessed is not None and not guessed.startswith("message/") and guessed != MBOX


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                return archive.read("mimetype").decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return ZIP
    if "[Content_Types].xml" in names:
        return next((media_type for member, media_type in ZIPPED.items() if member in names), ZIP)
    return ZIP


def _ole(data: bytes) -> str:
    for stream, media_type in OLE_STREAMS.items():
        if stream.encode("utf-16-le") in data:
            if not media_type:
                raise Unreadable("encrypted", "it is encrypted, and no password is known")
            return media_type
    raise Unreadable("unknown_type", "it is an OLE file of no known application")


def _textual(data: bytes, suffix: str, declared: str, charset: str | None) -> Kind:
    text = decoded(data, charset)
    if text is None:
        raise Unreadable("unknown_type", "it is neither text nor of a known binary format")
    if suffix == ".eml":
        return Kind(MAIL)
    if re.match(r"\s*(<!doctype html|<html)", text, re.IGNORECASE) or suffix in (".html", ".htm"):
        return Kind(HTML, text)
    guessed = mimetypes.guess_type("x" + suffix)[0] or declared
    return Kind(guessed if guessed.startswith("text/") or guessed in TEXTUAL else "text/plain", text)


TEXTUAL = ("application/json", "application/xml", "application/yaml", "application/pgp-signature", "application/sql")


def _is_mail(data: bytes) -> bool:
    """Whether it begins as a mail does: its first line is a header, and it has two that only mails have."""
    head = re.split(rb"\r?\n\r?\n", data[:16384], maxsplit=1)[0].splitlines()
    if head and head[0].startswith(b"From "):
        head = head[1:]
    names = [m.group(1).lower() for line in head if (m := HEADER.match(line))]
    return bool(head and HEADER.match(head[0])) and len({n for n in names if n in MAIL_HEADERS}) >= 2


def decoded(data: bytes, charset: str | None = None) -> str | None:
    """The text of bytes: by the declared charset, a byte order mark, UTF-8, then cp1252; None where it is binary."""
    head = data[:HEAD]
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not wide and len(head) - len(head.translate(None, CONTROL_BYTES)) > len(head) // 100:
        return None
    for encoding in _encodings(data, charset):
        try:
            text = data.decode(encoding)
        except (LookupError, ValueError):
            continue
        return None if len(CONTROLS.findall(text)) > len(text) // 100 else text
    return None


def _encodings(data: bytes, charset: str | None) -> list[str]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ["utf-16"]
    meta = META_CHARSET.search(data[:2048])
    said = charset or (meta.group(1).decode() if meta else None)
    return [*([said] if said else []), "utf-8-sig", "cp1252", "latin-1"]
