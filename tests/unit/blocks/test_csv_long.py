"""Rows that are longer than what DuckDB's threads take of a file at a time: none is lost, and none is made of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.blocks.test_files import Drops

MB = 1 << 20


@pytest.mark.parametrize("size", [3, 9, 15, 17, 40])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("filler", [b"x", b'"5,6', b'", ""'], ids=["line", "rows in quotes", "quotes in quotes"])
def test_a_row_of_any_length_is_one_row(tmp_path: Path, size: int, last: bool, filler: bytes) -> None:
    drops = Drops(tmp_path)
    field = filler * (size * MB) if filler == b"x" else filler[:1] + (filler[1:] + b"\n") * (size * MB // 4) + b'"'
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
