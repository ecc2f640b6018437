"""Real mails, PDFs, Office files, images and archives, held against what independent tools say of them."""

from __future__ import annotations

import csv
from collections import defaultdict
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.sources.documents import convert_many
from blocks.sources.tables import Fault
from tests.unit.blocks.documents_support import rows

INPUTS = Path(__file__).parents[4] / "shared" / "inputs"
KINDS = ("email", "pdf", "office", "image", "archive")
TEXT_OF_MINE = {"\xad": " "}
"""The tool that wrote the facts put a blank for a soft hyphen."""

if not INPUTS.is_dir():
    pytest.skip(f"{INPUTS} is not there", allow_module_level=True)


def table(name: str) -> list[dict[str, str]]:
    with (INPUTS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def facts() -> dict[str, dict[str, str]]:
    """File → metric → value."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with (INPUTS / "truth.tsv").open(encoding="utf-8") as file:
        for line in file:
            path, metric, value, _ = line.rstrip("\n").split("\t")
            if path.split("/")[0] in KINDS:
                found[path][metric] = value
    return found


FACTS = facts()
EXPECTED = {row["path"]: row for row in table("MANIFEST.tsv") if row["kind"] in KINDS}
Read = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[Fault]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Every file: documents, pages, faults."""
    folder = tmp_path_factory.mktemp("documents")
    files = [(INPUTS / path, path) for path in EXPECTED]
    return {
        path: (rows(c), rows(c, "pages"), list(c.faults))
        for path, c in zip(EXPECTED, convert_many(files, folder), strict=True)
    }  # fmt: skip


def test_every_file_is_a_document_or_a_fault(found: Read) -> None:
    for path, (documents, _, faults) in found.items():
        hostile = EXPECTED[path]["expectation"] == "hostile"
        assert [f.reason_code for f in faults if not f.at] == (["encrypted"] if hostile else []), path
        assert bool(documents) is not hostile, path
        assert all(d["path"].startswith(path) for d in documents)
        assert [d["parent"] is None for d in documents] == [n == 0 for n in range(len(documents))], path


def test_nothing_is_an_empty_success(found: Read) -> None:
    for documents, _, _ in found.values():
        for document in documents:
            if document["status"] == "ok":
                assert document["text"].strip(), document["path"]


def normal(text: str | None) -> str:
    for mine, theirs in TEXT_OF_MINE.items():
        text = (text or "").replace(mine, theirs)
    return " ".join((text or "").split())


def test_mails_have_subject_sender_date_and_defects(found: Read) -> None:
    mails = [path for path in FACTS if path.startswith("email/")]
    assert len(mails) == 104
    for path in mails:
        said, mail = FACTS[path], found[path][0][0]
        assert normal(said["email.subject"]) == normal(mail["title"] if mail["title"] is not None else "<absent>"), path
        assert said["email.from"] == (mail["author"] if mail["author"] is not None else "<absent>"), path
        try:
            date = parsedate_to_datetime(said["email.date"]).timestamp()
        except (ValueError, TypeError):
            date = None
        assert date == (mail["created_at"].timestamp() if mail["created_at"] else None), path
        if "no invented timestamp" in EXPECTED[path]["what_a_good_ingester_must_do"]:
            assert mail["created_at"] is None, path
        defects = set(said.get("email.defects", "").split(", ")) - {""}
        assert defects <= set(mail["metadata"].get("defects", [])), path
        assert (mail["status"] == "defective") is bool(defects), path


def test_attachments_are_documents_or_faults_of_their_names(found: Read) -> None:
    count = 0
    for path, said in FACTS.items():
        if not path.startswith("email/"):
            continue
        documents, _, faults = found[path]
        inside = [d["path"].removeprefix(path) for d in documents[1:]] + [f.at for f in faults if f.at]
        names = [n for n in said.get("email.attachment_names", "").split(" | ") if n and n != "<no name>"]
        for name in names:
            assert any(at.endswith(f"!{name}") for at in inside), (path, name)
        assert len(inside) >= int(said["email.attachments (Content-Disposition: attachment)"]), path
        count += len(names)
    assert count == 22


def test_pdfs_have_their_pages_phrases_and_titles(found: Read) -> None:
    for path, said in FACTS.items():
        if not path.startswith("pdf/") or not found[path][0]:
            continue
        documents, pages, _ = found[path]
        pdf = documents[0]
        assert pdf["page_count"] == int(said["pdf.pages"]) == len([p for p in pages if p["_parent"] == 1]), path
        assert said.get("pdf.phrase", "") in pdf["text"], path
        if int(said["pdf.text_chars"]) == 0 and "ocr" not in pdf["metadata"]:
            assert pdf["status"] == "no_text", path
        if int(said["pdf.text_chars"]) > 0:
            assert pdf["status"] == "ok", path
        if (title := said.get("pdf.title", "")) and not title.endswith(":") and not title.startswith("Creator:"):
            assert pdf["title"] == title, path
        for name in filter(None, [said.get("pdf.attachments")]):
            assert [d["path"] for d in documents[1:]] == [f"{path}!{name}"]


def test_office_files_have_their_phrases_and_slides(found: Read) -> None:
    for path, said in FACTS.items():
        if not path.startswith("office/"):
            continue
        documents, pages, faults = found[path]
        assert not faults, path
        assert said.get("phrase", "") in documents[0]["text"], path
        if slides := said.get("pptx.slides"):
            assert documents[0]["page_count"] == int(slides) == len(pages), path


def test_images_have_their_size(found: Read) -> None:
    for path, said in FACTS.items():
        if path.startswith("image/"):
            [image] = found[path][0]
            assert f"{image['metadata']['width']}x{image['metadata']['height']}" == said["image.size"]
            assert image["media_type"] == f"image/{said['image.format'].lower()}"


def test_each_member_of_an_archive_is_accounted_for(found: Read) -> None:
    for path, said in FACTS.items():
        if path.startswith("archive/"):
            documents, _, faults = found[path]
            members = [d["path"].removeprefix(path) for d in documents[1:]] + [f.at for f in faults]
            assert len({m for m in members if m.count("!") == 1}) == int(said["zip.members"])
