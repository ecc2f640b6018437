"""Documents made for tests, and what was read from them."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from blocks.sources.documents import write_tables
from blocks.sources.documents.text import tessdata
from blocks.sources.tables import Converted

needs_ocr = pytest.mark.skipif(tessdata() is None, reason="no language data of Tesseract here: OCR is not tried")


def rows(converted: Converted, table: str = "") -> list[dict[str, Any]]:
    """Rows of a table in order; metadata as Python has it."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("SELECT * FROM read_parquet(?) ORDER BY _record", [str(converted.tables[table])])
        names = [column[0] for column in found.description]
        records = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    for record in records:
        if "metadata" in record:
            record["metadata"] = json.loads(record["metadata"])
    return records


def read(data: bytes, name: str, tmp_path: Path) -> Converted:
    """A file of that name and content, converted in this process; on disk it has another name, as when landed."""
    path, folder = tmp_path / "part-0", tmp_path / "tables"
    path.write_bytes(data)
    faults = write_tables(path, name, folder)
    return Converted({"": folder / "documents.parquet", "pages": folder / "pages.parquet"}, {"pages": ""}, faults)


def mail(subject: str = "A project", text: str = "See the file.\n", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@example.com>", "bob@example.com"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def pdf(*pages: str, **options: Any) -> bytes:
    file = FPDF()
    file.set_creation_date(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    for page in pages:
        file.add_page()
        file.set_font("helvetica", size=14)
        file.multi_cell(0, 8, page)
    for key, value in options.items():
        getattr(file, key)(**value)
    return bytes(file.output())


def image(text: str, kind: str = "PNG") -> bytes:
    picture = Image.new("RGB", (1000, 200), "white")
    ImageDraw.Draw(picture).text((30, 60), text, fill="black", font=ImageFont.load_default(size=48))
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()
