"""PDFs, office documents and images as bytes: the same content gives the same bytes, whenever they are made.

Each function takes what is written and when. What is written by whom is in `documents.py`. The libraries are
imported where they are used: they take seconds.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF
    from PIL.Image import Image

OWNER_PASSWORD = "owner"
USER_PASSWORD = "not known to Hallmark"


def pdf(title: str, author: str, pages: Sequence[str], when: datetime, encrypted: bool = False) -> bytes:
    """A PDF with a page for each text, of Latin-1 characters; an encrypted one needs a password to be read."""
    from fpdf.enums import EncryptionMethod

    document = _empty_pdf(title, author, when)
    if encrypted:  # AES would take random bytes
        document.set_encryption(OWNER_PASSWORD, USER_PASSWORD, EncryptionMethod.RC4)
    for text in pages:
        document.add_page()
        document.set_font("Helvetica", size=12)
        document.multi_cell(0, 7, text)
    return bytes(document.output())


def scanned_pdf(title: str, author: str, lines: Sequence[str], when: datetime) -> bytes:
    """A PDF of one page that is a picture of text."""
    document = _empty_pdf(title, author, when)
    document.add_page()
    document.image(_picture(lines), 10, 10, 190)
    return bytes(document.output())


def image(lines: Sequence[str], kind: str = "PNG") -> bytes:
    """A picture of text, PNG or JPEG."""
    out = io.BytesIO()
    _picture(lines).save(out, kind)
    return out.getvalue()


def docx(title: str, author: str, paragraphs: Sequence[str], rows: Sequence[Sequence[str]], when: datetime) -> bytes:
    """A Word document: a heading, paragraphs and a table."""
    from docx import Document

    document, out = Document(), io.BytesIO()
    document.add_heading(title, 0)
    for text in paragraphs:
        document.add_paragraph(text)
    table = document.add_table(0, len(rows[0]))
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    _describe(document.core_properties, title, author, when)
    document.save(out)
    return _undated(out.getvalue())


def pptx(title: str, author: str, slides: Sequence[tuple[str, str]], when: datetime) -> bytes:
    """A presentation with a slide for each (heading, text)."""
    from pptx import Presentation

    deck, out = Presentation(), io.BytesIO()
    for heading, text in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = heading
        slide.placeholders[1].text = text
    _describe(deck.core_properties, title, author, when)
    deck.save(out)
    return _undated(out.getvalue())


def _empty_pdf(title: str, author: str, when: datetime) -> FPDF:
    from fpdf import FPDF

    document = FPDF()
    document.set_creation_date(when)
    document.set_title(title)
    document.set_author(author)
    return document


def _picture(lines: Sequence[str]) -> Image:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (1000, 80 + 70 * len(lines)), 255)
    canvas, font = ImageDraw.Draw(picture), ImageFont.load_default(44)
    for index, line in enumerate(lines):
        canvas.text((40, 40 + 70 * index), line, fill=0, font=font)
    return picture


def _describe(properties: object, title: str, author: str, when: datetime) -> None:
    """Set the properties that a document keeps of itself; times are UTC without a zone there."""
    stamp = when.replace(tzinfo=None)
    values = {
        "title": title,
        "author": author,
        "last_modified_by": author,
        "created": stamp,
        "modified": stamp,
        "comments": "",
    }
    for name, value in values.items():
        setattr(properties, name, value)


def _undated(packed: bytes) -> bytes:
    """The same zip with the time of every member fixed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), old.read(member), zipfile.ZIP_DEFLATED)
    return out.getvalue()
