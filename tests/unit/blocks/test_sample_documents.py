"""The mailroom of the sample, read again by email, zipfile and kreuzberg, against what was counted as it was made."""

from __future__ import annotations

import email
import io
import time
import zipfile
from collections import Counter
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from pathlib import Path
from typing import Any

import kreuzberg
import pytest

from blocks.sample import documents
from blocks.sample.plan import ANCHOR, Plan, added
from blocks.sample.words import customer_name

PLAN = Plan(50_000, 7)
AFTER = ANCHOR + timedelta(hours=6)
Json = dict[str, Any]
Made = tuple[Json, Json, Path]


def silent(step: str, done: int, total: int) -> None:
    assert 0 < done <= total


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("mailroom")
    told, says = documents.write_base(PLAN, folder, silent)
    return told, says, folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def attached(message: EmailMessage) -> list[tuple[str, bytes]]:
    """Every file that is sent along, those of an attached mail too."""
    found: list[tuple[str, bytes]] = []
    for part in message.iter_attachments() if message.is_multipart() else ():
        name = part.get_filename()
        inner = part.get_content()
        if isinstance(inner, EmailMessage):
            found += [(name, inner.as_bytes()), *attached(inner)]
        else:
            found.append((name, inner if isinstance(inner, bytes) else inner.encode()))
    return found


def read(data: bytes, media_type: str) -> tuple[str, Json]:
    """Text and metadata of a document; text in pictures is not looked for."""
    result = kreuzberg.extract_bytes_sync(data, media_type, config=kreuzberg.ExtractionConfig(disable_ocr=True))
    return result.content, dict(result.metadata)


def test_every_file_is_accounted_for(made: Made) -> None:
    told, says, folder = made
    files = content(folder)
    assert set(files) == set(says)
    assert told["files"] == len(files) == 60
    suffixes = Counter(Path(name).suffix for name in files)
    assert suffixes == {".eml": 36, ".pdf": 12, ".docx": 5, ".pptx": 3, ".png": 3, ".jpg": 1}
    assert told["files_by_kind"] == {"mail": 36, "pdf": 12, "docx": 5, "pptx": 3, "image": 4}
    mails = [parsed(data) for name, data in files.items() if name.endswith(".eml") and "copy_of" not in says[name]]
    along = [one for mail in mails for one in attached(mail)]
    assert told["attachments"]["rows"] == len(along)
    assert told["attachments"]["kind"] == Counter(Path(name).suffix[1:] for name, _ in along)
    assert set(told["attachments"]["kind"]) == {"pdf", "docx", "png", "eml", "txt"}
    copies = [name for name in files if "copy_of" in says[name]]
    assert len(copies) == told["copies"] == 1
    assert files[copies[0]] == files[says[copies[0]]["copy_of"]]
    assert told["rows"] == len(files) - told["copies"] - told["encrypted"] + len(along)
    hashes = [sha256(data).digest() for data in [*files.values(), *(data for _, data in along)]]
    assert len(set(hashes)) == len(hashes) - 1


def test_mails_say_what_is_told(made: Made) -> None:
    told, says, folder = made
    counts: Counter[str] = Counter()
    for name, one in says.items():
        if one["kind"] != "mail" or "copy_of" in one:
            continue
        data = (folder / name).read_bytes()
        mail = parsed(data)
        assert mail["subject"] == one["title"]
        sender = mail["from"].addresses[0]
        assert sender.addr_spec == one["sender"] == f"contact@customer-{one['customer_id']:06d}.example"
        assert sender.display_name == customer_name(one["customer_id"])
        assert [part.get_filename() for part in mail.iter_attachments() if mail.is_multipart()] == one["attachments"]
        if one["created_at"]:
            assert mail["date"].datetime.isoformat() == one["created_at"]
        else:
            assert "date" not in mail
            counts["undated"] += 1
        body = mail.get_body(("plain", "html"))
        assert body is not None
        assert one["project_id"] in body.get_content()
        assert PLAN.customer_of(int(one["project_id"][1:])) == one["customer_id"]
        counts["subject"] += one["project_id"] in one["title"]
        counts["html"] += body.get_content_subtype() == "html"
        counts["both"] += mail.get_content_type() == "multipart/alternative"
        counts["defective"] += any(part.defects for part in mail.walk())
        counts["nested"] += any(part.get_content_type() == "message/rfc822" for part in mail.walk())
        counts["encoded_subject"] += b"Subject: =?" in data
        counts["latin1"] += b"=?iso-8859-1?" in data
        counts["with_attachments"] += bool(one["attachments"])
        counts["rows"] += 1
    mails, variants = told["mails"], told["mails"]["variant"]
    assert (counts["undated"], counts["defective"], counts["nested"]) == (1, 1, 1)
    assert (variants["undated"], variants["defective"], variants["nested"]) == (1, 1, 1)
    assert {key: counts[key] for key in ("html", "both", "latin1")} == {
        "html": variants["html"], "both": variants["both"], "latin1": variants["latin1"],
    }  # fmt: skip
    for key in ("rows", "encoded_subject", "with_attachments"):
        assert counts[key] == mails[key] > 0
    assert 0 < counts["rows"] - counts["subject"] < counts["rows"] / 2  # the rest names its project in the text only


def test_pdfs_say_what_is_told(made: Made) -> None:
    told, says, folder = made
    pages = Counter[str]()
    for name, one in says.items():
        if one["kind"] == "pdf":
            data = (folder / name).read_bytes()
            if one.get("encrypted"):
                pages["encrypted"] += 1
                with pytest.raises(kreuzberg.KreuzbergError, match="password"):
                    read(data, "application/pdf")
                continue
            text, metadata = read(data, "application/pdf")
            assert (metadata["title"], metadata["authors"]) == (one["title"], [one["author"]])
            assert metadata["created_at"].replace("Z", "+00:00") == one["created_at"]
            assert metadata["page_count"] == one["pages"]
            pages["pages"] += one["pages"]
            pages["image_only"] += not text
            assert one["project_id"] in text or not text
    for name, one in says.items():
        if one["kind"] == "mail" and "copy_of" not in one:
            for along, data in attached(parsed((folder / name).read_bytes())):
                if along.endswith(".pdf"):
                    text, metadata = read(data, "application/pdf")
                    assert one["project_id"] in text
                    pages["pages"] += metadata["page_count"]
    assert (pages["encrypted"], pages["image_only"]) == (told["encrypted"], 1)
    assert pages["pages"] == told["pages"]
    assert told["image_only"] == 1 + told["files_by_kind"]["image"] + told["attachments"]["kind"]["png"]


def test_office_documents_and_pictures_say_what_is_told(made: Made) -> None:
    from PIL import Image

    told, says, folder = made
    slides = 0
    for name, one in says.items():
        path = folder / name
        if one["kind"] in ("docx", "pptx"):
            with zipfile.ZipFile(path) as packed:
                assert packed.testzip() is None
                assert {member.date_time for member in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
                names = packed.namelist()
            found = kreuzberg.extract_file_sync(str(path))
            metadata: Json = dict(found.metadata)
            assert (metadata["title"], metadata["authors"]) == (one["title"], [one["author"]])
            assert metadata["created_at"].replace("Z", "+00:00") == one["created_at"]
            assert one["project_id"] in found.content
            assert all(heading in found.content for heading in one.get("slides", ()))
            inside = sum(member.startswith("ppt/slides/slide") for member in names)
            assert inside == len(one.get("slides", ()))
            slides += inside
        if one["kind"] == "image":
            with Image.open(io.BytesIO(path.read_bytes())) as picture:
                assert picture.format == {".png": "PNG", ".jpg": "JPEG"}[path.suffix]
                assert len(set(picture.tobytes())) > 1
    assert slides == told["slides"] == 9


def test_a_wave_brings_mails(made: Made, tmp_path: Path) -> None:
    told, says, folder = made
    seen = {sha256(data).digest() for data in content(folder).values()}
    for wave in (1, 2):
        done, said = documents.write_wave(PLAN, tmp_path, wave, ANCHOR, AFTER)
        files = {name: (tmp_path / name).read_bytes() for name in done["new"]}
        assert set(said) == set(files)
        assert not set(files) & set(says)
        assert done["counts"]["rows"] == len(files) + sum(len(attached(parsed(data))) for data in files.values())
        assert all(ANCHOR < parsed(data)["date"].datetime < AFTER for data in files.values())
        fresh = {sha256(data).digest() for data in files.values()}
        assert len(fresh) == 4
        assert not fresh & seen
        seen |= fresh
    assert added(told, done["counts"])["files"] == 64


def test_a_seed_gives_its_bytes_at_any_time(tmp_path: Path) -> None:
    plan = Plan(300, 7)
    told = documents.write_base(plan, tmp_path / "one", silent)
    first = documents.write_wave(plan, tmp_path / "one", 1, ANCHOR, AFTER)
    time.sleep(2.1)  # a zip keeps times to two seconds
    assert documents.write_base(plan, tmp_path / "again", silent) == told
    assert documents.write_wave(plan, tmp_path / "again", 1, ANCHOR, AFTER) == first
    assert content(tmp_path / "one") == content(tmp_path / "again")
    documents.write_base(Plan(300, 8), tmp_path / "other", silent)
    assert content(tmp_path / "other") != content(tmp_path / "one")
    assert told[0]["files"] == 20
    assert {"undated", "nested", "defective", "docx", "png", "latin1"} < set(told[0]["mails"]["variant"])
