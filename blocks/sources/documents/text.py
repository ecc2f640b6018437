"""Text, pages and metadata of one document, by kreuzberg; what it gives wrongly by PDFium and `slides.py`.

Nothing is fetched, cached or downloaded. Containers are taken apart in `walk.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from blocks.sources.documents.kinds import HTML, OFFICE, PDF, RTF, SIGNATURE, Kind, Unreadable
from blocks.sources.documents.slides import slides

if TYPE_CHECKING:
    import kreuzberg

MAX_PIXELS = 50_000_000
MAX_OCR_PAGES = 200
MAX_MARKUP = 16 << 20
"""kreuzberg takes sixty times the size of HTML in memory."""
TELLING, SAMPLE = 20, 1 << 16
"""So many bytes of text tell a language; more are not looked at."""
DPI = 150
SECONDS = 300
"""How long kreuzberg may take for one document."""
TESSDATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata",
            "/usr/local/share/tessdata", "/opt/homebrew/share/tessdata")  # fmt: skip
PDF_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([Zz+-])(?:(\d\d)'?(\d\d)?)?)?")
FIRST = (1, 1, 0, 0, 0)
"""Month to second, where a date does not say them."""
DROPPED = ("pages", "title", "format_type", "core_properties")
"""Metadata that is a column of its own, or repeats what is."""


@dataclass(frozen=True)
class Embedded:
    """What a document contains: an attachment, an embedded file, a member."""

    name: str
    data: bytes
    media_type: str = ""
    """As the container declares it."""
    charset: str | None = None
    fault: Unreadable | None = None


@dataclass
class Reading:
    """What a document says, and what is said of it."""

    text: str = ""
    pages: list[str] = field(default_factory=list)
    """Text by page, slide or sheet, the first is page 1; empty where a document has no pages."""
    title: str | None = None
    author: str | None = None
    created_at: datetime | None = None
    page_count: int | None = None
    language: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    defective: bool = False
    embedded: list[Embedded] = field(default_factory=list)


def read(data: bytes, kind: Kind) -> Reading:
    """A document that is no mail and no archive. Raises Unreadable: `encrypted`, `unreadable_document`."""
    if kind.text is not None and kind.media_type != HTML:
        return Reading(text=kind.text, language=language_of(kind.text))
    if kind.media_type == SIGNATURE:
        return Reading()
    if kind.media_type in (HTML, RTF) and len(data) > MAX_MARKUP:
        raise Unreadable("too_large", f"it is markup of more than {MAX_MARKUP} bytes")
    if kind.text is not None:
        data = kind.text.encode("utf-8", "replace")
    if kind.media_type == PDF:
        return _pdf(data)
    if kind.media_type.startswith("image/"):
        return _image(data, kind.media_type)
    if kind.media_type == OFFICE + "presentationml.presentation":
        return _slides(data, kind.media_type)
    return _plain(data, kind.media_type)


def language_of(text: str) -> str | None:
    """ISO 639-3 code of the language, where there is enough text to tell."""
    sample = text.strip()[:SAMPLE].encode("utf-8", "replace")
    return _extract(sample, "text/plain").get_detected_language() if len(sample) >= TELLING else None


def html_text(html: str) -> str:
    """The text of a page of HTML. Raises Unreadable: `too_large`, `unreadable_document`."""
    if len(html) > MAX_MARKUP:
        raise Unreadable("too_large", f"it is HTML of more than {MAX_MARKUP} characters")
    return str(_extract(html.encode("utf-8", "replace"), HTML).content)


def tessdata() -> Path | None:
    """The folder of Tesseract's language data, without which there is no OCR."""
    places = [os.environ[name] for name in ("TESSDATA_PREFIX",) if name in os.environ] or TESSDATA
    return next((Path(p) for p in places if (Path(p) / "eng.traineddata").is_file()), None)


def _extract(data: bytes, media_type: str, *, ocr: bool = False) -> kreuzberg.ExtractionResult:
    """Everything that is in the text stays in it; the cache and the download of grammars are off."""
    import kreuzberg

    switches: dict[str, Any] = {"disable_ocr": not ocr}
    """Its type stubs lack this one."""
    config = kreuzberg.ExtractionConfig(
        use_cache=False, enable_quality_processing=False, extraction_timeout_secs=SECONDS,
        pages=kreuzberg.PageConfig(extract_pages=True),
        language_detection=kreuzberg.LanguageDetectionConfig(enabled=True),
        content_filter=kreuzberg.ContentFilterConfig(
            include_headers=True, include_footers=True, strip_repeating_text=False, include_watermarks=True),
        tree_sitter=kreuzberg.TreeSitterConfig(enabled=False),
        ocr=kreuzberg.OcrConfig(backend="tesseract", language="eng") if ocr else None, **switches,
    )  # fmt: skip
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, config)
    except kreuzberg.KreuzbergError as error:
        reason = str(error).rsplit(": ", 1)[-1]
        if re.search(r"password|encrypt", str(error), re.IGNORECASE):
            raise Unreadable("encrypted", "it is encrypted, and no password is known") from None
        raise Unreadable("unreadable_document", f"it cannot be read: {reason}") from None
    except (RuntimeError, OSError) as error:
        raise Unreadable("unreadable_document", f"it cannot be read: {error}") from None


def _reading(result: kreuzberg.ExtractionResult) -> Reading:
    said: Mapping[str, Any] = json.loads(json.dumps(dict(result.metadata), default=str))
    core = said.get("core_properties") or {}
    metadata = {k: v for k, v in said.items() if k not in DROPPED and v not in (None, [], {})}
    if warnings := [f"{w.source}: {w.message}" for w in result.processing_warnings]:
        metadata["warnings"] = warnings
    return Reading(
        text=result.content, title=said.get("title") or None, metadata=metadata,
        author=", ".join(said.get("authors") or []) or None,
        created_at=_instant(core.get("created") or said.get("created_at")), language=result.get_detected_language(),
    )  # fmt: skip


def _plain(data: bytes, media_type: str) -> Reading:
    result = _extract(data, media_type)
    reading = _reading(result)
    if result.pages and not media_type.startswith("text/") and media_type != RTF:
        reading.pages = [p["content"] for p in sorted(result.pages, key=lambda p: p["page_number"])]
        reading.page_count = len(reading.pages)
    return reading


def _slides(data: bytes, media_type: str) -> Reading:
    """The slides in their order with their notes, which kreuzberg takes by the number of the part instead."""
    reading = _reading(_extract(data, media_type))
    reading.pages = slides(data)
    reading.page_count = len(reading.pages)
    reading.text = "\n\n".join(page for page in reading.pages if page)
    reading.language = language_of(reading.text)
    return reading


def _image(data: bytes, media_type: str) -> Reading:
    reading = _reading(_extract(data, media_type))
    reading.page_count = 1
    width, height = (int(reading.metadata.get(k) or 0) for k in ("width", "height"))
    if tessdata() and 0 < width * height <= MAX_PIXELS:
        found = _extract(data, media_type, ocr=True)
        reading.text, reading.language = str(found.content), found.get_detected_language()
        reading.metadata["ocr"] = "tesseract"
    reading.pages = [reading.text]
    return reading


def _pdf(data: bytes) -> Reading:
    result = _extract(data, PDF)
    reading = _reading(result)
    reading.metadata.pop("created_at", None)
    reading.metadata.pop("modified_at", None)
    pages = sorted(result.pages or [], key=lambda p: p["page_number"])
    reading.pages = [p["content"] for p in pages]
    reading.page_count = int(result.metadata.get("page_count") or len(pages))
    reading.created_at, reading.embedded = _pdfium(data, reading.metadata)
    blank = [n for n, page in enumerate(reading.pages) if not page.strip()]
    if blank and tessdata():
        _recognize(data, reading, blank[:MAX_OCR_PAGES], result.metadata.get("pages"))
    return reading


def _pdfium(data: bytes, metadata: dict[str, Any]) -> tuple[datetime | None, list[Embedded]]:
    """Creation date with its zone, which kreuzberg drops, and the embedded files with their bytes."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        metadata["warnings"] = [*metadata.get("warnings", []), f"pdfium: {error}"]
        return None, []
    try:
        said = document.get_metadata_dict(skip_empty=True)
        for key, name in (("CreationDate", "created"), ("ModDate", "modified")):
            if key in said:
                metadata[name] = said[key]
        found = [document.get_attachment(n) for n in range(document.count_attachments())]
        files = [Embedded(a.get_name() or f"part-{n}", bytes(a.get_data())) for n, a in enumerate(found, 1)]
        return pdf_instant(said.get("CreationDate", "")), files
    except pypdfium2.PdfiumError as error:
        metadata["warnings"] = [*metadata.get("warnings", []), f"pdfium: {error}"]
        return None, []
    finally:
        document.close()


def _recognize(data: bytes, reading: Reading, blank: Sequence[int], said: Any) -> None:
    """Text of pages that are images, page by page; a page too large to draw stays as it is."""
    import kreuzberg

    drawn = {int(p["number"]): p.get("dimensions") or (0, 0) for p in (said or {}).get("pages", [])}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.pdf"
        path.write_bytes(data)
        for n in blank:
            width, height = drawn.get(n + 1, (0, 0))
            if width * height * (DPI / 72) ** 2 > MAX_PIXELS:
                continue
            found = _extract(kreuzberg.render_pdf_page(str(path), n, dpi=DPI), "image/png", ocr=True)
            reading.pages[n] = str(found.content)
    reading.metadata["ocr"] = "tesseract"
    reading.text = "\n\n".join(p for p in reading.pages if p.strip())
    reading.language = language_of(reading.text)


def pdf_instant(text: str) -> datetime | None:
    """A PDF's date (ISO 32000-2, 7.9.4: without a zone it is UTC), None where it is none."""
    if not (match := PDF_DATE.fullmatch(text.strip().rstrip("'"))):
        return None
    year, *rest = match.groups()[:6]
    month, day, hour, minute, second = (int(p) if p else default for p, default in zip(rest, FIRST, strict=True))
    sign, hours, minutes = match.groups()[6:]
    shift = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        zone = UTC if sign in (None, "Z", "z") else timezone(shift)
        return datetime(int(year), month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _instant(text: object) -> datetime | None:
    """An ISO date with a zone; one without is not taken for an instant."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None
