"""Mails as tables: their parts, names, dates and defects, and the mails inside them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.sources.documents import convert_many
from blocks.sources.documents.mail import instant
from tests.unit.blocks.documents_support import mail, pdf, read, rows, zipped


def test_a_mail_with_attachments_is_a_row_each(tmp_path: Path) -> None:
    message = mail(Date="Sun, 01 Mar 2026 10:00:00 +0200", Message_ID="<1@example.com>")
    message.add_attachment(pdf("Invoice P000123"), maintype="application", subtype="pdf", filename="bill.pdf")
    message.add_attachment(b"plain", maintype="text", subtype="plain")
    data = message.as_bytes()
    converted = read(data, "inbox/1.eml", tmp_path)
    top, bill, nameless = rows(converted)
    assert converted.faults == []
    assert (top["title"], top["author"], top["media_type"]) == ("A project", "Ann <ann@example.com>", "message/rfc822")
    assert top["created_at"] == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert (top["text"], top["status"], top["parent"]) == ("See the file.\n", "ok", None)
    assert top["document_id"] == hashlib.sha256(data).hexdigest()
    assert top["metadata"]["message-id"] == "<1@example.com>"
    assert [a["name"] for a in top["metadata"]["attachments"]] == ["bill.pdf", "part-4.txt"]
    assert (bill["path"], bill["parent"], bill["page_count"]) == ("inbox/1.eml!bill.pdf", top["document_id"], 1)
    assert "Invoice P000123" in bill["text"]
    assert (nameless["path"], nameless["text"]) == ("inbox/1.eml!part-4.txt", "plain")
    [page] = rows(converted, "pages")
    assert (page["_parent"], page["_index"], page["page"], page["document_id"]) == (2, 0, 1, bill["document_id"])


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Thu, 23 Oct 2003 22:40:49 -0700", datetime(2003, 10, 24, 5, 40, 49, tzinfo=UTC)),
        ("23 Oct 2003 22:40 GMT", datetime(2003, 10, 23, 22, 40, tzinfo=UTC)),
        ("Thu, 23 Oct 2003 22:40:49", datetime(2003, 10, 23, 22, 40, 49, tzinfo=UTC)),
        (None, None),
        ("", None),
        ("<HR>", None),
        ("yesterday", None),
        ("Thu, 31 Feb 2003 22:40:49 -0700", None),
        ("Thu, 23 Oct 99999 22:40:49 -0700", None),
        ("Thu, 23 Oct 2003 22:40:49 +99999999999999", None),
    ],
)
def test_the_date_of_a_mail_is_never_invented(date: str | None, expected: datetime | None) -> None:
    assert instant(date) == expected


def test_a_mail_in_a_mail_and_what_it_holds_are_rows(tmp_path: Path) -> None:
    inner = mail("Inner", "Deep text\n")
    inner.add_attachment(zipped(**{"a.txt": b"in a zip"}), maintype="application", subtype="zip", filename="z.zip")
    outer = mail("Outer")
    outer.add_attachment(inner)
    converted = read(outer.as_bytes(), "o.eml", tmp_path)
    found = rows(converted)
    assert [r["path"] for r in found] == ["o.eml", "o.eml!part-3.eml", "o.eml!part-3.eml!z.zip",
                                          "o.eml!part-3.eml!z.zip!a.txt"]  # fmt: skip
    assert [r["status"] for r in found] == ["ok", "ok", "container", "ok"]
    assert [r["parent"] for r in found[1:]] == [r["document_id"] for r in found[:-1]]
    assert found[1]["title"] == "Inner"
    assert found[3]["document_id"] == hashlib.sha256(b"in a zip").hexdigest()


def test_a_packed_mail_in_a_mail_keeps_its_bytes(tmp_path: Path) -> None:
    inner = mail("Inner", "Deep text\n").as_bytes().replace(b"\n", b"\r\n")
    data = (
        b'From: a@example.com\nSubject: Outer\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
        b'--b\nContent-Type: message/rfc822; name="i.eml"\nContent-Transfer-Encoding: base64\n\n'
        + base64.encodebytes(inner)
        + b"\n--b--\n"
    )
    _, found = rows(read(data, "o.eml", tmp_path))
    assert (found["title"], found["document_id"]) == ("Inner", hashlib.sha256(inner).hexdigest())


def test_a_mail_is_text_before_html_and_html_where_there_is_no_text(tmp_path: Path) -> None:
    both = mail(text="As text")
    both.add_alternative("<html><body><p>As <b>HTML</b></p></body></html>", subtype="html")
    only = mail()
    only.set_content("<html><body><p>Only</p><p>HTML &amp; more</p></body></html>", subtype="html")
    files = []
    for name, message in (("both", both), ("only", only)):
        (tmp_path / name).write_bytes(message.as_bytes())
        files.append((tmp_path / name, f"{name}.eml"))
    first, second = convert_many(files, tmp_path / "tables")
    assert rows(first)[0]["text"] == "As text\n"
    [html] = rows(second)
    assert html["text"].split() == ["Only", "HTML", "&", "more"]


def test_charsets_are_those_declared(tmp_path: Path) -> None:
    message = mail("まみむめも", "Grüße\n")
    message.add_attachment("てすと".encode("iso-2022-jp"), maintype="text", subtype="plain", filename="てすと.txt",
                           params={"charset": "iso-2022-jp"})  # fmt: skip
    message.add_attachment("naïve".encode("cp1252"), maintype="text", subtype="plain", filename="old.txt")
    top, japanese, old = rows(read(message.as_bytes(), "1.eml", tmp_path))
    assert (top["title"], top["text"]) == ("まみむめも", "Grüße\n")
    assert (japanese["path"], japanese["text"]) == ("1.eml!てすと.txt", "てすと")
    assert old["text"] == "naïve"


def test_defects_are_flagged_and_the_mail_is_read(tmp_path: Path) -> None:
    data = b"Subject: Odd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\nNo boundary at all\n"
    converted = read(data, "odd.eml", tmp_path)
    [found] = rows(converted)
    assert (found["title"], found["status"], converted.faults) == ("Odd", "defective", [])
    assert found["metadata"]["defects"] == ["MultipartInvariantViolationDefect", "StartBoundaryNotFoundDefect"]
    assert "No boundary at all" in found["text"]


def test_a_part_that_cannot_be_read_is_a_row_that_says_why(tmp_path: Path) -> None:
    message = mail()
    for name, data in {"cut.pdf": pdf("a")[:300], "x.bin": bytes(range(256)), "empty.txt": b""}.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    message.add_attachment(b"good", maintype="text", subtype="plain", filename="good.txt")
    converted = read(message.as_bytes(), "m.eml", tmp_path)
    top, *parts = rows(converted)
    assert [(r["path"], r["status"], r["text"]) for r in parts] == [
        ("m.eml!cut.pdf", "unreadable_document", None), ("m.eml!x.bin", "unknown_type", None),
        ("m.eml!empty.txt", "empty_file", None), ("m.eml!good.txt", "ok", "good"),
    ]  # fmt: skip
    assert {r["parent"] for r in parts} == {top["document_id"]} and converted.faults == []
    assert all(r["metadata"]["reason"] for r in parts[:3])


def test_a_mail_without_a_name_is_known_by_its_headers(tmp_path: Path) -> None:
    [found] = rows(read(mail().as_bytes(), "cur/1700000000.M1P2.host:2,S", tmp_path))
    assert (found["media_type"], found["title"]) == ("message/rfc822", "A project")


def test_a_mailbox_is_a_container_of_its_mails(tmp_path: Path) -> None:
    data = b"".join(b"From a@b Mon Nov 23 10:00:00 2026\n" + mail(s, "From here on\n").as_bytes() + b"\n" for s in "ab")
    found = rows(read(data, "old.mbox", tmp_path))
    assert [(r["path"], r["title"]) for r in found] == [
        ("old.mbox", None), ("old.mbox!mail-1.eml", "a"), ("old.mbox!mail-2.eml", "b"),
    ]  # fmt: skip


def test_text_that_no_warehouse_stores_is_replaced(tmp_path: Path) -> None:
    message = mail(text="a\x00b\n")
    data = message.as_bytes().replace(b"Subject: A project", b"Subject: caf\xe9 \x00")
    [found] = rows(read(data, "n.eml", tmp_path))
    assert found["text"] == "a\ufffdb\n"
    assert found["title"] == "caf\ufffd \ufffd"
