"""Long XML files: what the head does not show is found wherever it is, and nothing is taken for known that is not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.sources.tables import Converted
from blocks.sources.xml import convert, merge
from blocks.sources.xml.quick import quick_scan
from blocks.sources.xml.rows import open_tables, write_rows
from blocks.sources.xml.scan import Scan, scan_file
from blocks.sources.xml.tree import UNKNOWN, walk

RECORD = '<V n="{n}" k="a"><a>text {n}</a><W><b c="1">x</b><b c="2">y</b></W><d>1</d><p>{long}</p></V>\n'
FRAGMENTS = (
    "", "", " ", "\n", "\r", "\t", "x", "é", "😀", "\ufffe", "\x02", "!", "<", ">", "/", "/>", "=", "\"", "'",
    "<a>", "</a>", "<a/>", "<V>", "</V>", "<V/>", "</I>", "<V n='1'>", "<W>", "</W>", "<b/>", "<b c='1'>y</b>",
    "<n>1</n>", "]", "]]", "]]>", "<![CDATA[", "<![CDATA[x]]>", "<!--", "-->", "<!-- <V/> -->", "--", "<?", "?>",
    "<?p i?>", "&", "&amp;", "&#10;", "&#xD800;", "&#0;", "&x;", " k='1'", " k=", " xmlns='urn:x'",
    " xmlns:x='urn:x'", "x:", " xml:lang='de'", "<!DOCTYPE I>",
)  # fmt: skip
ROUNDS = 100
RICH = """<V n='&#10;' k="a" z=''><a/><!-- <V> --><W><b c=''/><b>1</b></W><d></d><d> </d><p><![CDATA[<V]]></p></V>
<V z = "&amp;"
><W/><d>1</d><n>2</n></V><V/>
"""
"""Records that show much of what a record may be."""
LONG = "lorem ipsum " * 170
COUNT = 600
PIECE = 1 << 18


def document(odd: bytes, count: int = COUNT, first: str = "") -> bytes:
    """A list of records, the middle one of which is odd."""
    records = [RECORD.format(n=n, long=LONG).encode() for n in range(count)]
    records[count // 2] = odd
    return b"<?xml version='1.0'?>\n<I>\n" + first.encode() + b"".join(records) + b"</I>\n"


def contents(file: Converted) -> dict[str, pa.Table]:
    """The tables that were written."""
    return {name: pq.read_table(path) for name, path in file.tables.items()}


def slowly(scan: Scan) -> dict[str, pa.Table]:
    """The tables of a sound file by expat alone."""
    layout = merge([scan], ())
    assert scan.root
    record = layout.records[scan.root.name]
    assert record
    complete = scan.root.children["V"].count
    with open_tables(layout, scan.path.with_name("slow")) as tables:
        write_rows(scan, layout, record, complete, tables)
    return {t.table.name: pq.read_table(t.path) for t in tables}


def changed(old: str, new: str | bytes) -> bytes:
    """One record in which a text is another."""
    record = RECORD.format(n=7, long="end").encode()
    assert record.count(old.encode()) == 1
    return record.replace(old.encode(), new if isinstance(new, bytes) else new.encode())


@pytest.mark.parametrize("first", ["", RICH], ids=["new", "known"])
def test_whatever_one_record_becomes_both_ways_agree(tmp_path: Path, first: str) -> None:
    chance = random.Random(7)
    path = tmp_path / "long.xml"
    for _ in range(ROUNDS):
        odd = RECORD.format(n=7, long="end")
        for _ in range(chance.choice((1, 1, 2, 3))):
            start = chance.randrange(len(odd) + 1)
            end = chance.choice((start, start, start + 1, chance.randrange(len(odd) + 1)))
            odd = odd[:start] + chance.choice(FRAGMENTS) + odd[end:]
        path.write_bytes(document(odd.encode(), 130, first))
        exact, found = scan_file(path, "/I/V"), quick_scan(path, "/I/V", 1 << 16)
        if found:
            assert exact.broken is None, odd
            assert facts(found) == facts(exact), odd
            assert contents(convert(path, found, merge([found], ()), tmp_path / "quick")) == slowly(exact), odd


def facts(scan: Scan) -> Sequence[object]:
    """What the columns and tables follow from."""
    assert scan.root
    return sorted(
        (path, e.text, e.hollow and not e.children, e.repeats, sorted(e.attributes)) for path, e in walk(scan.root)
    )


@pytest.mark.parametrize(
    ("odd", "quick"),
    [
        pytest.param(changed("<d>", "<e>1</e><d>"), True, id="new element"),
        pytest.param(changed("</W>", "<z/></W>"), True, id="new element deeper"),
        pytest.param(changed("<a>", '<a q="1">'), True, id="new attribute"),
        pytest.param(changed('k="a"', 'k="a" z=">"'), True, id="new attribute of the record"),
        pytest.param(changed('n="7"', "n='a>b\"'"), True, id="brackets and quotes in an attribute"),
        pytest.param(changed("<d>1</d>", "<d>1</d><d>2</d>"), True, id="an element that repeats"),
        pytest.param(changed("text 7", ""), True, id="an empty element"),
        pytest.param(changed("<d>1</d>", "<d/>"), True, id="a self-closing element"),
        pytest.param(changed("<d>1</d>", "<dd>1</dd>"), True, id="a longer name"),
        pytest.param(changed("text 7", "<![CDATA[<V n='1'><zz>]]>"), True, id="a section"),
        pytest.param(changed("<d>", "<!-- <V><q/></V> --><d>"), True, id="a comment"),
        pytest.param(changed("text", "&amp;&lt;b&gt;&#65;&#x1F600;"), True, id="entities"),
        pytest.param(changed("text", "a]] >b] é"), True, id="brackets in a text"),
        pytest.param(changed("text", "a\r\nb\rc"), True, id="line ends"),
        pytest.param(b'<V n="1"/>\n<V></V>\n', True, id="empty records"),
        pytest.param(changed("<d>1</d>", "<d>1</d><a>2</a>"), False, id="an element that repeats elsewhere"),
        pytest.param(changed("1</d>", "<f>1</f></d>"), False, id="an element with text that has a child"),
        pytest.param(changed("<d>1</d>", "<d><a>1</a></d>"), False, id="a known name under another parent"),
        pytest.param(changed("<W>", "<W>said"), False, id="mixed content"),
        pytest.param(changed("text", "t<i>e</i>xt"), False, id="markup in a text"),
        pytest.param(changed("text", "te<!-- <e/> -->xt"), False, id="a comment in a text"),
        pytest.param(changed("text 7", "<!-- none -->"), False, id="a comment alone"),
        pytest.param(changed("text 7", "<![CDATA[]]>"), False, id="an empty section"),
        pytest.param(changed("<d>", "<?x <y/>?><d>"), False, id="an instruction"),
        pytest.param(changed('n="7"', 'n="a\nb"'), True, id="a line end in an attribute"),
        pytest.param(changed('n="7" k="a"', 'k="a" n="7"'), False, id="another order of attributes"),
        pytest.param(changed("<d>1</d>", "<d xmlns='urn:d'>1</d>"), False, id="a namespace"),
        pytest.param(changed("<d>1</d>", f"<d>{RECORD.format(n=1, long='')}</d>"), False, id="a record in a record"),
        pytest.param(b'<V k="b"><d>1</d><a>2</a></V>\n', False, id="another order of elements"),
        pytest.param(b"<X n='1'/>\n", False, id="another element beside the records"),
        pytest.param(b"<VV n='1'/>\n", False, id="a longer name beside the records"),
        pytest.param(b"said\n", False, id="a text beside the records"),
    ],
)
def test_what_only_one_record_has_is_found(tmp_path: Path, odd: bytes, quick: bool) -> None:
    path = tmp_path / "long.xml"
    path.write_bytes(document(odd))
    exact, found = scan_file(path, "/I/V"), quick_scan(path, "/I/V", PIECE)
    assert exact.broken is None
    assert (found is not None) is quick
    if found is None:
        return
    assert facts(found) == facts(exact)
    assert (found.plain, found.one_line_end) == (exact.plain, exact.one_line_end)
    assert found.root
    assert exact.root
    counts = {p: e.count for p, e in walk(found.root)}
    assert all(counts[p] in (e.count, UNKNOWN) for p, e in walk(exact.root))
    assert counts["V",] == exact.root.children["V"].count
    assert contents(convert(path, found, merge([found], ()), tmp_path / "quick")) == slowly(exact)


@pytest.mark.parametrize(
    "odd",
    [
        changed("text", "&nbsp;"), changed("text", "&#0;"), changed("text", "&#xFFFE;"), changed("text", "a & b"),
        changed("text", "a]]>b"), changed("text", "te\x02xt"), changed("text", "te\ufffext"),
        changed("text", b"\xff"), changed("text", b"\xed\xa0\x80"), changed("text", b"\xc0\xaf"),
        changed('n="7"', 'n="<7>"'), changed('n="7"', "n=7"), changed('k="a"', 'n="8"'), changed("</a>", "</b>"),
        changed("</W>", ""), changed("<d>1</d>", "<y:d>1</y:d>"), changed("<d>", "<!-- a -- b --><d>"),
        b"<!DOCTYPE I>\n", b"</I>\n<I>\n",
    ],
)  # fmt: skip
def test_a_break_in_the_midst_is_found(tmp_path: Path, odd: bytes) -> None:
    path = tmp_path / "long.xml"
    path.write_bytes(document(odd))
    assert quick_scan(path, "/I/V", PIECE) is None
    assert scan_file(path, "/I/V").broken


@pytest.mark.parametrize("cut", [-1, 1, 70_000, 1_000_000])
def test_a_long_file_that_is_cut_is_found(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "long.xml"
    path.write_bytes(document(b"")[: -cut - 10] if cut > 0 else document(b"") + b"<I/>")
    assert quick_scan(path, "/I/V", PIECE) is None


def test_records_that_are_commented_out_are_none(tmp_path: Path) -> None:
    path = tmp_path / "long.xml"
    path.write_bytes(b"<I>" + RECORD.format(n=1, long="text").encode() + b"<!--" + document(b"")[26:-5] + b"--></I>")
    assert quick_scan(path, "/I/V", PIECE) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("<d>", "<d xmlns='urn:d'>", id="a namespace in each record"),
        pytest.param("<d>", "".join(f"<{c}{n}/>" for c in "xyz" for n in range(100)) + "<d>", id="many elements"),
    ],
)
def test_what_has_no_short_form_is_read_by_expat(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "long.xml"
    path.write_bytes(document(b"").replace(old.encode(), new.encode()))
    assert quick_scan(path, "/I/V", PIECE) is None
    assert not scan_file(path, "/I/V").broken


def test_a_list_within_an_envelope(tmp_path: Path) -> None:
    path = tmp_path / "long.xml"
    inner = document(b"").partition(b"\n<I>\n")[2].removesuffix(b"</I>\n")
    head, tail = b"<x:S xmlns:x='urn:x'><x:H at='1'/><x:I>", b"</x:I><x:F>end</x:F></x:S>"
    path.write_bytes(head + inner.replace(b"<V", b"<x:V").replace(b"</V", b"</x:V") + tail)
    found, exact = quick_scan(path, "/S/I/V", PIECE), scan_file(path, "/S/I/V")
    assert found
    assert facts(found) == facts(exact)
    assert merge([found], ()).records == {"urn:x S": ("urn:x S", "urn:x I", "urn:x V")}
