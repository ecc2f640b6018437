"""CSV at its worst: headers that cannot be read, bytes of no encoding, files that are no text."""

import csv
import io
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from blocks.sources.csv import CsvExtract
from blocks.sources.csv_dialect import is_one_record
from blocks.sources.csv_lines import count_ends, has_mixed_ends
from governance.errors import SourceError
from tests.unit.blocks.test_files import Drops

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def drops(tmp_path: Path) -> Drops:
    return Drops(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b'id,"name\n1,a\n2,b\n',
        b'id,"na"me"\n1,a\n2,b\n',
        b'id,"name"z\n1,a\n',
        b'\n\n"id,name\n1,"a"\n',
        'näme,"wert\n1,a\n'.encode("cp1252"),
        b'id,"name\n' + b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 40_000,
    ],
    ids=["unclosed", "stray", "text after it", "blank lines before", "cp1252", "longer than the sample"],
)
def test_a_file_with_a_broken_header_is_one_unit_of_quarantine(drops: Drops, content: bytes) -> None:
    (drops.root / "d.csv").write_bytes(content)
    names, rows, [reject] = drops.read()
    assert (names, rows) == ([], [])
    assert (reject.position, reject.reason_code, reject.byte_from) == ("d.csv:1", "broken_header", 0)
    text = content.decode("cp1252")
    assert reject.byte_to == len(text.encode())
    assert reject.raw == (text if len(content) < 1000 else None)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", BOM, b"\n\n", BOM + b"\n  \n"], ids=["", "bom", "blank", "bom and blank"])
@pytest.mark.parametrize("name", [b"name", b'"na\nme"', b'"na,""me" ', b' "na\nme"', b'na"me', b"n\xc3\xa4me"])
def test_what_is_the_header_is_no_row_and_lines_are_counted_from_the_top(
    drops: Drops, line_end: bytes, start: bytes, name: bytes
) -> None:
    head = start + b"id," + name + b"\n"
    content = (head + b"1,a\n2,x,y\n3,\xc3\xa9\n").replace(b"\n", line_end)
    (drops.root / "d.csv").write_bytes(content)
    names, rows, [reject] = drops.read()
    line = head.count(b"\n") + 2
    assert names[0] == "id" and len(names) == 2
    assert [r[:2] for r in rows] == [("1", "a"), ("3", "é")]
    assert (reject.position, reject.raw) == (f"d.csv:{line}", "2,x,y")
    assert content[reject.byte_from : reject.byte_to] == b"2,x,y"


def test_a_header_is_found_though_a_quote_far_below_never_closes(drops: Drops) -> None:
    tail = "x;y;z\n" * 60_000
    (drops.root / "d.csv").write_text(f'id;name;note\n1;a;b\n2;"never;c\n{tail}')
    names, rows, [reject] = drops.read()
    assert names == ["id", "name", "note"]
    assert [r[:3] for r in rows] == [("1", "a", "b")]
    assert (reject.position, reject.reason_code, reject.raw) == ("d.csv:3", "broken_quotes", None)


def test_a_byte_that_no_encoding_has_is_a_broken_row(drops: Drops) -> None:
    (drops.root / "d.csv").write_bytes(b"id,name\n1,a\n2,b\x81c\n3,d\n")
    _, rows, [reject] = drops.read()
    assert [r[0] for r in rows] == ["1", "3"]
    assert (reject.position, reject.reason_code, reject.raw) == ("d.csv:3", "invalid_encoding", "2,b\\x81c")


def test_a_byte_that_the_declared_encoding_has_not_is_a_broken_row(tmp_path: Path) -> None:
    drops = Drops(tmp_path, encoding="cp1252")
    (drops.root / "d.csv").write_bytes(b"id,name\n1,\xe9\n2,b\x81c\n3,\x80\n")
    _, rows, [reject] = drops.read()
    assert [r[:2] for r in rows] == [("1", "é"), ("3", "€")]
    assert (reject.position, reject.reason_code) == ("d.csv:3", "invalid_encoding")


@pytest.mark.parametrize("tail", [b"A", b"2\0,\0\x00\xd8\n\0"], ids=["half a character", "half a pair"])
def test_of_a_file_cut_within_a_character_the_whole_rows_are_kept(tmp_path: Path, tail: bytes) -> None:
    drops = Drops(tmp_path)
    (drops.root / "d.csv").write_bytes("id,name\n1,é\n".encode("utf-16") + tail)
    _, rows, [reject] = drops.read()
    assert [r[:2] for r in rows] == [("1", "é")]
    assert reject.position == "d.csv:3" and reject.reason_code in ("invalid_encoding", "missing_fields")


def test_a_file_is_decoded_anew_when_the_encoding_is_declared_anew(drops: Drops) -> None:
    (drops.root / "d.csv").write_bytes(b"id,name\n1,\xe9\x80\n")
    read = []
    for encoding in (None, "iso-8859-15", "cp1252", "cp437"):
        drops.stream = drops.stream.model_copy(update={"encoding": encoding})
        read.append(drops.read()[1][0][1])
    assert read == ["é€", "é\x80", "é€", "ΘÇ"]
    assert len(list(drops.landing.root.rglob("*.utf8"))) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n" + b"text, text\n" * 9,
        b"PK\x03\x04" + b"a,b\n" * 99,
        b"\x89PNG" + b"a,b\n" * 99,
        b"\xff\xd8\xff" + b"a,b\n" * 99,
        b"\x1f\x8b" + b"a,b\n" * 99,
        b"\x28\xb5\x2f\xfd" + b"a,b\n" * 99,
        b"PAR1\x15" + b"a,b\n" * 99,
        b"SQLite format 3\x00" + b"a,b\n" * 99,
        b"\xd0\xcf\x11\xe0" + b"a,b\n" * 99,
        b"id,name\n" * 1000 + b"\x00" * 999,
    ],
    ids=["pdf", "zip", "png", "jpeg", "gzip", "zstd", "parquet", "sqlite", "ole", "nul"],
)
def test_what_is_no_text_is_refused_whatever_its_name(drops: Drops, content: bytes) -> None:
    (drops.root / "d.csv").write_bytes(content)
    with pytest.raises(SourceError, match="binary"):
        drops.read()


@pytest.mark.parametrize(
    "content", [b"id,name\n1,a\x00b\n", "id,name\n1,a\x00b\n".encode("utf-16"), b"PAR1,PAR2\n1,a\x00b\n"]
)
def test_text_with_a_nul_is_text(drops: Drops, content: bytes) -> None:
    (drops.root / "d.csv").write_bytes(content)
    assert [r[:2] for r in drops.read()[1]] == [("1", "a\x00b")]


def test_streams_read_at_once_tell_each_file_its_own_rejects(drops: Drops) -> None:
    (drops.root / "a.csv").write_text("id,name\n1,a,x\n2,b\n")
    (drops.root / "b.csv").write_text("\n\nid,name\n1,a\n2\n")
    manifests = drops.land()
    base = duckdb.connect()

    def read(name: str) -> set[tuple[tuple[str, str], ...]]:
        stream = drops.stream.model_copy(update={"name": name})
        extract, connection = CsvExtract(stream, manifests, drops.landing), base.cursor()
        told = set()
        for _ in range(200):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE t AS {extract.sql}")
            told.add(tuple(sorted((r.position, str(r.raw)) for r in extract.rejects(connection))))
        return told

    with ThreadPoolExecutor(3) as threads:
        found = set.union(*threads.map(read, ("one", "two", "three")))
    assert found == {(("a.csv:2", "1,a,x"), ("b.csv:5", "2"))}


def test_many_broken_rows_are_each_told_once(drops: Drops) -> None:
    (drops.root / "d.csv").write_bytes(b"id,name\n" + b"1,a\n2,x,y\n" * 2500)
    _, rows, rejects = drops.read()
    assert (len(rows), len(rejects)) == (2500, 2500)
    assert [r.position for r in rejects[:2]] == ["d.csv:3", "d.csv:5"] and rejects[-1].position == "d.csv:5001"


@pytest.mark.parametrize(
    ("row", "alone"),
    [("1,a", True), ('1,"a\nb"', True), ('1,"a', False), ('1,"a"b', False), ("1,a\n2,b", False), ("1,\xa0", True)],
)
def test_a_row_that_would_take_others_along_is_known(row: str, alone: bool) -> None:
    assert is_one_record(row, ",") is alone


def test_a_byte_order_mark_is_no_part_of_a_name_whatever_is_declared(tmp_path: Path) -> None:
    drops = Drops(tmp_path, encoding="cp1252")
    (drops.root / "d.csv").write_bytes(BOM + b"id,name\n1,\xe9\n")
    names, rows, rejects = drops.read()
    assert (names, [r[:2] for r in rows], list(rejects)) == (["id", "name"], [("1", "é")], [])


@pytest.mark.parametrize("row", ["2,b,c", '2,"b\nb",c'])
def test_a_long_broken_row_is_told_to_its_end(drops: Drops, row: str) -> None:
    row = row.replace("b", "b" * 20_000)
    (drops.root / "d.csv").write_text(f"id,name\n1,a\n{row}\n3,c\n")
    _, rows, [reject] = drops.read()
    assert [r[0] for r in rows] == ["1", "3"]
    assert (reject.raw, (reject.byte_to or 0) - (reject.byte_from or 0)) == (row, len(row))


ENDS = (b"\n", b"\r\n", b"\r")


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_rows_may_end_in_several_ways(drops: Drops, first: bytes, second: bytes, encoding: str) -> None:
    """A file that was put together from two; what stands in quotes is not changed."""
    text = 'id,name;1,"a\r\nb\rc\nd";2,x,y;3,"say ""é""";;4,é;5|6,b|"7","8"|9'
    content = text.encode(encoding).replace(b";", first).replace(b"|", second)
    (drops.root / "d.csv").write_bytes(content)
    names, rows, rejects = drops.read()
    assert names == ["id", "name"]
    assert [r[:2] for r in rows] == [("1", "a\r\nb\rc\nd"), ("3", 'say "é"'), ("4", "é"), ("6", "b"), ("7", "8")]
    assert [(r.position, r.reason_code, r.raw) for r in rejects] == [
        ("d.csv:6", "too_many_fields", "2,x,y"),
        ("d.csv:10", "missing_fields", "5"),
        ("d.csv:13", "missing_fields", "9"),
    ]
    if encoding == "utf-8":
        assert [content[r.byte_from : r.byte_to].decode() for r in rejects] == [r.raw for r in rejects]


def test_a_broken_quote_in_a_file_of_mixed_line_ends_is_one_broken_row(drops: Drops) -> None:
    (drops.root / "d.csv").write_bytes(b'id,name\r\n1,"a\nb"c\r\n2,b\n3,c\r\n')
    _, rows, [reject] = drops.read()
    assert [r[:2] for r in rows] == [("2", "b"), ("3", "c")]
    assert (reject.position, reject.reason_code, reject.raw) == ("d.csv:2", "broken_quotes", '1,"a\nb"c')


def test_an_empty_field_too_many_is_one_too_many(drops: Drops) -> None:
    (drops.root / "d.csv").write_bytes(b'id,name\n1,a,\n2,b\n3,c,""\n4,\n5,""\n')
    _, rows, rejects = drops.read()
    assert [r[:2] for r in rows] == [("2", "b"), ("4", None), ("5", None)]
    assert [(r.position, r.reason_code) for r in rejects] == [
        ("d.csv:2", "too_many_fields"),
        ("d.csv:4", "too_many_fields"),
    ]


def test_line_ends_are_told_apart_where_they_fall_between_two_pieces(tmp_path: Path) -> None:
    for length in range((1 << 20) - 3, (1 << 20) + 3):
        path = tmp_path / str(length)
        path.write_bytes(b"x" * length + b"\r\ny\r\n")
        assert not has_mixed_ends(path, ",")
        path.write_bytes(b"x" * length + b"\r\ny\n")
        assert has_mixed_ends(path, ",")
        with path.open("rb") as file:
            assert count_ends(file, length + 2) == 1


def test_what_the_csv_module_reads_is_read_alike(tmp_path: Path) -> None:
    """Rows of any text with any line ends: values are the same, and no row is lost."""
    chance = random.Random(4)
    pieces = ["a", "é", ",", '"', "\n", "\r\n", "\r", " ", "'", "\\", "#", ";"]
    for number in range(40):
        text, expected = "id,name,note\n", []
        for _ in range(chance.randint(1, 12)):
            row = [
                "".join(chance.choices(pieces, k=chance.randint(0, 5))) for _ in range(chance.choice([2, 3, 3, 3, 4]))
            ]
            out = io.StringIO()
            csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=chance.choice(["\n", "\r\n", "\r"])).writerow(row)
            text += out.getvalue()
            expected += [row]
        (tmp_path / str(number)).mkdir()
        drops = Drops(tmp_path / str(number), delimiter=",", encoding="utf-8")
        (drops.root / "d.csv").write_bytes(text.encode())
        _, rows, rejects = drops.read()
        assert [list(r[:3]) for r in rows] == [[v or None for v in row] for row in expected if len(row) == 3], text
        assert len(rejects) == sum(len(row) != 3 for row in expected), text
