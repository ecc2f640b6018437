"""Documents made to hurt: bombs, endless nesting, parsers that end, files that are cut at any byte."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from docx import Document as WordFile
from docx.opc.constants import RELATIONSHIP_TYPE

from blocks.sources.documents import convert, convert_many
from blocks.sources.documents.archive import Budget, members
from blocks.sources.documents.kinds import ZIP, Unreadable, kind_of
from blocks.sources.documents.walk import MAX_DEPTH, MAX_MEMBERS
from tests.unit.blocks.documents_support import importing, mail, pdf, read, rows, zipped


def bomb(path: Path, megabytes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros", "w", force_zip64=True) as member:
            for _ in range(megabytes):
                member.write(bytes(1 << 20))
        archive.writestr("good.txt", "good")
    return path


def test_a_zip_bomb_is_a_fault_and_its_neighbours_are_read(tmp_path: Path) -> None:
    converted = convert(bomb(tmp_path / "bomb.zip", 256), "bomb.zip", tmp_path / "tables")
    assert [r["path"] for r in rows(converted)] == ["bomb.zip", "bomb.zip!good.txt"]
    [fault] = converted.faults
    assert (fault.at, fault.reason_code) == ("!zeros", "archive_limit")


def test_a_zip_bomb_needs_no_memory(tmp_path: Path) -> None:
    path = bomb(tmp_path / "bomb.zip", 2048)
    code = f"""import resource; from pathlib import Path; from blocks.sources.documents import convert
[fault] = convert(Path({str(path)!r}), "bomb.zip", Path({str(tmp_path / "t")!r})).faults
print(fault.reason_code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=importing(), check=True)
    reason, kilobytes = done.stdout.split()
    assert reason == "too_large"
    assert int(kilobytes) < 1 << 20, "a member of 2 GB needed more than 1 GB"


def test_all_of_a_file_has_one_budget() -> None:
    data = zipped(**{f"{n}.txt": bytes(1000) for n in range(10)})
    budget = Budget(size=4500, documents=100, member=10_000)
    found = list(members(data, ZIP, "z.zip", budget))
    assert [bool(m.fault) for m in found] == [False] * 4 + [True] * 6


def test_a_member_larger_than_its_limit_is_a_fault() -> None:
    [large, small] = members(zipped(a=os.urandom(5000), b=b"x"), ZIP, "z.zip", Budget(1 << 20, 100, 4000))
    assert large.fault is not None and large.fault.reason_code == "too_large"
    assert small.data == b"x"


def test_an_archive_in_an_archive_without_end_stops(tmp_path: Path) -> None:
    data = b"the innermost text"
    for _ in range(MAX_DEPTH + 3):
        data = zipped(inner=data)
    converted = read(data, "z.zip", tmp_path)
    assert len(rows(converted)) == MAX_DEPTH + 1
    [fault] = converted.faults
    assert (fault.reason_code, fault.at) == ("nested_too_deep", "!inner" * (MAX_DEPTH + 1))


def test_too_many_members_stop(tmp_path: Path) -> None:
    extra = 5
    converted = read(zipped(**{f"{n}.txt": b"x" for n in range(MAX_MEMBERS - 1 + extra)}), "z.zip", tmp_path)
    assert len(rows(converted)) == MAX_MEMBERS
    assert [f.reason_code for f in converted.faults] == ["archive_limit"] * extra


def test_encrypted_and_damaged_members_are_faults_of_their_own(tmp_path: Path) -> None:
    data = bytearray(zipped(**{"a.txt": b"aaaa" * 50, "b.txt": b"bbbb" * 50, "c.txt": b"cccc" * 50}))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[first + 8] |= 1
    data[second + 16] ^= 0xFF
    converted = read(bytes(data), "z.zip", tmp_path)
    assert [r["path"] for r in rows(converted)] == ["z.zip", "z.zip!c.txt"]
    assert [(f.at, f.reason_code) for f in converted.faults] == [
        ("!a.txt", "encrypted"), ("!b.txt", "unreadable_document"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.pdf", "empty_file"),
        (bytes(range(256)) * 10, "a.pdf", "unknown_type"),
        (b"\x7fELF" + bytes(100), "a.txt", "unknown_type"),
        (b"%PDF-1.7\nnothing", "a.txt", "unreadable_document"),
        (b"PK\x05\x06" + bytes(18), "a.zip", "empty_file"),
        (b"PK\x03\x04 cut", "a.docx", "unreadable_document"),
        (b"\x1f\x8b\x08 no", "a.gz", "unreadable_document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", "unknown_type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.docx", "encrypted"),
    ],
)
def test_what_is_no_document_is_one_fault_of_the_file(tmp_path: Path, data: bytes, name: str, code: str) -> None:
    converted = read(data, name, tmp_path)
    assert rows(converted) == []
    [fault] = converted.faults
    assert (fault.reason_code, fault.at, fault.byte_from, fault.byte_to) == (code, "", 0, len(data))


def test_a_name_alone_is_never_believed() -> None:
    assert kind_of(pdf("x"), "a.txt").media_type == "application/pdf"
    assert kind_of(b"plain words", "a.pdf").media_type == "text/plain"
    with pytest.raises(Unreadable):
        kind_of(bytes(64), "a.txt", "text/plain")


def test_external_relationships_are_not_fetched(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    word = WordFile()
    word.add_paragraph("Text")
    word.part.relate_to(
        f"{url}/template.dotm", RELATIONSHIP_TYPE.IMAGE.replace("image", "attachedTemplate"), is_external=True
    )
    word.part.relate_to(f"{url}/picture.png", RELATIONSHIP_TYPE.IMAGE, is_external=True)
    out = io.BytesIO()
    word.save(out)
    html = f'<html><head><link rel=stylesheet href="{url}/a.css"></head><body><img src="{url}/p.png">Hi</body></html>'
    message = mail()
    message.set_content(html, subtype="html")
    message.add_attachment(out.getvalue(), maintype="application", subtype="octet-stream", filename="a.docx")
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}/s.png"/></svg>'
    message.add_attachment(svg.encode(), maintype="image", subtype="svg+xml", filename="a.svg")
    try:
        assert len(rows(read(message.as_bytes(), "m.eml", tmp_path))) == 3
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_a_document_cut_or_spoilt_anywhere_is_a_row_or_a_fault(tmp_path: Path) -> None:
    chance = random.Random(4)
    message = mail(Date="Sun, 01 Mar 2026 10:00:00 +0200")
    message.add_attachment(pdf("Text"), maintype="application", subtype="pdf", filename="a.pdf")
    word = io.BytesIO()
    WordFile().save(word)
    files = []
    for name, data in {"m.eml": message.as_bytes(), "a.pdf": pdf("Text"), "a.docx": word.getvalue()}.items():
        for n in range(30):
            spoilt = bytearray(data[: chance.randrange(len(data))] if n % 2 else data)
            for _ in range(0 if n % 2 else 30):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            path = tmp_path / f"{n}-{name}"
            path.write_bytes(bytes(spoilt))
            files.append((path, name))
    for converted in convert_many(files, tmp_path / "tables"):
        documents = rows(converted)
        assert documents or converted.faults
        assert all(f.reason_code != "crashed" and "reader failed" not in f.reason for f in converted.faults)
        assert all(d["text"].strip() for d in documents if d["status"] == "ok")


def test_a_mail_of_endless_parts_is_a_fault(tmp_path: Path) -> None:
    data = b"Subject: deep\nMIME-Version: 1.0\n"
    for n in range(500):
        data += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n)
    converted = read(data + b"\ntext\n", "m.eml", tmp_path)
    assert rows(converted) == []
    assert [f.reason_code for f in converted.faults] in (["nested_too_deep"], ["too_large"], ["unreadable_document"])


def test_unreadable_parts_of_one_name_have_positions_of_their_own(tmp_path: Path) -> None:
    message = mail()
    for text in ("one", "two", "three"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.txt", text)
        damaged = packed.getvalue().replace(text.encode(), b"?" * len(text))
        message.add_attachment(damaged, maintype="application", subtype="zip", filename="a.zip")
    file = read(message.as_bytes(), "m.eml", tmp_path)
    assert [f.at for f in file.faults] == ["!a.zip!a.txt", "!#2!a.zip!a.txt", "!#3!a.zip!a.txt"]
    assert [r["path"] for r in rows(file)][1:] == ["m.eml!a.zip", "m.eml!#2!a.zip", "m.eml!#3!a.zip"]
