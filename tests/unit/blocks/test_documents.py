"""Documents as tables: what a PDF, an Office file, an image and an archive give, and what is not invented."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from docx import Document as WordFile
from fpdf import FPDF
from pptx import Presentation

from blocks.sources.documents import AT_ONCE, COLUMNS, PAGE_COLUMNS, convert, convert_many
from blocks.sources.documents.kinds import Unreadable
from blocks.sources.documents.slides import slides
from blocks.sources.documents.text import pdf_instant
from tests.unit.blocks.documents_support import image, needs_ocr, pdf, read, rows, zipped


def test_the_tables_have_the_columns_that_are_declared(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pdf("one"))
    converted = convert(tmp_path / "a", "a.pdf", tmp_path / "tables")
    for table, first, declared in (("", 2, COLUMNS), ("pages", 4, PAGE_COLUMNS)):
        found = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(converted.tables[table])]).fetchall()
        assert [(name, type_) for name, type_, *_ in found][first:] == [(c.name, c.type) for c in declared]
    assert converted.parents == {"pages": ""}


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("D:20220403194732+02'00'", datetime(2022, 4, 3, 17, 47, 32, tzinfo=UTC)),
        ("D:20220403194732-01'30", datetime(2022, 4, 3, 21, 17, 32, tzinfo=UTC)),
        ("D:20230410074654Z07'46'", datetime(2023, 4, 10, 7, 46, 54, tzinfo=UTC)),
        ("D:2022", datetime(2022, 1, 1, tzinfo=UTC)),
        ("D:20221301", None),
        ("Monday", None),
        ("", None),
    ],
)
def test_the_date_of_a_pdf_keeps_its_zone(date: str, expected: datetime | None) -> None:
    assert pdf_instant(date) == expected


@pytest.mark.parametrize(
    "name", ["a\nb.txt", 'say "hi".txt', "-rf.txt", "../../etc/passwd.txt", "très long.txt", "a!b.txt"]
)
def test_names_are_literal(tmp_path: Path, name: str) -> None:
    found = rows(read(zipped(**{name: b"text"}), "z.zip", tmp_path))
    assert [r["path"] for r in found] == ["z.zip", f"z.zip!{name}"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["part-0", "tables"]
    assert sorted(p.name for p in (tmp_path / "tables").iterdir()) == ["documents-0.parquet", "pages-0.parquet"]


def test_a_pdf_has_its_pages_and_embedded_files(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"a note")
    embedded = {"embed_file": {"file_path": tmp_path / "note.txt"}, "set_title": {"title": "A title"}}
    converted = read(pdf("First page", "Second page", **embedded), "a.pdf", tmp_path)
    top, note = rows(converted)
    assert (top["page_count"], top["title"], top["created_at"]) == (
        2,
        "A title",
        datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    )
    assert [(p["page"], p["text"].strip()) for p in rows(converted, "pages")] == [(1, "First page"), (2, "Second page")]
    assert (note["path"], note["text"], note["parent"]) == ("a.pdf!note.txt", "a note", top["document_id"])


def test_an_encrypted_pdf_is_a_fault(tmp_path: Path) -> None:
    locked = pdf("secret", set_encryption={"owner_password": "o", "user_password": "u"})
    converted = read(locked, "a.pdf", tmp_path)
    assert rows(converted) == rows(converted, "pages") == []
    [fault] = converted.faults
    assert (fault.reason_code, fault.at, fault.byte_from, fault.byte_to) == ("encrypted", "", 0, len(locked))


def test_office_files_have_text_title_and_slides(tmp_path: Path) -> None:
    word, show = WordFile(), Presentation()
    word.core_properties.title, word.core_properties.author = "Report", "Ann"
    word.add_paragraph("A paragraph")
    word.add_table(1, 2).cell(0, 1).text = "in a table"
    for text in ("First", "", "Third"):
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = text
    slide.notes_slide.notes_text_frame.text = "a spoken note"
    files = []
    for name, file in (("r.docx", word), ("s.pptx", show)):
        file.save(str(tmp_path / name))
        files.append((tmp_path / name, name))
    report, deck = convert_many(files, tmp_path / "tables")
    [found] = rows(report)
    assert (found["title"], found["author"]) == ("Report", "Ann")
    assert "A paragraph" in found["text"] and "in a table" in found["text"]
    assert found["created_at"] == datetime(2013, 12, 23, 23, 15, tzinfo=UTC)
    [found] = rows(deck)
    assert found["page_count"] == 3
    first, second, third = (p["text"] for p in rows(deck, "pages"))
    assert (first, second) == ("First", "") and "Third" in third and "a spoken note" in third


def test_slides_have_the_texts_of_groups_tables_and_notes_in_order(tmp_path: Path) -> None:
    show, out = Presentation(), io.BytesIO()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Two\vlines\nand one"
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "in a group"
    table = slide.shapes.add_table(2, 2, 0, 0, 9, 9).table
    for n, text in enumerate(("a", "b", "c", "d")):
        table.cell(n // 2, n % 2).text = text
    slide.notes_slide.notes_text_frame.text = "a note"
    show.slides.add_slide(show.slide_layouts[6])
    show.save(out)
    assert slides(out.getvalue()) == ["Two\nlines\nand one\n\nin a group\n\na\tb\n\nc\td\n\na note", ""]
    bomb = (
        b'<!DOCTYPE p [<!ENTITY a "'
        + b"a" * 1000
        + b'">%s]><p>&z;</p>'
        % b"".join(b'<!ENTITY %c "%s">' % (n + 1, b"&%c;" % n * 100) for n in range(ord("a"), ord("z")))
    )
    for broken in (out.getvalue()[:-100], zipped(**{"ppt/presentation.xml": bomb}), zipped(a=b"b")):
        with pytest.raises(Unreadable, match="its slides cannot be read"):
            slides(broken)


def test_slides_are_in_the_order_of_the_presentation(tmp_path: Path) -> None:
    show = Presentation()
    for text in "ABC":
        show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = text
    out = io.BytesIO()
    show.save(out)
    with zipfile.ZipFile(out) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    listed = re.search(rb"<p:sldIdLst>(.*?)</p:sldIdLst>", parts["ppt/presentation.xml"], re.DOTALL)
    assert listed
    turned = b"".join(reversed(re.findall(rb"<p:sldId [^>]*/>", listed.group(1))))
    parts["ppt/presentation.xml"] = parts["ppt/presentation.xml"].replace(listed.group(1), turned)
    converted = read(zipped(**parts), "s.pptx", tmp_path)
    assert [p["text"] for p in rows(converted, "pages")] == ["C", "B", "A"]


def test_an_image_without_ocr_has_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"):
        [found] = rows(read(image("Hello", kind), "a", tmp_path))
        assert (found["status"], found["text"], found["page_count"]) == ("no_text", "", 1)
        assert (found["media_type"], found["created_at"]) == (f"image/{kind.lower()}", None)
        assert (found["metadata"]["width"], found["metadata"]["height"]) == (1000, 200)


@needs_ocr
def test_ocr_reads_images_and_the_pages_of_a_pdf_that_are_images(tmp_path: Path) -> None:
    [found] = rows(read(image("Delivered today"), "a.png", tmp_path))
    assert (found["status"], found["text"].strip()) == ("ok", "Delivered today")
    file = FPDF()
    file.add_page()
    file.set_font("helvetica", size=14)
    file.cell(text="Typed words")
    file.add_page()
    file.image(io.BytesIO(image("Scanned words")), w=180)
    converted = read(bytes(file.output()), "a.pdf", tmp_path)
    assert [p["text"].strip() for p in rows(converted, "pages")] == ["Typed words", "Scanned words"]
    assert "Scanned words" in rows(converted)[0]["text"]


def test_an_image_only_pdf_is_flagged_without_ocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    file = FPDF()
    file.add_page()
    file.image(io.BytesIO(image("Scanned words")), w=180)
    [found] = rows(read(bytes(file.output()), "a.pdf", tmp_path))
    assert (found["status"], found["page_count"]) == ("no_text", 1)


def test_archives_of_every_kind_are_opened(tmp_path: Path) -> None:
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        info = tarfile.TarInfo("d/a.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = rows(read(gzip.compress(tarred.getvalue()), "a.tgz", tmp_path))
    assert [r["path"] for r in found] == ["a.tgz", "a.tgz!a.tar", "a.tgz!a.tar!d/a.txt"]
    found = rows(read(gzip.compress(b"hello"), "a.txt.gz", tmp_path))
    assert [(r["path"], r["text"]) for r in found] == [("a.txt.gz", None), ("a.txt.gz!a.txt", "hello")]


def test_many_files_come_back_in_order(tmp_path: Path) -> None:
    files = []
    for n in range(2 * AT_ONCE + 1):
        (tmp_path / f"{n}").write_text(f"document {n}")
        files.append((tmp_path / f"{n}", f"{n}.txt"))
    found = convert_many(files, tmp_path / "tables")
    assert [[r["text"] for r in rows(c)] for c in found] == [[f"document {n}"] for n in range(len(files))]
    assert len({c.tables[""] for c in found}) == 3
    found = convert_many(files[:1], tmp_path / "tables")
    assert {*found[0].tables.values()} == {*(tmp_path / "tables").iterdir()}, "tables of an earlier time are gone"
    assert convert_many([], tmp_path / "tables") == []


def test_a_document_gives_the_same_row_each_time(tmp_path: Path) -> None:
    out = io.BytesIO()
    WordFile().save(out)
    found = set()
    for _ in range(4):  # the order of kreuzberg's metadata is another one in each call
        table = read(out.getvalue(), "a.docx", tmp_path).tables[""]
        found.add(duckdb.sql(f"SELECT metadata FROM '{table}'").fetchall()[0])
    assert len(found) == 1
