"""Files: which are new, how CSV is read, and what becomes of what cannot be read."""

import gzip
import os
import time
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from blocks.landing import Landing
from blocks.sources.base import Manifest, Planned, Reject, Since
from blocks.sources.drops import Dropped
from blocks.sources.files import FilesReader
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import SourceError

NOW = datetime(2100, 1, 1, tzinfo=UTC)
NOTHING = Since(None, {}, {})
DIRTY = (
    b'id,name,note\n1,a,x\n2,"quoted\nnewline",y\n3,short\n4,too,many,cols\n5,b\xe9d,\xc3\xa9\n6,mid"q,z\n'
    b'7,"say ""hi""",\xc3\xa9\n8,,\n\n9,NULL,""\n'
)


class Drops:
    """A folder of drops and its landing zone."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.root = folder / "drops [1]"
        self.root.mkdir()
        self.landing = Landing(folder / "landing")
        self.stream = StreamSpec.model_validate({"name": "c", "path": "*.csv", "settle": "0s", **options})
        self.reader = FilesReader(
            SourceSpec(name="drops", kind="files", owner="x", root=str(self.root), streams={"c": self.stream})
        )

    def plan(self, since: Since = NOTHING) -> list[Planned]:
        return self.reader.plan(self.stream, since, NOW, self.landing)

    def land(self) -> list[Manifest]:
        return [self.reader.land(self.stream, p, self.landing) for p in self.plan()]

    def read(self) -> tuple[list[str], list[tuple[object, ...]], Sequence[Reject]]:
        extract = self.reader.extract(self.stream, self.land(), self.landing, {"": ()})
        connection = duckdb.connect()
        names = [c.name for c in extract.columns]
        cells = ", ".join(f'"{n}"' for n in [*names, "_source_position"])
        connection.execute(f"CREATE TABLE t AS {extract.sql}")
        rows = connection.execute(f"SELECT {cells} FROM t ORDER BY rowid").fetchall()
        return names, rows, extract.rejects(connection)


@pytest.fixture
def drops(tmp_path: Path) -> Drops:
    return Drops(tmp_path)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_broken_rows_keep_their_text_line_and_reason(drops: Drops, line_end: bytes, bom: bytes) -> None:
    content = bom + DIRTY.replace(b"\n", line_end)
    (drops.root / "d.csv").write_bytes(content)
    names, rows, rejects = drops.read()
    assert names == ["id", "name", "note"]
    assert [r[0] for r in rows] == ["1", "2", "6", "7", "8", "9"]
    assert rows[1][1] == f"quoted{line_end.decode()}newline"
    assert (rows[3][1], rows[4][1], rows[5][1]) == ('say "hi"', None, "NULL")
    assert len({r[-1] for r in rows}) == len(rows)
    assert [(r.position, r.reason_code, r.raw) for r in rejects] == [
        ("d.csv:5", "missing_fields", "3,short"),
        ("d.csv:6", "too_many_fields", "4,too,many,cols"),
        ("d.csv:7", "invalid_encoding", "5,b\\xe9d,é"),
    ]
    for reject in rejects:
        assert content[reject.byte_from : reject.byte_to].decode("utf-8", "backslashreplace") == reject.raw


def test_a_quote_that_never_closes_takes_the_tail_as_one_row(drops: Drops) -> None:
    (drops.root / "d.csv").write_bytes(b'id,name\n1,a\n2,"never\n3,b\n')
    _, rows, rejects = drops.read()
    assert [r[0] for r in rows] == ["1"]
    assert [(r.position, r.reason_code, r.raw) for r in rejects] == [("d.csv:3", "broken_quotes", '2,"never\n3,b\n')]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_an_encoding_is_found(drops: Drops, encoding: str) -> None:
    (drops.root / "d.csv").write_bytes("näme;wert\nJosé;5 €\n".encode(encoding))
    names, rows, rejects = drops.read()
    assert (names, [r[:2] for r in rows], list(rejects)) == (["n_me", "wert"], [("José", "5 €")], [])


def test_empty_files_and_headers_are_counted_for_what_they_are(drops: Drops) -> None:
    (drops.root / "zero.csv").write_bytes(b"")
    (drops.root / "blank.csv").write_bytes(b"\n")
    (drops.root / "header.csv").write_bytes(b"id,name\n")
    _, rows, rejects = drops.read()
    assert rows == []
    assert [(r.position, r.reason_code) for r in rejects] == [("zero.csv", "empty_file")]


def test_names_are_literal(drops: Drops) -> None:
    for name in ("a[1].csv", "a1.csv", "-x.csv", "it's.csv", "star*.csv", "new\nline.csv"):
        (drops.root / name).write_text(f"id\n{name[:2].strip()}\n")
    _, rows, _ = drops.read()
    assert {str(r[-1]).rsplit("#", 1)[0] for r in rows} == {p.name for p in drops.root.iterdir()}
    assert len(rows) == 6


def test_a_stream_without_a_file_of_its_format_is_one_clear_error(drops: Drops) -> None:
    for name in ("a.csv", "b.csv"):
        (drops.root / name).write_bytes(bytes(range(256)) * 40 + name.encode())
    with pytest.raises(SourceError) as caught:
        drops.read()
    assert caught.value.what == "stream drops.c, file a.csv"
    assert caught.value.cause == "it is a binary file, not CSV; 1 more file cannot be read either"


def test_a_file_of_another_format_beside_others_is_one_reject(tmp_path: Path) -> None:
    drops = Drops(tmp_path, path="*")
    for name, content in {"a.csv": b"id\n1\n", "b.csv": b"%PDF-1.7 b", "c.xlsx": b"PK c"}.items():
        (drops.root / name).write_bytes(content)
    _, rows, rejects = drops.read()
    assert rows == [("1", "a.csv#1")]
    assert [(r.position, r.reason_code, r.reason, r.byte_from, r.byte_to) for r in rejects] == [
        ("b.csv", "unknown_format", "it is a binary file, not CSV", 0, 10),
        ("c.xlsx", "unknown_format", "the format xlsx is not read", 0, 4),
    ]


def test_what_is_known_is_not_read_again_and_what_changed_is(drops: Drops) -> None:
    path = drops.root / "d.csv"
    path.write_text("id\n1\n")
    first = drops.plan()[0]
    seen = Since(None, {"d.csv": (first.size or 0, first.mtime_ns or 0)}, {first.identity: 1})
    assert drops.plan(seen) == []
    os.utime(path, (1, 1))
    assert drops.plan(seen)[0].identity == first.identity
    path.write_text("id\n2\n")
    assert drops.plan(seen)[0].identity != first.identity


def test_rows_are_told_of_a_part_only_where_it_holds_them_all(tmp_path: Path) -> None:
    drops = Drops(tmp_path, path="*")
    (drops.root / "d.csv").write_text("id\n1\n")
    with zipfile.ZipFile(drops.root / "m.zip", "w") as archive:
        archive.writestr("a.csv", "id\n2\n")
        archive.writestr("b.csv", "id\n3\n")
    found = [m.with_rows({m.load_id: 2}) for m in drops.land()]
    assert [[p.rows for p in m.parts] for m in found] == [[2], [None, None]]


def test_a_part_of_a_format_that_is_not_read_waits_with_its_bytes(tmp_path: Path) -> None:
    drops = Drops(tmp_path, path="*")
    with zipfile.ZipFile(drops.root / "m.zip", "w") as archive:
        archive.writestr("a.csv", "id\n2\n")
        archive.writestr("b.ods", "id\n3\n")
    [planned] = drops.plan()
    first = drops.reader.land(drops.stream, planned, drops.landing)
    assert drops.reader.land(drops.stream, planned, drops.landing) == first  # told once, however often it is landed
    extract = drops.reader.extract(drops.stream, [first], drops.landing, {"": ()})
    [reject] = extract.rejects(duckdb.connect())
    assert (reject.position, reject.reason_code) == ("m.zip!b.ods", "unknown_format")
    folder = drops.landing.folder("drops", "c", first.load_id)
    [part] = [p for p in first.parts if p.position == reject.position]
    assert (folder / part.path).read_bytes()[reject.byte_from : reject.byte_to] == b"id\n3\n"
    assert duckdb.sql(f"SELECT id FROM ({extract.sql})").fetchall() == [("2",)]
    drops.stream = drops.stream.model_copy(update={"format": "csv"})  # by today's rules it can be read
    again = drops.reader.land(drops.stream, planned, drops.landing)
    sql = drops.reader.extract(drops.stream, [again], drops.landing, {"": ()}).sql
    assert again.faults == () and len(duckdb.sql(sql).fetchall()) == 2


def test_a_file_that_still_grows_is_left_for_later_and_told(tmp_path: Path) -> None:
    drops = Drops(tmp_path, settle="60s")
    now = time.time()
    for name, age in (("old", 61), ("grows", 1), ("grows too", 50), ("ahead", -5), ("of the future", -3600)):
        path = drops.root / f"{name}.csv"
        path.write_text(f"id\n{age}\n")
        os.utime(path, (now - age, now - age))
    assert [p.path for p in drops.plan()] == ["of the future.csv", "old.csv"]
    warning = drops.reader.warning(drops.stream)
    assert warning == "3 files are younger than settle 60s: they are taken by a later run"
    for path in drops.root.iterdir():
        os.utime(path, (1, 1))
    assert len(drops.plan()) == 5 and drops.reader.warning(drops.stream) is None


@pytest.mark.parametrize(
    ("name", "declared", "cause"),
    [
        ("d.XLSX", None, "the format xlsx is not read"),
        ("d.xlsx.gz", None, "the format xlsx is not read"),
        ("d.avro", None, "the format avro is not read"),
    ],
)
def test_a_format_that_is_not_read_is_one_clear_error(
    tmp_path: Path, name: str, declared: str | None, cause: str
) -> None:
    drops = Drops(tmp_path, path="*", format=declared)
    content = b"id,name\n1,a\n"
    (drops.root / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(SourceError, match=cause):
        drops.read()


def test_absent_things_are_told_apart(tmp_path: Path) -> None:
    drops = Drops(tmp_path)
    assert drops.plan() == []
    warning = drops.reader.warning(drops.stream)
    (drops.root / "d.csv").write_text("id\n1\n")
    assert "no file matches" in (warning or "") and drops.reader.warning(drops.stream) == warning  # it asks no more
    (drops.root / "d.csv").unlink()
    named = StreamSpec(name="c", path="one.csv")
    with pytest.raises(SourceError, match=r"one\.csv does not exist"):
        drops.reader.plan(named, NOTHING, NOW, drops.landing)
    drops.root.rmdir()
    with pytest.raises(SourceError, match="folder"):
        drops.plan()


def test_a_link_out_of_the_root_is_not_followed(drops: Drops, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("password\nx\n")
    (drops.root / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert drops.plan() == []
    with pytest.raises(SourceError, match="outside of folder"):
        drops.reader.plan(StreamSpec(name="c", path="link.csv"), NOTHING, NOW, drops.landing)


def test_a_source_that_cannot_be_read_is_told_as_such(drops: Drops) -> None:
    (drops.root / "mem.csv").symlink_to("/proc/self/mem")  # opens, and fails on reading
    found = Dropped("mem.csv", 0, 0)
    with pytest.raises(SourceError, match="make the file readable"), drops.reader.drops.open(found, "c") as file:
        file.read(1)


def test_a_file_that_changes_while_it_is_landed_is_refused(drops: Drops) -> None:
    (drops.root / "d.csv").write_text("id\n1\n")
    [found] = drops.reader.drops.matching("*.csv", "c")
    reading = drops.reader.drops.open(found, "c")
    reading.__enter__()
    (drops.root / "d.csv").write_text("id\n22\n")
    with pytest.raises(SourceError, match="changed while"):
        reading.__exit__(None, None, None)


def test_a_name_that_is_not_utf8_has_a_text_that_stands_for_it(drops: Drops) -> None:
    (drops.root / "a.csv").write_text("id\n1\n")
    Path(os.fsdecode(os.fsencode(drops.root) + b"/caf\xe9.csv")).write_text("id\n2\n")
    _, rows, _ = drops.read()
    assert rows == [("1", "a.csv#1"), ("2", "caf\\xe9.csv#1")]
