"""XML that is broken, or made to do harm: what is whole stays, nothing is fetched, nothing explodes."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blocks.sources.xml.marks import MARK, MarkedFile
from tests.unit.blocks.xml_support import converted, records, rows

DOCUMENT = b"""<?xml version="1.0"?>
<!-- a list -->
<I at="1">
  <V n="1"><a>x&amp;y</a><T>1</T><T>2</T></V>
  <V n="&gt;"/><V n='3>'><a><![CDATA[</V>]]></a></V>

  <W/>
</I>
"""
ENDS = [DOCUMENT.index(b"</V>\n") + 4, DOCUMENT.index(b'"&gt;"/>') + 8, DOCUMENT.index(b"</V>\n\n") + 4]


def test_a_file_cut_anywhere_keeps_its_complete_records(tmp_path: Path) -> None:
    for cut in range(len(DOCUMENT.rstrip())):
        (file,) = converted(tmp_path, DOCUMENT[:cut], record="/I/V")
        complete = sum(end <= cut for end in ENDS)
        assert [r.get("n") for r in rows(file)] == ["1", ">", "3>"][:complete], cut
        if complete and "t" in file.tables:
            assert [(r["_parent"], r["t"]) for r in rows(file, "t")] == [(1, "1"), (1, "2")]
        (fault,) = file.faults
        assert fault.reason_code == ("broken_xml" if DOCUMENT[:cut].count(b'<I at="1">') else fault.reason_code)
        assert fault.byte_to == cut
        start = fault.byte_from
        assert start is not None
        assert ENDS[complete - 1] <= start if complete else start == 0
        assert not DOCUMENT[ENDS[complete - 1] if complete else 0 : start].strip()
        assert fault.raw == DOCUMENT[start:cut].decode()
        if cut:
            line = 1 + DOCUMENT[:start].count(b"\n")
            assert fault.at == f":{line}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "shift_jis"])
def test_a_file_cut_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><I><V><a>1</a></V><V><a>2</a></V><V><a>'
    (file,) = converted(tmp_path, text.encode(encoding))
    assert [r["a"] for r in rows(file)] == ["1", "2"]
    (fault,) = file.faults
    assert fault.raw == "<V><a>"


def test_a_broken_middle_ends_the_file(tmp_path: Path) -> None:
    (file,) = converted(tmp_path, "<I>\n<V><a>1</a></V>\n<V><a>2</b></V>\n<V><a>3</a></V>\n</I>")
    assert [r["a"] for r in rows(file)] == ["1"]
    (fault,) = file.faults
    assert (fault.at, fault.raw) == (":3", "<V><a>2</b></V>\n<V><a>3</a></V>\n</I>")
    assert "mismatched tag" in fault.reason


def test_a_long_tail_is_kept_as_its_place(tmp_path: Path) -> None:
    (file,) = converted(tmp_path, "<I><V><a>1</a></V><V><a>" + "x" * 200_000)
    (fault,) = file.faults
    assert (fault.byte_from, fault.byte_to, len(fault.raw or "")) == (18, 200_024, 65_536)


def test_bytes_that_are_no_text_of_the_encoding_break_the_file(tmp_path: Path) -> None:
    (file,) = converted(tmp_path, b"<I><V><a>1</a></V><V><a>\xff</a></V></I>")
    assert [r["a"] for r in rows(file)] == ["1"]
    assert file.faults[0].reason_code == "broken_xml"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"a,b\n1,2\n", "not_xml"), (b"\x00\x01\x02", "not_xml"), (b"   \n", "not_xml"),
     (b'<?xml version="1.0"?>\n', "not_xml"), (b"<I><V></I>", "broken_xml"), (b"<I/><I/>", "broken_xml")],
)  # fmt: skip
def test_what_is_no_document(tmp_path: Path, content: bytes, code: str) -> None:
    (file,) = converted(tmp_path, content)
    assert ([f.reason_code for f in file.faults], rows(file)) == ([code], [])


@pytest.mark.parametrize("place", ["text", "attribute"])
def test_a_billion_laughs_are_not_heard(tmp_path: Path, place: str) -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    document = f'<!DOCTYPE I [<!ENTITY l0 "lol">{entities}]><I><V><a>1</a></V>' + (
        "<V><a>&l11;</a></V></I>" if place == "text" else "<V a='&l11;'/></I>"
    )
    began = time.monotonic()
    tracemalloc.start()
    (file,) = converted(tmp_path, document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [f.reason_code for f in file.faults] == ([] if place == "text" else ["entity_expansion"])
    assert [r["a"] for r in rows(file)] == (["1", "&l11;"] if place == "text" else ["1"])
    assert time.monotonic() - began < 20
    assert peak < 200e6


def test_elements_within_elements_without_end(tmp_path: Path) -> None:
    (file,) = converted(tmp_path, "<I><V><a>1</a></V><V>" + "<d>" * 100_000)
    assert [f.reason_code for f in file.faults] == ["too_complex"]
    assert [r["a"] for r in rows(file)] == ["1"]


@pytest.mark.parametrize(("before", "after"), [("<a>", "</a>"), ("<a b='", "'/>"), ("<!--", "-->")])
def test_a_text_or_a_tag_without_end(tmp_path: Path, before: str, after: str) -> None:
    head = "<I><V><a>1</a></V>\n"
    (file,) = converted(tmp_path, f"{head}<V>{before}{'x' * (66 << 20)}{after}</V></I>")
    (fault,) = file.faults
    assert (fault.reason_code, fault.at, fault.byte_from) == ("record_too_large", ":2", len(head))
    assert [r["a"] for r in rows(file)] == ["1"]


def test_names_without_end(tmp_path: Path) -> None:
    names = "".join(f"<n{n}/>" for n in range(20_000))
    (file,) = converted(tmp_path, f"<I><V><a>1</a></V><V>{names}</V></I>")
    assert [f.reason_code for f in file.faults] == ["too_complex"]


@pytest.fixture
def requests() -> Iterator[tuple[str, list[str]]]:
    """A local server, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'<!ENTITY x "stolen">')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_fetched(tmp_path: Path, requests: tuple[str, list[str]]) -> None:
    url, asked = requests
    secret = tmp_path / "secret.txt"
    secret.write_text("stolen")
    document = (
        f'<!DOCTYPE I SYSTEM "{url}/i.dtd" [<!ENTITY % p SYSTEM "{url}/p"> %p; <!ENTITY w SYSTEM "{url}/w">'
        f'<!ENTITY f SYSTEM "{secret.as_uri()}">]><I><V><a>1&w;&f;&x;</a></V><V><a>2</a></V></I>'
    )
    found = records(tmp_path, document)
    assert "stolen" not in str(found)
    assert [r["a"] for r in found] == ["1&w;&f;&x;", "2"], "what is not fetched stays as it is written"
    assert asked == []


@pytest.mark.parametrize(
    "name", ["zlib", "hex", "rot13", "idna", "punycode", "undefined", "klingon", "", "utf-8\0", "ü", "base64"]
)
def test_a_declared_encoding_that_is_none_of_text_is_a_fault(tmp_path: Path, name: str) -> None:
    for encoding in ("utf-8", "cp1252"):
        document = f'<?xml version="1.0" encoding="{name}"?><I><V><a>1</a></V></I>'.encode(encoding)
        (file,) = converted(tmp_path, document)
        assert ([f.reason_code for f in file.faults], rows(file)) == (["not_xml"], [])
        assert (file.faults[0].byte_from, file.faults[0].byte_to) == (0, len(document))


@pytest.mark.parametrize(
    ("name", "text"),
    [("utf8", "é"), ("utf-8-sig", "é"), ("cp1251", "ж"), ("euc_jp", "日"), ("big5", "中"), ("euc_kr", "한"),
     ("iso2022_jp", "日"), ("utf-7", "é")],
)  # fmt: skip
def test_encodings_are_read_as_python_names_them(tmp_path: Path, name: str, text: str) -> None:
    document = f'<?xml version="1.0" encoding="{name}"?><I><V><a>{text}</a></V></I>'
    encoded = document.encode("utf-8" if name == "utf-8-sig" else name)
    assert records(tmp_path, encoded) == [{"a": text}]


def test_the_mark_of_utf8_is_believed_before_the_declaration(tmp_path: Path) -> None:
    document = '\ufeff<?xml version="1.0" encoding="windows-1252"?><I><V><a>é</a></V></I>'
    assert records(tmp_path, document) == [{"a": "é"}]


def test_a_declaration_within_utf16_names_no_codec(tmp_path: Path) -> None:
    document = '<?xml version="1.0" encoding="zlib"?><I><V><a>é</a></V></I>'.encode("utf-16")
    assert records(tmp_path, document) == [{"a": "é"}]


@pytest.mark.parametrize(
    ("encoding", "text", "broken"),
    [("shift_jis", "日本", b"\x81\xff"), ("gb18030", "中文", b"\x81\xff"), ("euc_jp", "日本", b"\xa4<")],
)
def test_bytes_that_are_no_text_are_never_replaced(tmp_path: Path, encoding: str, text: str, broken: bytes) -> None:
    begin = f'<?xml version="1.0" encoding="{encoding}"?><I>' + f"<V><a>{text}</a></V>" * 60_000
    whole = begin.encode(encoding)
    tail = b"<V><a>1" + broken + b"</a></V><V><a>2</a></V></I>"
    (file,) = converted(tmp_path, whole + tail)
    assert [r["a"] for r in rows(file)] == [text] * 60_000
    (fault,) = file.faults
    assert (fault.reason_code, fault.byte_from, fault.byte_to) == ("broken_xml", len(whole), len(whole + tail))
    assert (fault.raw or "").startswith("<V><a>1")


def test_a_file_that_ends_within_a_character_is_broken(tmp_path: Path) -> None:
    whole = '<?xml version="1.0" encoding="shift_jis"?><I><V><a>日</a></V></I>'.encode("shift_jis")
    (file,) = converted(tmp_path, whole + b"\x81")
    assert [r["a"] for r in rows(file)] == ["日"]
    assert [(f.reason_code, f.byte_to) for f in file.faults] == [("broken_xml", len(whole) + 1)]


def test_a_long_way_to_an_empty_element_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "long.xml"
    path.write_text("<I><a/>" + "<b>1</b>" * 2_000_000 + "<a/></I>")
    marked = MarkedFile(path, ["a"])
    tracemalloc.start()
    size = sum(iter(lambda: len(marked.read(1 << 30)), 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == path.stat().st_size + 2 * len("></a>") + 2 * len(MARK) - 2 * len("/>")
    assert peak < 8e6
