"""Rows that are longer than what DuckDB's threads take of a file at a time: none is lost, and none is made of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.blocks.test_files import Drops

MB = 1 << 20


@pytest.mark.parametrize("size", [3, 15, 17, 40])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("filler", [b"x", b'"5,6', b'", ""'], ids=["line", "rows in quotes", "quotes in quotes"])
def test_a_row_of_any_length_is_one_row(tmp_path: Path, size: int, last: bool, filler: bytes) -> None:
    drops = Drops(tmp_path)
    lines = size * MB // len(filler)
    field = filler * lines if filler == b"x" else filler[:1] + (filler[1:] + b"\n") * lines + b'"'
    before = [b"%d,b" % n for n in range(1000)]
    after = [] if last else [b"%d,a" % n for n in range(1000)]
    content = b"\n".join([b"id,name", *before, b"3," + field, *after, b"ragged"]) + b"\n"
    (drops.root / "d.csv").write_bytes(content)
    _, rows, rejects = drops.read()
    begin = len(b"\n".join([b"id,name", *before])) + 1
    ragged = ("missing_fields", len(content) - 7, len(content) - 1)
    if size < 16:
        value = field.decode() if filler == b"x" else field.decode()[1:-1].replace('""', '"')
        assert len(rows) == len(before) + 1 + len(after)
        assert rows[len(before)][1] == value and rows[-1][1] == ("a" if after else value)
        assert [(r.reason_code, r.byte_from, r.byte_to) for r in rejects] == [ragged]
        return
    assert len(rows) == len(before) + len(after)
    long = ("line_too_long", begin, begin + 2 + len(field))
    assert {(r.reason_code, r.byte_from, r.byte_to) for r in rejects} == {long, ragged}
    assert len(rejects) == 2 and "d.csv:1002" in {r.position for r in rejects}


def test_many_long_rows_are_read_beside_short_ones(tmp_path: Path) -> None:
    drops = Drops(tmp_path)
    sizes = [5, 3 * MB, 100, 2_000_000, 7 * MB, 1, 16 * MB - 99, 11 * MB, *[10] * 1000, 4 * MB]
    with (drops.root / "d.csv").open("wb") as file:
        file.write(b"id,name\n")
        for number, size in enumerate(sizes):
            file.write(b'%d,"%b\n,"\n' % (number, b"a,\n" * (size // 3)))
    _, rows, rejects = drops.read()
    assert not rejects
    assert [(str(r[0]), len(str(r[1]))) for r in rows] == [(str(n), size // 3 * 3 + 2) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("text", [b"a,\n", b"1,b\n", b'he said ""no"", twice\n', b"a line\n", b"\n"])
def test_lines_of_a_quoted_field_are_no_rows_wherever_a_thread_begins(tmp_path: Path, text: bytes) -> None:
    drops = Drops(tmp_path)
    times = [1, 2, 40, 900, 3, 20_000] * 200
    with (drops.root / "d.csv").open("wb") as file:
        file.write(b"id,name\n")
        for number, count in enumerate(times):
            file.write(b'%d,"%b"\n' % (number, text * count))
        assert file.tell() > 8_000_000 or text == b"\n", "a second thread begins there"
    _, rows, rejects = drops.read()
    length = len(text.replace(b'""', b'"'))
    assert [(r[0], len(str(r[1]))) for r in rows] == [(str(n), length * count) for n, count in enumerate(times)]
    assert not rejects


def test_what_is_behind_a_broken_quote_is_there_wherever_a_thread_begins(tmp_path: Path) -> None:
    drops = Drops(tmp_path)
    sound, broken = b'1,"xyz",3\n', b'1,"x"y,3\n'
    pieces = [b"a,b,c\n", sound * 799_000, broken * 3000, sound * 800_000, broken * 9, sound]
    (drops.root / "d.csv").write_bytes(b"".join(pieces))
    _, rows, rejects = drops.read()
    assert len(rows) == 799_000 + 800_000 + 1
    assert {r.reason_code for r in rejects} == {"broken_quotes"}
    assert [r.byte_from for r in rejects[:2]] == [6 + 7_990_000, 6 + 7_990_000 + len(broken)]
    assert len(rejects) == 3009 and rejects[-1].byte_to == sum(map(len, pieces)) - len(sound) - 1


@pytest.mark.parametrize("broken", [b"1,2", b"1,2,3,4", b"1,2,\xe9"])
def test_where_most_rows_are_broken_the_others_are_there_wherever_a_thread_begins(
    tmp_path: Path, broken: bytes
) -> None:
    drops = Drops(tmp_path, encoding="utf-8")
    sound = b"1,2,3\n"
    block = broken + b"\n" + sound
    pieces = [b"a,b,c\n", sound * 1_320_000, block * 9000, sound * 90_000]
    (drops.root / "d.csv").write_bytes(b"".join(pieces))
    _, rows, rejects = drops.read()
    assert (len(rows), len(rejects)) == (1_320_000 + 9000 + 90_000, 9000)


@pytest.mark.parametrize(
    ("tail", "sound"),
    [
        ('"', 0), ('3,"never\n4,d\n', 0), ('"x"a , "\n3,4\n', 0), ('"" "', 0), ('3," a ""', 0), ('3,"a"\n "', 1),
        ('  "3,c\n4,d\n', 2), ('3,mid"q\n', 1), ('3,"a,"\n', 1), ('3,"a\n,"', 1), ('"x"a,"b,"\n4,d\n', 1),
    ],
)  # fmt: skip
def test_a_last_row_whose_quote_never_closes_is_one_row(tmp_path: Path, tail: str, sound: int) -> None:
    drops = Drops(tmp_path, delimiter=",")
    (drops.root / "d.csv").write_text(f"id,name\n1,a\n2,b\n{tail}")
    _, rows, rejects = drops.read()
    broken = 0 if tail.startswith(("  ", "3,mid", '3,"a,"', '3,"a\n')) else 1
    assert (len(rows), [r.reason_code for r in rejects]) == (2 + sound, ["broken_quotes"] * broken)
