"""XML files as tables: records, columns, child tables, what text is worth."""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from blocks.sources.xml import merge, scan
from blocks.sources.xml.arrow import write_plain
from blocks.sources.xml.rows import open_tables, write_rows
from governance.errors import SourceError
from tests.unit.blocks.xml_support import converted, records, rows

INVOICES = """<?xml version="1.0" encoding="UTF-8"?>
<Invoices run="7">
  <Invoice number="INV-1" currency="USD">
    <Issued>2026-03-01</Issued>
    <Customer id="0012"><Name>Smith &amp; Sons</Name></Customer>
    <Lines>
      <Line no="1"><Service>Print</Service><Quantity>1,5</Quantity></Line>
      <Line no="2"><Service>Web</Service></Line>
    </Lines>
    <Total>150.00</Total>
  </Invoice>
  <Invoice number="INV-2" currency="">
    <Lines/>
    <Total> 1 </Total>
  </Invoice>
</Invoices>
"""


@pytest.mark.parametrize("odd", ["", "<!DOCTYPE Invoices>"], ids=["xml2arrow", "expat"])
def test_invoices_are_records_with_lines(tmp_path: Path, odd: str) -> None:
    (file,) = converted(tmp_path, INVOICES.replace("<Invoices", odd + "<Invoices", 1))
    assert rows(file) == [
        {"_record": 1, "number": "INV-1", "currency": "USD", "issued": "2026-03-01", "customer_id": "0012",
         "customer_name": "Smith & Sons", "total": "150.00"},
        {"_record": 2, "number": "INV-2", "currency": "", "issued": None, "customer_id": None,
         "customer_name": None, "total": " 1 "},
    ]  # fmt: skip
    assert rows(file, "line") == [
        {"_record": 1, "_parent": 1, "_index": 0, "no": "1", "service": "Print", "quantity": "1,5"},
        {"_record": 2, "_parent": 1, "_index": 1, "no": "2", "service": "Web", "quantity": None},
    ]
    assert file.parents == {"line": ""}
    assert not file.faults


def test_an_empty_element_is_an_empty_text_and_an_absent_one_is_null(tmp_path: Path) -> None:
    document = "<I><V><a/></V><V><a></a></V><V><a><!-- none --></a></V><V><a> </a></V><V><b>1</b></V></I>"
    assert [r["a"] for r in records(tmp_path, document)] == ["", "", "", " ", None]


def test_what_repeats_in_one_file_is_a_table_in_all(tmp_path: Path) -> None:
    first, second = converted(
        tmp_path, "<I><V><Tag>a</Tag></V></I>", '<I><V><Tag>b</Tag><Tag k="1">c</Tag></V><V/></I>'
    )
    assert rows(first, "tag") == [{"_record": 1, "_parent": 1, "_index": 0, "k": None, "tag": "a"}]
    assert [r["tag"] for r in rows(second, "tag")] == ["b", "c"]
    assert rows(first) == [{"_record": 1}]


def test_what_bronze_has_as_a_table_stays_one(tmp_path: Path) -> None:
    document = "<I><V n='1'><Lines><Line><a>1</a></Line></Lines></V></I>"
    (file,) = converted(tmp_path, document, known=["line"])
    assert rows(file, "line") == [{"_record": 1, "_parent": 1, "_index": 0, "a": "1"}]
    (file,) = converted(tmp_path, document)
    assert rows(file) == [{"_record": 1, "n": "1", "lines_line_a": "1"}]


def test_grandchildren_belong_to_their_own_parent(tmp_path: Path) -> None:
    document = (
        "<I><V><L><M>1</M><M>2</M></L><L/><L><M>3</M></L></V><V><L><M>4</M></L></V><V><L><M>5</M></L><L/></V></I>"
    )
    (file,) = converted(tmp_path, document)
    assert file.parents == {"l": "", "m": "l"}
    assert [(r["_record"], r["_parent"], r["_index"]) for r in rows(file, "l")] == [
        (1, 1, 0), (2, 1, 1), (3, 1, 2), (4, 2, 0), (5, 3, 0), (6, 3, 1),
    ]  # fmt: skip
    assert [(r["_parent"], r["_index"], r["m"]) for r in rows(file, "m")] == [
        (1, 0, "1"), (1, 1, "2"), (3, 0, "3"), (4, 0, "4"), (5, 0, "5"),
    ]  # fmt: skip


def test_two_tables_of_one_name_are_named_by_their_paths(tmp_path: Path) -> None:
    document = "<I><V><A><x>1</x><x>2</x></A><B><x>3</x><x>4</x></B></V></I>"
    (file,) = converted(tmp_path, document)
    assert set(file.tables) == {"", "a_x", "b_x"}


def test_a_table_of_bronze_keeps_its_name_when_others_of_it_are_new(tmp_path: Path) -> None:
    for other in ("<B><x>3</x></B>", "<x>3</x>"):
        for one in ((other, ""), ("", other)):
            document = f"<I><V>{one[0]}<A><x>1</x><x>2</x></A>{one[1]}</V></I>"
            (file,) = converted(tmp_path, document, known=["x"])
            assert [r["x"] for r in rows(file, "x")] == ["1", "2"]
            assert set(file.tables) == {"", "x"}
            assert "3" in rows(file)[0].values()
    document = "<I><V><A><x>1</x><x>2</x></A><B><x>3</x></B></V></I>"
    (file,) = converted(tmp_path, document, known=["x", "a_x"])
    assert set(file.tables) == {"", "a_x"}


def test_a_wrapped_element_that_repeats_beside_others_is_a_table(tmp_path: Path) -> None:
    (file,) = converted(tmp_path, "<I><V n='1'><q>1</q><L x='1'>a</L><L x='2'>b</L></V><V n='2'><q>2</q></V></I>")
    assert rows(file) == [{"_record": 1, "n": "1", "q": "1"}, {"_record": 2, "n": "2", "q": "2"}]
    assert [(r["_parent"], r["x"], r["l"]) for r in rows(file, "l")] == [(1, "1", "a"), (1, "2", "b")]


@pytest.mark.parametrize(
    ("document", "record", "count"),
    [
        ("<rss><channel><title>t</title><item><a>1</a></item><item><a>2</a></item></channel></rss>", None, 2),
        ("<Invoices><Invoice><a>1</a></Invoice></Invoices>", None, 1),
        ("<Invoices><Invoice><L>1</L><L>1</L></Invoice></Invoices>", None, 1),
        ("<Order><No>1</No><Date>2</Date><Who>x</Who><Line>1</Line><Line>2</Line></Order>", None, 1),
        ("<Envelope><Body><Order><No>1</No><Who>x</Who></Order></Body></Envelope>", None, 1),
        ("<Export><Orders><Order><No>1</No></Order></Orders></Export>", None, 1),
        ("<I><V n='1'><T>1</T><T>2</T></V></I>", None, 1),
        ("<a>text</a>", None, 1),
        ("<a/>", None, 0),
        ("<Invoices/>", "/Invoices/Invoice", 0),
        ("<X><H/><Y><V/><V/></Y></X>", "/X/Y/V", 2),
        ("<X><H/><Y><V/><V/></Y></X>", "V", 2),
        ("<x:I xmlns:x='urn:i'><x:V><x:a>1</x:a></x:V><x:H/></x:I>", "/I/V", 1),
        ("<x:I xmlns:x='urn:i'><x:V><x:a>1</x:a></x:V><x:H/></x:I>", "x:I/x:V", 1),
    ],
)
def test_the_record(tmp_path: Path, document: str, record: str | None, count: int) -> None:
    assert len(records(tmp_path, document, record)) == count


def test_a_list_of_one_record_has_the_columns_of_a_list_of_many(tmp_path: Path) -> None:
    one = "<Invoices><Invoice number='1'><Customer id='7'/></Invoice></Invoices>"
    assert records(tmp_path, one) == [{"number": "1", "customer_id": "7"}]


@pytest.mark.parametrize("record", ["/Invoices/Invoice", "/Orders/Ordre", "/Orders/Order/Line", "Invoice"])
def test_a_file_without_the_declared_record_is_refused(tmp_path: Path, record: str) -> None:
    (file,) = converted(tmp_path, "<Orders><Order><No>1</No></Order><Order><No>2</No></Order></Orders>", record=record)
    (fault,) = file.faults
    assert (fault.reason_code, rows(file)) == ("no_record", [])
    assert fault.reason == f"it has no {record}: its records look to be /Orders/Order"


def test_entities_sections_and_comments(tmp_path: Path) -> None:
    document = "<I><V b='x&#10;&lt;y'><a>1&amp;&#x41;<![CDATA[<b>&amp;]]><!-- c -->\n<?p i?> 2</a></V><V b=''/></I>"
    assert records(tmp_path, document)[0] == {"b": "x\n<y", "a": "1&A<b>&amp;\n 2"}


def test_entities_stay_as_they_are_written_whoever_declares_them(tmp_path: Path) -> None:
    head = '<!DOCTYPE I SYSTEM "gone.dtd" [<!ENTITY co "ACME &amp; Co"><!ENTITY up "</a><b>1</b><a>">]>'
    document = f"{head}<I><V><a>&co;&nbsp;x&lt;</a></V><V><a>&co;</a></V><V><a>&up;</a></V></I>"
    assert records(tmp_path, document) == [{"a": "&co;&nbsp;x<"}, {"a": "&co;"}, {"a": "&up;"}]


def test_line_ends_are_line_feeds(tmp_path: Path) -> None:
    assert records(tmp_path, "<I>\r\n<V><a>1\r\n2\r3&#13;</a></V>\r\n</I>") == [{"a": "1\n2\n3\r"}]


def test_mixed_content_is_the_whole_text_and_its_parts(tmp_path: Path) -> None:
    document = "<I><V><p>one <b>two</b> three</p></V><V><p><b>four</b></p></V><V><p>five</p></V></I>"
    assert records(tmp_path, document) == [
        {"p": "one two three", "p_b": "two"}, {"p": "four", "p_b": "four"}, {"p": "five", "p_b": None},
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "shift_jis", "gb18030"])
def test_encodings_by_their_declaration(tmp_path: Path, encoding: str) -> None:
    text = {"shift_jis": "日本", "gb18030": "中文"}.get(encoding, "Größe é")
    document = f'<?xml version="1.0" encoding="{encoding}"?><I><V><a>{text}</a></V></I>'
    assert records(tmp_path, document.encode(encoding)) == [{"a": text}]


def test_byte_order_marks(tmp_path: Path) -> None:
    for head, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16-be"), (b"", "utf-16-le")):
        document = '<?xml version="1.0"?><I><V><a>é</a></V></I>'.encode(encoding)
        if encoding == "utf-16-le":
            document = codecs.BOM_UTF16_LE + document
        assert records(tmp_path, head + document) == [{"a": "é"}]


def test_namespaces_and_prefixes_are_no_part_of_a_name(tmp_path: Path) -> None:
    document = (
        "<x:I xmlns:x='urn:x' xmlns:y='urn:y'><x:V n='1' y:n='2'><x:a>1</x:a><y:a>2</y:a><x:b>3</x:b></x:V>"
        "<z:V xmlns:z='urn:x' n='4'><z:a>5</z:a></z:V></x:I>"
    )
    assert records(tmp_path, document) == [
        {"n": "1", "n_2": "2", "a": "1", "a_2": "2", "b": "3"},
        {"n": "4", "n_2": None, "a": "5", "a_2": None, "b": None},
    ]


def test_names_of_our_own_columns_are_kept_apart(tmp_path: Path) -> None:
    document = "<I><V><_load_id>1</_load_id><_record>2</_record><_parent>3</_parent><a-b>4</a-b><a.b>5</a.b></V></I>"
    assert records(tmp_path, document) == [
        {"_load_id_2": "1", "_record_2": "2", "_parent_2": "3", "a_b": "4", "a_b_2": "5"}
    ]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"stream drops\.invoices"):
        scan(tmp_path / "gone.xml", None, "stream drops.invoices")


@pytest.mark.parametrize(
    ("document", "plain"),
    [
        (INVOICES, True),
        (INVOICES.replace("\n", "\r\n"), True),
        (INVOICES.replace("</Issued>", "</Issued><!-- <Issued/> --><Note><![CDATA[<Issued/>]]></Note>"), True),
        (INVOICES.replace("<Lines/>", "<Lines/><Issued at='>'/><Customer><Name></Name></Customer>"), True),
        (INVOICES.replace("<Lines/>", "<Lines/><Issued><!-- none --></Issued>"), False),
        (INVOICES.replace("<Invoices run", "<Invoices xmlns='urn:i' run"), True),
        (INVOICES.replace("<Lines/>", "<Lines/><p>a<b>c</b></p>"), False),
        (INVOICES.replace("<Lines/>", "<Lines count='0'/>"), False),
        (INVOICES.replace("</Invoices>", "<Footer/></Invoices>"), False),
        (INVOICES.replace("<Service>Web</Service>", "<S>1</S><S>2</S>"), False),
        (INVOICES.replace("<Invoice ", "<Invoice xmlns:y='urn:y' y:number='3' "), False),
    ],
)
def test_both_ways_give_the_same(tmp_path: Path, document: str, plain: bool) -> None:
    """What xml2arrow reads is what expat reads; what it would read otherwise it is not given."""
    path = tmp_path / "invoices.xml"
    path.write_text(document, newline="")
    found = scan(path, "/Invoices/Invoice", "file")
    layout = merge([found], ())
    path_of_record = layout.records[found.root.name if found.root else ""]
    assert path_of_record
    with open_tables(layout, tmp_path / "fast") as files:
        assert write_plain(found, layout, path_of_record, files) is plain
        fast = [f.path for f in files]
    with open_tables(layout, tmp_path / "slow") as files:
        write_rows(found, layout, path_of_record, 2, files)
        slow = [f.path for f in files]
    if plain:
        for one, other in zip(fast, slow, strict=True):
            assert pq.read_table(one).to_pylist() == pq.read_table(other).to_pylist() != []
