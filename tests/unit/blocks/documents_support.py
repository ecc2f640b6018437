"""Documents made for tests, and what was read from them."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from blocks.sources.documents import tables
from blocks.sources.documents.tables import File
from blocks.sources.documents.text import tessdata
from blocks.sources.tables import FILE, Converted

needs_ocr = pytest.mark.skipif(tessdata() is None, reason="no language data of Tesseract here: OCR is not tried")


def rows(converted: Converted, table: str = "") -> list[dict[str, Any]]:
    """Rows of a file in a table, in order; metadata as Python has it."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        sql = f'SELECT * EXCLUDE ("{FILE}") FROM read_parquet(?) WHERE "{FILE}" = ? ORDER BY _record'
        found = connection.execute(sql, [str(converted.tables[table]), converted.file])
        names = [column[0] for column in found.description]
        records = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    for record in records:
        if "metadata" in record:
            record["metadata"] = json.loads(record["metadata"])
    return records


def read(data: bytes, name: str, tmp_path: Path) -> Converted:
    """A file of that name and content, converted in this process; on disk it has another name, as when landed."""
    path, written = tmp_path / "part-0", tables.paths(tmp_path / "tables", 0)
    path.write_bytes(data)
    tables.clear(tmp_path / "tables")
    [faults] = tables.write([File(0, str(path), name)], written)
    return Converted(written, {"pages": ""}, faults, 0)


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


def importing() -> dict[str, str]:
    """An environment in which a process of its own imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
